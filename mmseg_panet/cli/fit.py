"""Register classes from a few examples and save them as a bank.

With --check, every example is compared with the others of its class. The
result is printed as a table and plotted next to the bank. The exit code is 0,
or 2 for bad input.
"""
import argparse
from pathlib import Path

from ..files import keep_inputs
from ..inference.results.out_path import refuse_support_folder
from ..models.bank.bank_file import check_bank_path
from ..wording import counted, printable
from .inferencer_arguments import (
    add_inferencer_arguments,
    check_existing,
    make_inferencer,
    read_support,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    add_inferencer_arguments(parser, needs_support=True)
    parser.add_argument(
        '--out', required=True, metavar='FILE.safetensors',
        help='file to write, for --bank of `mmseg-panet segment`')
    parser.add_argument(
        '--check', action='store_true', help='show which examples lower the '
        'accuracy, and plot the examples to FILE.safetensors.png')


def run(args: argparse.Namespace) -> None:
    """Run the subcommand."""
    support = read_support(args)
    check_existing(
        args.support, args.image_dir, negatives=args.negatives)
    if args.check:
        refuse_support_folder(f'{args.out}.png', args.support)
    check_bank_path(args.out)
    keep_inputs([args.out], (args.config, args.checkpoint))
    inferencer = make_inferencer(args)
    inferencer.fit(support, args.image_dir, args.negatives)
    inferencer.save(args.out)
    if args.check:
        advice = inferencer.check_support()
        picture = Path(f'{args.out}.png')
        advice.plot(picture)
        print(f'{advice}\n\npicture in {printable(picture)}\n')
    bank = inferencer.bank
    number = len(bank.negatives)
    also = f" and {counted(number, 'negative')}" if number else ''
    print(f"{counted(len(bank.supports), 'example')} of "
          f"{counted(len(bank.classes), 'class', 'classes')}"
          f'{also} in {printable(args.out)}')
