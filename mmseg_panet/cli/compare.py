"""Compare two results of the same episodes: is B better than A?

The table has the difference B - A of mIoU, FB-IoU and every class, its 95%
bootstrap interval over the episodes, and the p-value of a paired permutation
test.
"""
import argparse

from ..evaluation.comparison import compare, format_comparison, read_pair


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    parser.add_argument(
        'a', metavar='A.json', help='result of `mmseg-panet test --out`; its '
        'episode table A.npz must be in the same folder')
    parser.add_argument(
        'b', metavar='B.json', help='another result of the same manifest')


def run(args: argparse.Namespace) -> None:
    """Run the subcommand."""
    a, b = read_pair(args.a, args.b)
    print(format_comparison(a, b, compare(a, b)))
