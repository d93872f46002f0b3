"""Look for all that can be wrong with the data of a config, in one run.

Files that are missing, damaged or do not fit, images that are in two lists,
classes with too few images, novel classes in base training, counts that are
not the published ones. The exit code is 0 without faults, 1 with some, 2 for a
config that cannot be used.
"""
import argparse

from mmengine.registry import init_default_scope

from ..datasets.check.data_check import check_data
from ..datasets.check.report import KINDS, format_report
from .run_arguments import add_config_arguments, load_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    parser.epilog = '\n'.join(['kinds of faults:', *(
        f'  {kind:12}{what}' for kind, what in KINDS.items())])
    add_config_arguments(parser)
    parser.add_argument(
        '--accept', nargs='+', choices=list(KINDS), default=[],
        metavar='KIND', help='kinds of faults that are known: they are '
        'printed, and the exit code is 0 if there are no others')
    parser.add_argument(
        '--decode', action='store_true',
        help='decode every image completely, which finds truncated ones, '
        'and not their headers only')


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    cfg = load_config(args)
    init_default_scope('mmseg')
    report = check_data(cfg, args.decode)
    print(format_report(report, args.accept))
    return 1 if report.num_faults(args.accept) else 0
