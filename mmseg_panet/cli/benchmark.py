"""Train and test every fold of a config, and write a table of the scores.

Every fold is trained once, with the episodes of the config; --ways, --shots
and --queries apply to the tests only. Jobs that an earlier call has finished
are skipped, and an interrupted training resumes from its last checkpoint.
benchmark.md and benchmark.csv in the work dir are updated after every test.
"""
import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..config.bundled_configs import find_config
from ..config.support_annotation import SUPPORT_ANNOTATIONS
from ..runs.benchmark import Benchmark
from .run_arguments import (
    add_classifier,
    add_config_arguments,
    add_episode_arguments,
    add_run_arguments,
    add_trust,
    load_config,
)
from .test_arguments import add_test_arguments

RESUME_HINT = 'run the same command again to continue; finished jobs are kept'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    parser.add_argument(
        'config', metavar='CONFIG', help='path of a config, or name of a '
        'config that comes with mmseg_panet')
    parser.add_argument(
        '--folds', type=int, nargs='+', required=True, metavar='F',
        help='folds to train and test, each with a separate model')
    parser.add_argument(
        '--shots', type=int, nargs='+', required=True, metavar='S',
        help='numbers of support images per class in the tests')
    parser.add_argument(
        '--work-dir', type=Path, metavar='DIR', help='folder of all files '
        'that are written; default: work_dirs/<name of the config>/benchmark')
    parser.add_argument(
        '--untrained', action='store_true',
        help='also test the model before training')
    both = parser.add_argument_group('options of the training and the tests')
    both.add_argument(
        '--protocol', metavar='NAME',
        help='protocol whose rules replace those of the config')
    both.add_argument(
        '--data-root', metavar='DIR', help='folder of the data set')
    both.add_argument(
        '--pretrained', metavar='FILE|URL', help='weights of the backbone')
    add_trust(both)
    both.add_argument(
        '--cfg-options', nargs='+', default=[], metavar='KEY=VALUE',
        help='other settings of the config, such as '
        'optim_wrapper.optimizer.lr=0.001')
    tests = parser.add_argument_group('options of the tests')
    add_episode_arguments(tests, 'ways', 'queries', 'runs', 'episodes')
    add_classifier(tests, 'that of the config')
    add_test_arguments(tests)
    tests.add_argument(
        '--support-annotation', choices=list(SUPPORT_ANNOTATIONS),
        help='kind of annotation of the supports, which is made from their '
        'masks; default: mask')


def run(args: argparse.Namespace) -> None:
    """Run the subcommand."""
    # On SystemExit, subprocess.run also ends the subcommand that is running.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    work_dir = args.work_dir or (
        Path('work_dirs') / find_config(args.config).stem / 'benchmark')
    make_benchmark(
        args.config, args.folds, args.shots, work_dir,
        untrained=args.untrained,
        flags=[*_given(args, 'protocol', 'data_root', 'pretrained'),
               *['--trust-checkpoint'] * args.trust_checkpoint],
        test_flags=_given(args, 'ways', 'queries', 'runs', 'episodes',
                          'support_annotation', 'classifier', 'test_config',
                          'test_fold', 'test_data_root', 'test_split'),
        cfg_options=args.cfg_options).run()
    print(f"\n{(work_dir / 'benchmark.md').read_text(encoding='utf-8')}\n"
          f'{work_dir}/benchmark.md')


def make_benchmark(config: str, folds: Sequence[int], shots: Sequence[int],
                   work_dir: Path, flags: Sequence[str] = (),
                   cfg_options: Sequence[str] = (),
                   **settings: Any) -> Benchmark:
    """Make a benchmark with the config that `train` and `test` will load.

    Args:
        config (str): Path or name of the config.
        folds (Sequence[int]): Folds to train and test.
        shots (Sequence[int]): Numbers of shots of the tests.
        work_dir (Path): Folder of all files that are written.
        flags (Sequence[str]): Further arguments of the training and the
            tests. Defaults to none.
        cfg_options (Sequence[str]): ``--cfg-options`` of the training and the
            tests, as ``KEY=VALUE``. Defaults to none.
        **settings (Any): Other attributes of :class:`Benchmark`.

    Raises:
        InputError: If the config cannot be read.
    """
    parser = argparse.ArgumentParser()
    add_config_arguments(parser)
    add_run_arguments(parser)
    options = ['--cfg-options', *cfg_options] if cfg_options else []
    cfg = load_config(parser.parse_args([config, *flags, *options]))
    return Benchmark(config, folds, shots, work_dir, cfg, flags=flags,
                     cfg_options=cfg_options, **settings)


def _given(args: argparse.Namespace, *names: str) -> list[str]:
    """List the flags that were given and their values, as words."""
    return [
        word for name in names if getattr(args, name) is not None
        for word in (f"--{name.replace('_', '-')}", str(getattr(args, name)))]
