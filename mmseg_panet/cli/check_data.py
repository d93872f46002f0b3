"""Check the data of a config and list all faults in one run.

The faults are missing, damaged or mismatched files, images that are in two
lists, classes with too few images, novel classes in base training, and counts
that differ from the published ones. The exit code is 0 without faults, 1 with
faults, and 2 if the config cannot be used.
"""
import argparse

from mmengine.registry import init_default_scope

from ..config.build_errors import build_errors
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
        metavar='KIND', help='kinds of faults to accept: they are printed, '
        'but do not change the exit code')
    parser.add_argument(
        '--decode', action='store_true',
        help='decode every image completely, not only its header, to find '
        'truncated images')


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    cfg = load_config(args)
    init_default_scope('mmseg')
    with build_errors(cfg):
        report = check_data(cfg, args.decode)
    print(format_report(report, args.accept))
    return 1 if report.num_faults(args.accept) else 0
