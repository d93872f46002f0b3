"""Open a page on which objects are marked and found in other images.

The page is served to the browsers of this machine alone, and keeps nothing:
its files are removed at the end. Ctrl-C ends it. The exit code is 2 for bad
input.
"""
import argparse
from pathlib import Path
from typing import NoReturn

from ..app.limits import Limits
from ..app.server import LOCAL, PORTS, require_gradio, serve
from .inferencer_arguments import (
    add_device,
    add_model_arguments,
    check_existing,
    make_inferencer,
)

RESUME_HINT = 'the files of the page are removed'
_DEFAULT = Limits()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    add_model_arguments(parser)
    add_device(parser)
    parser.add_argument(
        '--bank', metavar='FILE.safetensors',
        help='bank of registered classes that the page starts with')
    parser.add_argument(
        '--port', type=int, metavar='N',
        help='port of the page; default: the first free one from '
        f'{PORTS[0]}')
    parser.add_argument(
        '--bind', default=LOCAL, metavar='ADDRESS',
        help='address of this machine to serve the page at, such as 0.0.0.0 '
        f'for all; there is no password; default: {LOCAL}')
    parser.add_argument(
        '--no-browser', action='store_true',
        help='do not open the page in a browser')
    parser.add_argument(
        '--max-images', type=int, default=_DEFAULT.max_images, metavar='N',
        help='images that a person can add; default: '
        f'{_DEFAULT.max_images}')
    parser.add_argument(
        '--max-megabytes', type=float, default=_DEFAULT.max_megabytes,
        metavar='MB', help='size of the file of an image; default: '
        f'{_DEFAULT.max_megabytes:g}')
    parser.add_argument(
        '--feature-cache', type=float, default=2000, metavar='MB',
        help='memory for the features of images, which make changes fast; '
        'default: 2000')


def run(args: argparse.Namespace) -> NoReturn:
    """Run the subcommand."""
    require_gradio()
    check_existing(args.bank)
    limits = Limits(
        max_images=args.max_images, max_megabytes=args.max_megabytes)
    inferencer = make_inferencer(
        args, show_progress=False, feature_cache=args.feature_cache)
    serve(inferencer, Path(args.config).stem, args.bank, limits, args.bind,
          args.port, not args.no_browser)
