"""Train every fold of a config, test each with all shots, write the table.

Every fold is trained once, on episodes as the config has them; --ways, --shots
and --queries are those of the tests. What a former call finished is not done
again, an interrupted training continues from its last checkpoint. benchmark.md
and benchmark.csv in the work dir are up to date after every test.
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
    load_config,
)

AGAIN = 'what is finished stays, and the same command continues from there'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    parser.add_argument(
        'config', metavar='CONFIG', help='config file, or the name of a '
        'config that comes with mmseg_panet')
    parser.add_argument(
        '--folds', type=int, nargs='+', required=True, metavar='F',
        help='folds, each with a model of its own')
    parser.add_argument(
        '--shots', type=int, nargs='+', required=True, metavar='S',
        help='supports of each class, in the tests')
    parser.add_argument(
        '--work-dir', type=Path, help='folder of everything that is written; '
        'defaults to work_dirs/<name of the config>/benchmark')
    parser.add_argument(
        '--untrained', action='store_true',
        help='also test the model as it is before training')
    both = parser.add_argument_group('of training and tests')
    both.add_argument(
        '--protocol', metavar='NAME', help="rules in place of the config's")
    both.add_argument('--data-root', help='folder of the data set')
    both.add_argument('--pretrained', help='checkpoint of the backbone')
    both.add_argument(
        '--cfg-options', nargs='+', default=[], metavar='KEY=VALUE',
        help='other settings of the config')
    tests = parser.add_argument_group('of the tests')
    add_episode_arguments(tests, 'ways', 'queries', 'runs', 'episodes')
    add_classifier(tests, "the config's")
    tests.add_argument(
        '--support-annotation', choices=list(SUPPORT_ANNOTATIONS),
        help='what the supports are given by')


def run(args: argparse.Namespace) -> None:
    """Run the subcommand."""
    # The subcommand at work ends with this one: subprocess.run sees to it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    work_dir = args.work_dir or (
        Path('work_dirs') / find_config(args.config).stem / 'benchmark')
    make_benchmark(
        args.config, args.folds, args.shots, work_dir,
        untrained=args.untrained,
        flags=_given(args, 'protocol', 'data_root', 'pretrained'),
        test_flags=_given(args, 'ways', 'queries', 'runs', 'episodes',
                          'support_annotation', 'classifier'),
        cfg_options=args.cfg_options).run()
    print(f"\n{(work_dir / 'benchmark.md').read_text(encoding='utf-8')}\n"
          f'{work_dir}/benchmark.md')


def make_benchmark(config: str, folds: Sequence[int], shots: Sequence[int],
                   work_dir: Path, flags: Sequence[str] = (),
                   cfg_options: Sequence[str] = (),
                   **settings: Any) -> Benchmark:
    """Make a benchmark whose config is as `train` and `test` will see it.

    Args:
        config (str): See :class:`Benchmark`, as all others.
        folds (Sequence[int]): See there.
        shots (Sequence[int]): See there.
        work_dir (Path): See there.
        flags (Sequence[str]): See there. Defaults to none.
        cfg_options (Sequence[str]): See there. Defaults to none.
        **settings (Any): Other attributes.

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
    """Write the flags that were given, with their values, as words."""
    return [
        word for name in names if getattr(args, name) is not None
        for word in (f"--{name.replace('_', '-')}", str(getattr(args, name)))]
