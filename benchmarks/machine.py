"""The machine and the software of the figures."""
import hashlib
import os
import platform
import resource
import subprocess
from pathlib import Path

import mmcv
import mmengine
import mmseg
import torch

from . import REPO

# Changes in these do not change a figure.
_NOT_MEASURING = ('run.py', 'results.py', 'gpu_check.py')


def kind() -> str:
    """Return 'gpu' if there is one, otherwise 'cpu'."""
    return 'gpu' if torch.cuda.is_available() else 'cpu'


def describe() -> dict[str, str]:
    """Return machine, versions, commit and a digest of what is measured."""
    info = Path('/proc/cpuinfo')
    models = [
        line.split(':')[1].strip()
        for line in info.read_text().splitlines()
        if line.startswith('model name')] if info.is_file() else []
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
    parts = [
        models[0] if models else platform.processor(), f'{cores} cores',
        f'{torch.get_num_threads()} threads', f'{memory / 2**30:.0f} GiB']
    if torch.cuda.is_available():
        parts.append(torch.cuda.get_device_name())
    versions = dict(
        Python=platform.python_version(), torch=torch.__version__,
        mmengine=mmengine.__version__, mmcv=mmcv.__version__,
        mmseg=mmseg.__version__)
    return {
        'machine': ', '.join(parts),
        'versions': ', '.join(f'{k} {v}' for k, v in versions.items()),
        'commit': _commit(),
        'sources': _digest(),
    }


def _commit() -> str:
    try:
        return subprocess.run(
            ['git', 'rev-parse', '--short=10', 'HEAD'], cwd=REPO, check=True,
            capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return 'unknown'


def _digest() -> str:
    """Hash the package, the configs and the measurements."""
    digest = hashlib.sha256()
    for folder in ('mmseg_panet', 'configs', 'benchmarks'):
        for path in sorted((REPO / folder).rglob('*.py')):
            if path.name not in _NOT_MEASURING:
                digest.update(path.relative_to(REPO).as_posix().encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def limit_memory() -> float:
    """Keep this process within the memory that is free now.

    A case that is too large then raises, before the machine runs out. On a
    GPU nothing is limited: CUDA reserves addresses far beyond.

    Returns:
        float: GB that are free.
    """
    lines = Path('/proc/meminfo').read_text().splitlines()
    kilobytes = dict(line.split(':') for line in lines)['MemAvailable']
    free = int(kilobytes.split()[0]) * 1024
    group = Path('/sys/fs/cgroup/memory.max')
    if group.is_file() and (most := group.read_text().strip()) != 'max':
        used = int(group.with_name('memory.current').read_text())
        free = min(free, int(most) - used)
    if not torch.cuda.is_available():
        pages = int(Path('/proc/self/statm').read_text().split()[0])
        mapped = pages * os.sysconf('SC_PAGE_SIZE')
        limit = mapped + int(0.95 * free)
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (limit, most))
    return free / 1e9
