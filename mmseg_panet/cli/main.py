"""The command `mmseg-panet`, which hands over to one of its subcommands.

A subcommand is a module of this folder. Its docstring is the help text, and
it has ``add_arguments(parser)`` and ``run(args)``, which returns the exit
code, or None for 0. ``AGAIN``, if it has one, tells how an interrupted run is
continued.
"""
import argparse
import importlib
import platform
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import NoReturn

from ..version import __version__, versions
from .exit import exit_on_interrupt, orderly_exit

SUBCOMMANDS = {
    'train': 'train a config on the base classes of its fold',
    'test': 'score a checkpoint on the novel classes of its fold',
    'segment': 'segment images into classes registered by a few examples',
    'fit': 'register classes by a few examples and save them as a bank',
    'benchmark': 'train and test every fold of a config, write the table',
    'compare': 'compare two results of the same episodes',
    'check-data': 'check the data of a config before it is used',
    'prepare-data': 'prepare a benchmark or your own annotations',
    'make-episodes': "write all episodes of a config's test to a manifest",
    'convert-backbone': 'convert the weights of a backbone',
    'make-toy-data': 'make the toy data set and examples to segment by',
    'demo': 'train, test and segment on the toy data',
}
"""Names, with a line of help for each: no subcommand is imported for it."""
_AGAIN = 'the same command starts from the beginning'


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the subcommand that the arguments name, and exit.

    Args:
        argv (Sequence[str], optional): Arguments without the name of the
            program. Defaults to those of the process.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    if argv and argv[0] in SUBCOMMANDS:
        run(argv[0], argv[1:], f'mmseg-panet {argv[0]}')
    parser = _make_parser()
    if argv and not argv[0].startswith('-'):
        parser.exit(2, f'error: {_unknown(argv[0])}\n')
    parser.parse_args(argv)
    parser.exit(2, parser.format_help())


def run(name: str, argv: Sequence[str] | None = None,
        program: str | None = None) -> NoReturn:
    """Run a subcommand and exit with its code.

    Args:
        name (str): One of :data:`SUBCOMMANDS`.
        argv (Sequence[str], optional): Its arguments. Defaults to those of
            the process.
        program (str, optional): What the help calls the program. Defaults
            to the name of the script.
    """
    with exit_on_interrupt(_AGAIN):  # The imports take a second or more.
        module = importlib.import_module(
            f"{__package__}.{name.replace('-', '_')}")
    parser = argparse.ArgumentParser(
        prog=program, description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    module.add_arguments(parser)
    args = parser.parse_args(argv)
    with orderly_exit(getattr(module, 'AGAIN', _AGAIN)):
        sys.exit(module.run(args))


def _make_parser() -> argparse.ArgumentParser:
    lines = [f'  {name:18}{text}' for name, text in SUBCOMMANDS.items()]
    parser = argparse.ArgumentParser(
        prog='mmseg-panet',
        usage='%(prog)s [-h] [--version] SUBCOMMAND ...',
        description='Few-shot segmentation with PANet on MMSegmentation.',
        epilog='\n'.join([
            'subcommands:', *lines, '',
            '`mmseg-panet SUBCOMMAND --help` shows the arguments of one.']),
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--version', action='version', version=_version(),
        help='show the versions of this package and of its stack, and exit')
    return parser


def _version() -> str:
    stack = ', '.join(
        f'{package} {version}' for package, version in versions().items()
        if package != 'mmseg_panet')
    return (f'mmseg_panet {__version__} (Python {platform.python_version()}, '
            f'{stack})')


def _unknown(name: str) -> str:
    near = get_close_matches(name.replace('_', '-'), SUBCOMMANDS, 1, 0.5)
    nearest = f"did you mean '{near[0]}'? " if near else ''
    return (f"expected a subcommand, got '{name}'; {nearest}`mmseg-panet "
            '--help` lists all of them')
