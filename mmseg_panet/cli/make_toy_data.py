"""Make the toy data set in the layout of VOC, with examples of its classes."""
import argparse

from ..datasets.toy.toy_dataset import make_toy_dataset, make_toy_examples
from ..locks import folder_lock


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    parser.add_argument('out', metavar='OUT', help='folder to write')
    parser.add_argument(
        '--images', type=int, default=400, metavar='N',
        help='number of images; default: 400')
    parser.add_argument(
        '--size',
        type=int,
        default=128,
        metavar='S',
        help='height and width of the images in pixels; default: 128')
    parser.add_argument(
        '--seed', type=int, default=0, metavar='K',
        help='random seed of the images; default: 0')


def run(args: argparse.Namespace) -> None:
    """Run the subcommand."""
    with folder_lock(args.out):
        out_dir = make_toy_dataset(
            args.out, args.images, args.size, args.seed)
        make_toy_examples(out_dir, size=args.size, seed=args.seed)
    print(f"{args.images} images in '{out_dir}'")
