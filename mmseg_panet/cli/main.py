"""The command `mmseg-panet`, which runs one of its subcommands.

A subcommand is a module of this folder. Its docstring is the help text, and
it has two functions: ``add_arguments(parser)``, and ``run(args)``, which
returns the exit code, or None for 0. The constant ``RESUME_HINT`` is optional;
it says how to continue an interrupted run.
"""
import argparse
import importlib
import platform
import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from ..runs.subcommand import end_with_parent
from ..version import __version__, versions
from .exit import exit_on_interrupt, orderly_exit

SUBCOMMANDS = {
    'train': 'train a config on the base classes of its fold',
    'test': 'score a checkpoint on the novel classes of its fold',
    'segment': 'segment images into classes registered from a few examples',
    'app': 'open a page on which objects are marked and found',
    'serve': 'serve the classes of a bank over HTTP',
    'fit': 'register classes from a few examples and save a bank',
    'bank-to-model': 'write a model with a bank as an ordinary one of mmseg',
    'label-studio': 'run a back end that predicts in Label Studio',
    'export': 'export a network with registered classes to ONNX',
    'benchmark': 'train and test every fold of a config, and write a table',
    'compare': 'compare two results of the same episodes',
    'check-data': 'check the data of a config before it is used',
    'prepare-data': 'prepare a benchmark or your own annotations',
    'make-episodes': 'write the test episodes of a config to a manifest',
    'convert-backbone': 'convert the backbone weights of another library',
    'make-toy-data': 'make the toy data set, with examples of its classes',
    'demo': 'train, test and segment on the toy data',
}
"""Maps each name to a line of help, so that no subcommand is imported."""
_RESUME_HINT = 'run the same command again to start over'


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the subcommand that the arguments name, and exit.

    Args:
        argv (Sequence[str], optional): Arguments without the name of the
            program. Defaults to the arguments of the process.
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
    """Run a subcommand and exit with its exit code.

    Args:
        name (str): Name of the subcommand, a key of :data:`SUBCOMMANDS`.
        argv (Sequence[str], optional): Arguments of the subcommand. Defaults
            to the arguments of the process.
        program (str, optional): Name of the program in the help. Defaults to
            the name of the script.
    """
    end_with_parent()
    with exit_on_interrupt(_RESUME_HINT):  # The imports take a second or more.
        module = importlib.import_module(
            f"{__package__}.{name.replace('-', '_')}")
    parser = _Parser(
        prog=program, description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    module.add_arguments(parser)
    args = parser.parse_args(argv)
    with orderly_exit(getattr(module, 'RESUME_HINT', _RESUME_HINT)):
        sys.exit(module.run(args))


class _Parser(argparse.ArgumentParser):
    """A parser that names the choice that is most similar to an invalid one.

    The parsers of its subparsers are of the same class.
    """

    def error(self, message: str) -> NoReturn:
        """Exit with code 2, the usage and the message."""
        wrong = re.search("invalid choice: '(.+?)' .choose from (.+).$",
                          message)
        if wrong:
            choices = re.findall(r"[^\s,']+", wrong[2])
            near = get_close_matches(wrong[1], choices, 1, 0.5)
            message += f"; did you mean '{near[0]}'?" if near else ''
        super().error(message)


class _ListConfigs(argparse.Action):
    """Prints the names of all configs and exits, like ``--version``."""

    def __call__(self, parser: argparse.ArgumentParser,
                 *args: Any, **kwargs: Any) -> NoReturn:
        """Print a name per line."""
        from ..config.bundled_configs import config_files
        print(*config_files(), sep='\n')
        parser.exit()


def _make_parser() -> argparse.ArgumentParser:
    lines = [f'  {name:18}{text}' for name, text in SUBCOMMANDS.items()]
    parser = argparse.ArgumentParser(
        prog='mmseg-panet',
        usage='%(prog)s [-h] [--version] [--list-configs] SUBCOMMAND ...',
        description='Few-shot segmentation with PANet on MMSegmentation.',
        epilog='\n'.join([
            'subcommands:', *lines, '',
            '`mmseg-panet SUBCOMMAND --help` shows the arguments of a '
            'subcommand.']),
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--version', action='version', version=_version(),
        help='show the versions of the package and its stack, and exit')
    parser.add_argument(
        '--list-configs', nargs=0, action=_ListConfigs, help='list the names '
        'of the bundled configs, and exit')
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
