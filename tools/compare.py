"""Compare two results of the same episodes: is B better than A?

Prints, for mIoU, FB-IoU and every class, B - A with its 95% bootstrap interval
over the episodes and the p-value of a paired permutation test.
"""
import argparse

from mmseg_panet.cli.exit import exit_on_input_error
from mmseg_panet.evaluation.comparison import (
    compare,
    format_comparison,
    read_pair,
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'a', metavar='A.json', help='result of tools/test.py --out, with its '
        'episode table A.npz beside it')
    parser.add_argument('b', metavar='B.json', help='another, of the same '
                        'manifest')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    a, b = read_pair(args.a, args.b)
    print(format_comparison(a, b, compare(a, b)))


if __name__ == '__main__':
    with exit_on_input_error():
        main()
