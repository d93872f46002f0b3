"""Write a model with the classes of a bank as an ordinary model of mmseg.

OUT gets a config and a checkpoint with the name of the bank. They need no
other file. All tools and functions of mmseg can use them, such as
`MMSegInferencer` and tools/test.py.
"""
import argparse
import os
from pathlib import Path

from ..files import keep_inputs
from ..inference.banked_model import banked_paths, write_banked_model
from ..wording import counted, printable
from .inferencer_arguments import (
    add_model_arguments,
    check_existing,
    make_inferencer,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    add_model_arguments(parser)
    parser.add_argument(
        'bank', metavar='BANK', help='bank of `mmseg-panet fit`')
    parser.add_argument('out', metavar='OUT', help='folder to write to')
    parser.add_argument(
        '--data-root', metavar='DIR', help='folder of labelled images, by '
        'which the tools of mmseg score or train the model; it is only named '
        'in the config; default: data')
    parser.set_defaults(device='cpu')


def run(args: argparse.Namespace) -> None:
    """Run the subcommand."""
    check_existing(args.bank)
    name = Path(args.bank).stem
    keep_inputs(
        banked_paths(args.out, name),
        (args.config, args.checkpoint, args.bank))
    # The tools of mmseg may run in another folder.
    data_root = 'data' if args.data_root is None else (
        os.path.abspath(args.data_root))
    inferencer = make_inferencer(args).load(args.bank)
    config, checkpoint = write_banked_model(
        inferencer, args.out, name, data_root)
    classes = counted(len(inferencer.classes), 'class', 'classes')
    print(f'config of {classes} in {printable(config)}\n'
          f'checkpoint in {printable(checkpoint)}')
