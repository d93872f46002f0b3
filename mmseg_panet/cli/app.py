"""Open a page on which objects are marked and found in other images.

The page is served to the browsers of this machine alone, and keeps nothing:
its files are removed at the end. Ctrl-C ends it. The exit code is 2 for bad
input.
"""
import argparse
from pathlib import Path
from typing import NoReturn

from ..errors import check_number
from ..extras import require_extra
from ..notices import warn
from .inferencer_arguments import (
    add_device,
    add_model_arguments,
    check_existing,
    make_inferencer,
)
from .server_arguments import (
    add_server_arguments,
    check_server_arguments,
    is_local,
    open_socket,
    url_of,
)

RESUME_HINT = 'the files of the page are removed'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    add_model_arguments(parser)
    add_device(parser)
    parser.add_argument(
        '--bank', metavar='FILE.safetensors',
        help='bank of registered classes that the page starts with')
    add_server_arguments(parser, port=7860)
    parser.add_argument(
        '--max-images', type=int, default=50, metavar='N',
        help='images that a person can add; default: 50')
    parser.add_argument(
        '--feature-cache', type=float, default=2000, metavar='MEGABYTES',
        help='memory for the features of images, which make changes fast; '
        'default: 2000')
    parser.add_argument(
        '--no-browser', action='store_true',
        help='do not open the page in a browser')


def run(args: argparse.Namespace) -> NoReturn:
    """Run the subcommand."""
    check_server_arguments(args)
    check_number('--max-images', args.max_images, least=1)
    check_number('--feature-cache', args.feature_cache, least=0)
    check_existing(args.bank)
    with open_socket(args.bind, args.port) as listening:
        require_extra('app', 'gradio')
        from ..app.limits import SessionLimits
        from ..app.server import serve
        inferencer = make_inferencer(
            args, show_progress=False, feature_cache=args.feature_cache)
        url = url_of(listening, args.bind)
        if not is_local(listening):
            warn(f'everyone who reaches {args.bind} can use the page, which '
                 'has no password')
        serve(inferencer, Path(args.config).stem, listening, args.bank,
              SessionLimits(args.max_images, args.max_upload),
              not args.no_browser,
              lambda: print(f'the page is at {url}; end it with Ctrl-C',
                            flush=True))
