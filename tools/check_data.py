"""Look for all that can be wrong with the data of a config, in one run.

Files that are missing, damaged or do not fit, images that are in two lists,
classes with too few images, novel classes in base training, counts that are
not the published ones. The exit code is 0 without faults, 1 with some, 2 for a
config that cannot be used.
"""
import argparse
import sys

from mmengine.registry import init_default_scope

from mmseg_panet.cli.exit import exit_on_input_error
from mmseg_panet.cli.run_arguments import add_config_arguments, load_config
from mmseg_panet.datasets.check.data_check import check_data
from mmseg_panet.datasets.check.report import KINDS, format_report


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='kinds of faults: ' + '; '.join(
            f'{kind}, {what}' for kind, what in KINDS.items()))
    add_config_arguments(parser)
    parser.add_argument(
        '--accept', nargs='+', choices=list(KINDS), default=[],
        metavar='KIND', help='kinds of faults that are known: they are '
        'printed, and the exit code is 0 if there are no others')
    parser.add_argument(
        '--decode', action='store_true',
        help='decode every image completely, which finds truncated ones, '
        'and not their headers only')
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    cfg = load_config(args)
    init_default_scope('mmseg')
    report = check_data(cfg, args.decode)
    print(format_report(report, args.accept))
    return 1 if report.num_faults(args.accept) else 0


if __name__ == '__main__':
    with exit_on_input_error():
        sys.exit(main())
