"""Make the toy data set, in the layout of VOC, and examples to segment by."""
import argparse

from mmseg_panet.cli.exit import exit_on_input_error
from mmseg_panet.datasets.toy.toy_dataset import (
    make_toy_dataset,
    make_toy_examples,
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument('out', metavar='OUT', help='folder to write')
    parser.add_argument(
        '--images', type=int, default=400, metavar='N', help='how many')
    parser.add_argument(
        '--size',
        type=int,
        default=128,
        metavar='S',
        help='height and width in pixels')
    parser.add_argument(
        '--seed', type=int, default=0, metavar='K', help='of the images')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    out_dir = make_toy_dataset(args.out, args.images, args.size, args.seed)
    make_toy_examples(out_dir, size=args.size, seed=args.seed)
    print(f"{args.images} images in '{out_dir}'")


if __name__ == '__main__':
    with exit_on_input_error():
        main()
