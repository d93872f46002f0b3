"""Make the toy data set, in the layout of VOC, and examples to segment by."""
import argparse

from ..datasets.toy.toy_dataset import make_toy_dataset, make_toy_examples


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    parser.add_argument('out', metavar='OUT', help='folder to write')
    parser.add_argument(
        '--images', type=int, default=400, metavar='N',
        help='how many; defaults to 400')
    parser.add_argument(
        '--size',
        type=int,
        default=128,
        metavar='S',
        help='height and width in pixels; defaults to 128')
    parser.add_argument(
        '--seed', type=int, default=0, metavar='K',
        help='of the images; defaults to 0')


def run(args: argparse.Namespace) -> None:
    """Run the subcommand."""
    out_dir = make_toy_dataset(args.out, args.images, args.size, args.seed)
    make_toy_examples(out_dir, size=args.size, seed=args.seed)
    print(f"{args.images} images in '{out_dir}'")
