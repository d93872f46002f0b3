"""Train every fold of a config, test each with all shots, write the table.

Every fold is trained once, on episodes as the config has them; --ways, --shots
and --queries are those of the tests. What a former call finished is not done
again, an interrupted training goes on from its last checkpoint. benchmark.md
and benchmark.csv in the work dir are up to date after every test.
"""
import argparse
import signal
import subprocess
import sys
from pathlib import Path

from mmseg_panet.cli.benchmark import Benchmark
from mmseg_panet.cli.exit import exit_on_input_error
from mmseg_panet.cli.run_arguments import add_classifier, add_episode_arguments
from mmseg_panet.config.finder import find_config
from mmseg_panet.config.support_annotation import SUPPORT_ANNOTATIONS


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
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
    return parser.parse_args()


def given(args: argparse.Namespace, *names: str) -> list[str]:
    return [
        word for name in names if getattr(args, name) is not None
        for word in (f"--{name.replace('_', '-')}", str(getattr(args, name)))]


def main() -> None:
    args = parse_args()
    work_dir = args.work_dir or (
        Path('work_dirs') / find_config(args.config).stem / 'benchmark')
    Benchmark(
        args.config, args.folds, args.shots, work_dir,
        tools=Path(__file__).resolve().parent, untrained=args.untrained,
        flags=given(args, 'protocol', 'data_root', 'pretrained'),
        test_flags=given(args, 'ways', 'queries', 'runs', 'episodes',
                         'support_annotation', 'classifier'),
        cfg_options=args.cfg_options).run()
    print(f"\n{(work_dir / 'benchmark.md').read_text(encoding='utf-8')}\n"
          f'{work_dir}/benchmark.md')


if __name__ == '__main__':
    # The tool at work ends with this one: subprocess.run sees to it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with exit_on_input_error():
            main()
    except subprocess.CalledProcessError as error:
        print(f'error: {Path(error.cmd[1]).name} failed with exit code '
              f'{error.returncode}; what is finished stays, and the same '
              'command goes on from there', file=sys.stderr)
        # A shell says 128 + n of what signal n ended.
        sys.exit(error.returncode if error.returncode > 0
                 else 128 - error.returncode)
    except KeyboardInterrupt:
        sys.exit(130)
