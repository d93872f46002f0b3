"""Check on a GPU all that needs one, in less than ten minutes.

The tests of tests/test_gpu.py, trainings in every precision with their tests,
and the command `segment` run in parallel. The benchmarks then run alone, and
write benchmarks/RESULTS.md. The logs are in work_dirs/gpu_check.
"""
import argparse
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import NamedTuple, NoReturn

import cv2
import torch

from mmseg_panet.cli.exit import exit_on_input_error
from mmseg_panet.datasets import make_toy_dataset
from mmseg_panet.datasets.toy.toy_dataset import make_toy_examples
from mmseg_panet.errors import InputError
from mmseg_panet.table import format_table

from . import REPO
from .case import Case, build_model
from .runners import WEIGHTS

PRECISIONS = {
    'float32': (), 'bfloat16': ('--amp', '--amp-dtype', 'bfloat16'),
    'float16': ('--amp', '--amp-dtype', 'float16'),
    'compile': ('--cfg-options', 'compile=True')}
OUT = REPO / 'work_dirs/gpu_check'
CONFIGS = {
    'toy': 'panet_r18-d8_1xb4-800iters_toy3i-128x128',
    'MSRC': 'panet_r18-d8_1xb4-600iters_msrc7i-225x225'}
_TOLERANCE = 0.5
"""Points of mIoU by which the two ways to test may differ."""
_AGREEING = 0.97
"""Least share of the pixels whose class is the same on GPU and CPU.

Convolutions of a GPU round to the 10 bits of TensorFloat-32.
"""


_running: set[int] = set()
"""Process groups of the commands that run, which would outlive this one."""


class SkippedError(Exception):
    """A step cannot run here; the message says what it lacks."""


class Result(NamedTuple):
    """What became of a step."""

    name: str
    state: str
    seconds: float
    note: str


class Check:
    """The settings of a check, and the commands that it runs.

    Args:
        args (argparse.Namespace): See :func:`parse_args`.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self.device, self.quick = args.device, args.quick
        self.data, self.out = args.data.resolve(), OUT
        self.deadline = time.monotonic() + 60 * args.minutes
        self.iterations = 4 if args.quick else 200
        self.episodes = 4 if args.quick else 200

    def python(self, log: str, *command: object) -> str:
        """Run Python until the deadline, and return what it printed.

        Raises:
            RuntimeError: If it fails, with the last line that it printed.
        """
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise RuntimeError('no time was left')
        path = self.out / f'{log}.log'
        environment = os.environ | dict(
            PANET_GPU_TESTS=self.device, OMP_NUM_THREADS='1',
            PYTHONPATH=os.pathsep.join(
                [str(REPO), os.environ.get('PYTHONPATH', '')]))
        if self.device == 'cpu':
            environment['CUDA_VISIBLE_DEVICES'] = ''
        with path.open('w') as file:
            process = subprocess.Popen(
                [sys.executable, *map(str, command)], cwd=REPO, stdout=file,
                stderr=subprocess.STDOUT, env=environment,
                start_new_session=True)
            _running.add(process.pid)
            try:
                code = process.wait(left)
            except subprocess.TimeoutExpired:
                # The workers of its data loaders end with it.
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise RuntimeError(
                    f'the time was over after {left:.0f} s, see {path}'
                ) from None
            finally:
                _running.discard(process.pid)
        text = path.read_text(errors='replace')
        if code:
            last = (text.strip().splitlines() or [''])[-1]
            raise RuntimeError(f'exit code {code}, see {path}: {last[:200]}')
        return text

    def tests(self) -> str:
        """Run the tests that need a GPU."""
        text = self.python(
            'tests', '-m', 'pytest', '-q', '-p', 'no:cacheprovider', '-m', '',
            'tests/test_gpu.py')
        return text.strip().splitlines()[-1].strip('= ')

    def settings(self, name: str) -> list[object]:
        """Return the flags of the commands that read a data set.

        Raises:
            SkippedError: If the data set or its weights are not there.
        """
        if name == 'toy':
            return ['--data-root', self.out / 'toy']
        for path in (self.data / 'msrc_v2', self.data / WEIGHTS):
            if not path.exists():
                raise SkippedError(
                    f'{path} is not there; name its folder by DATA=')
        return ['--data-root', self.data / 'msrc_v2',
                '--pretrained', self.data / WEIGHTS]

    def training(self, name: str, precision: str) -> str:
        """Train a config; in float32, also test it in both ways.

        Raises:
            RuntimeError: If a command fails, a loss is not finite, or the
                two ways to test differ.
        """
        if precision in ('bfloat16', 'float16') and self.device == 'cpu':
            raise SkippedError('mixed precision needs a GPU')
        log = f'{name}-{precision}'
        common = self.settings(name)
        flags = list(PRECISIONS[precision])
        if '--cfg-options' not in flags:
            flags.append('--cfg-options')
        folder = self.out / log
        self.python(
            log, '-m', 'mmseg_panet', 'train', CONFIGS[name], *common,
            '--work-dir', folder, *flags,
            f'train_cfg.max_iters={self.iterations}',
            f'train_cfg.val_interval={self.iterations}',
            f'default_hooks.checkpoint.interval={self.iterations}',
            'default_hooks.logger.interval=2',
            'default_hooks.visualization.num_pictures=0',
            f'val_dataloader.dataset.num_episodes={self.episodes}')
        note = _training_note(folder)
        if precision == 'float32':
            note += ', ' + self._both_tests(name, common, folder)
        return note

    def _both_tests(self, name: str, common: list[object],
                    folder: Path) -> str:
        scores = []
        for kind in ('images', 'episodes'):
            result = self.out / f'{name}-{kind}.json'
            self.python(
                f'{name}-test-by-{kind}', '-m', 'mmseg_panet', 'test',
                CONFIGS[name], folder / f'iter_{self.iterations}.pth',
                *common, '--work-dir', folder / kind, '--out', result,
                '--runs', 1, '--episodes', self.episodes, '--cfg-options',
                f'test_cfg.reuse_features={kind == "images"}')
            scores.append(json.loads(result.read_text())['mIoU'])
        if not abs(scores[0] - scores[1]) <= _TOLERANCE:
            raise RuntimeError(
                f'mIoU {scores[0]} by images, but {scores[1]} by episodes')
        return f'test mIoU {scores[0]:.2f} by images, {scores[1]:.2f} by ' \
            'episodes'

    def segment(self) -> str:
        """Segment photos on the device and on the CPU.

        Raises:
            RuntimeError: If a command fails, or too many pixels differ.
        """
        folder = self.out / 'examples'
        masks = []
        for device in (self.device, 'cpu'):
            out = self.out / f'segmented-{device}'
            shutil.rmtree(out, ignore_errors=True)
            self.python(
                f'segment-{device}', '-m', 'mmseg_panet', 'segment',
                CONFIGS['toy'], self.out / 'random.pth', '--support',
                folder / 'examples', '--images', folder / 'photos', '--out',
                out, '--device', device)
            masks.append({
                path.name: cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
                for path in sorted(out.glob('masks/*.png'))})
        one, other = masks
        photos = len(list((folder / 'photos').iterdir()))
        if not photos == len(one) == len(other):
            raise RuntimeError(
                f'{photos} photos, but {len(one)} and {len(other)} masks')
        same = fmean((one[name] == other[name]).mean() for name in one)
        if same < _AGREEING:
            raise RuntimeError(
                f'{100 * same:.2f}% of the pixels are the same on the CPU, '
                f'fewer than {100 * _AGREEING:g}%')
        return (f'{photos} photos, {100 * same:.2f}% of the pixels as on the '
                'CPU')

    def benchmarks(self) -> str:
        """Run the quick benchmarks, of which finished ones are kept."""
        command: list[object] = [
            '-m', 'benchmarks.run', '--data', self.data]
        if self.device == 'cpu':
            # The figures of a dry run are not those of the repository.
            command += ['--kept', self.out / 'bench', '--results',
                        self.out / 'RESULTS.md']
        if self.quick:
            command += ['--only', 'imports']
        return self.python('benchmarks', *command).strip().splitlines()[-1]


def _end(number: int, _: object) -> NoReturn:
    """End all commands and this process, as a signal asks for."""
    for group in tuple(_running):
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    sys.exit(128 + number)


def _training_note(folder: Path) -> str:
    """Read the log of a training.

    Raises:
        RuntimeError: If a loss is not finite, or there is none.
    """
    scalars = max(folder.glob('*/vis_data/scalars.json'))
    lines = [json.loads(line) for line in scalars.read_text().splitlines()]
    steps = [line for line in lines if 'loss' in line]
    bad = [line['step'] for line in steps if not math.isfinite(line['loss'])]
    if bad or not steps:
        raise RuntimeError(
            f'the loss is not finite at iteration {bad[0]}' if bad
            else f'{scalars} has no loss')
    score = [line['mIoU'] for line in lines if 'mIoU' in line]
    seconds = sorted(line['time'] for line in steps)[len(steps) // 2]
    note = (f"loss {steps[0]['loss']:.3f} to {steps[-1]['loss']:.3f}, "
            f'{1000 * seconds:.0f} ms an iteration')
    if 'memory' in steps[-1]:
        note += f", {steps[-1]['memory']} MB"
    return note + (f', mIoU {score[-1]:.2f}' if score else '')


def run_step(name: str, step: Callable[[], str]) -> Result:
    """Run a step, whatever becomes of it."""
    start = time.monotonic()
    try:
        state, note = 'passed', step()
    except SkippedError as error:
        state, note = 'skipped', str(error)
    except Exception as error:
        state, note = 'FAILED', f'{type(error).__name__}: {error}'
        if isinstance(error, RuntimeError):
            note = str(error)
    result = Result(
        name, state, time.monotonic() - start, ' '.join(note.split()))
    print(f'{result.state}: {name}, {result.seconds:.0f} s; {result.note}',
          flush=True)
    return result


def run_all(in_parallel: dict[str, Callable[[], str]],
            alone: dict[str, Callable[[], str]], jobs: int) -> list[Result]:
    """Run the steps whose time does not matter, and then the others."""
    with ThreadPoolExecutor(jobs) as pool:
        results = list(pool.map(run_step, *zip(
            *in_parallel.items(), strict=True)))
    return results + [run_step(*step) for step in alone.items()]


def summary(results: Iterable[Result]) -> str:
    """Make the table of all steps."""
    return format_table([
        ('step', 'result', 'seconds', 'note'),
        *((one.name, one.state, f'{one.seconds:.0f}', one.note)
          for one in results)], left=(0, 1, 3))


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.gpu_check', description=__doc__)
    parser.add_argument(
        '--data', type=Path, default=REPO / 'data', metavar='DIR',
        help='folder with msrc_v2 and weights; defaults to data. Steps whose '
        'data are not there are skipped')
    parser.add_argument(
        '--device', choices=('cuda', 'cpu'), default='cuda',
        help="'cpu' checks this check without a GPU; default: cuda")
    parser.add_argument(
        '--quick', action='store_true',
        help='a few iterations and episodes, and one benchmark')
    parser.add_argument(
        '--minutes', type=float, default=9, metavar='N',
        help='what is not finished by then fails; default: 9')
    parser.add_argument(
        '--jobs', type=int, default=6, metavar='N',
        help='steps that run in parallel; default: 6')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    """Run all steps, print a table, and exit with 1 if one failed.

    Raises:
        InputError: If there is no GPU.
    """
    args = parse_args(argv)
    if args.device == 'cuda' and not torch.cuda.is_available():
        raise InputError(
            'gpu-check needs a GPU, but torch finds none; add --device cpu '
            '--quick to check only that its steps run')
    check = Check(args)
    shutil.rmtree(check.out, ignore_errors=True)
    make_toy_dataset(check.out / 'toy', num_images=600, size=128, seed=0)
    make_toy_examples(check.out / 'examples', size=320)
    torch.manual_seed(0)  # Two processes get the same random weights.
    torch.save(build_model(Case('ResNet-18'), None, torch.device('cpu')
                           ).state_dict(), check.out / 'random.pth')
    steps: dict[str, Callable[[], str]] = {'GPU tests': check.tests}
    for name in CONFIGS:
        for precision in PRECISIONS:
            steps[f'{name}, {precision}'] = partial(
                check.training, name, precision)
    steps['segment'] = check.segment
    results = run_all(steps, {'benchmarks': check.benchmarks}, args.jobs)
    table = summary(results)
    print(f'\n{table}')
    (check.out / 'summary.txt').write_text(f'{table}\n')
    sys.exit(any(one.state == 'FAILED' for one in results))


if __name__ == '__main__':
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    with exit_on_input_error():
        main()
