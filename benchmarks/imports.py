"""The time that imports take, and whose it is."""
import subprocess
import sys

from . import REPO
from .row import Row

PARTS = {
    'torch': 'import torch',
    # All of mmengine, mmseg and mmpretrain that mmseg_panet.apis needs.
    'mmseg': 'import mmengine.infer, mmengine.runner, mmseg.datasets, '
             'mmseg.models, mmseg.visualization',
    'mmseg_panet': 'import mmseg_panet.apis',
}


def measure(rounds: int = 5) -> list[Row]:
    """Time the import in new processes, whose files are in the cache.

    The least of the rounds counts: what else the machine does only adds to
    it. The shares are those of another process, which imports the parts one
    after the other; it collects no garbage, as mmseg_panet does not.
    """
    seconds = [_seconds([PARTS['mmseg_panet']])[0] for _ in range(1 + rounds)]
    del seconds[0]  # to warm up
    shares = [
        _seconds(list(PARTS.values()), 'import gc; gc.disable()')
        for _ in range(rounds)]
    least = [min(one) for one in zip(*shares, strict=True)]
    return [Row(
        'import of mmseg_panet.apis', 'a process of its own',
        'the least of all rounds', min(seconds), min(seconds), max(seconds),
        rounds, unit=' s', under=8,
        remark='of which ' + ', '.join(
            f'{name} {value:.2f} s'
            for name, value in zip(PARTS, least, strict=True)))]


def _seconds(statements: list[str], first: str = 'pass') -> list[float]:
    """The seconds of each statement, in one process."""
    code = [first, 'import time', 'times = [time.perf_counter()]']
    for statement in statements:
        code += [statement, 'times.append(time.perf_counter())']
    run = subprocess.run(
        [sys.executable, '-c', '\n'.join([*code, 'print(*times)'])],
        cwd=REPO, check=True, capture_output=True, text=True)
    times = [float(one) for one in run.stdout.splitlines()[-1].split()]
    return [end - start for start, end in zip(
        times[:-1], times[1:], strict=True)]
