"""Serve the classes of a bank over HTTP.

POST an image to /segment, and the answer is its mask. Ctrl-C or SIGTERM stops
the service after it has answered the requests that have arrived. If the
environment variable MMSEG_PANET_TOKEN is set, clients must send its value as
`Authorization: Bearer TOKEN`. The exit code is 0, or 2 for bad input.
"""
import argparse
import os
import re

from ..annotations.rasterize import require_pycocotools
from ..errors import InputError, check_number
from ..extras import require_extra
from ..image_limit import VARIABLE
from ..notices import warn
from ..wording import counted
from .inferencer_arguments import (
    add_device,
    add_model_arguments,
    add_segmentation_arguments,
    check_existing,
    make_inferencer,
    segmentation_settings,
)
from .server_arguments import (
    add_server_arguments,
    check_server_arguments,
    is_local,
    open_socket,
    url_of,
)

TOKEN = 'MMSEG_PANET_TOKEN'
"""Environment variable with the token of the clients."""
MAX_PIXELS = 50_000_000
"""Pixels of the largest image, unless :data:`VARIABLE` is set."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    add_model_arguments(parser)
    parser.add_argument(
        '--bank', required=True, metavar='FILE.safetensors',
        help='bank of the classes, as `mmseg-panet fit` writes it')
    add_segmentation_arguments(parser)
    add_device(parser)
    add_server_arguments(parser, port=8000)
    parser.add_argument(
        '--max-requests', type=int, default=16, metavar='N',
        help='requests that are read, wait or are segmented; others get the '
        'status 503, and may try again; default: 16')
    parser.add_argument(
        '--timeout', type=float, default=60, metavar='SECONDS',
        help='time in which an image must arrive, and then time in which its '
        'answer must be ready; default: 60')


def run(args: argparse.Namespace) -> None:
    """Run the subcommand."""
    token = _check(args)
    # Clients that connect while the model is loaded wait.
    with open_socket(args.bind, args.port) as listening:
        require_extra('serve', 'fastapi', 'uvicorn', 'python_multipart')
        from ..service.limits import Limits
        from ..service.server import run_server
        from ..service.web_app import make_app
        os.environ.setdefault(VARIABLE, str(MAX_PIXELS))
        inferencer = make_inferencer(
            args, **segmentation_settings(args), show_progress=False)
        inferencer.load(args.bank)
        limits = Limits(
            round(1e6 * args.max_upload), args.max_requests, args.timeout)
        app = make_app(inferencer, limits, token)
        number = counted(len(inferencer.classes), 'class', 'classes')
        print(f'the service is at {url_of(listening, args.bind)}/segment '
              f'with {number}; end it with Ctrl-C', flush=True)
        if token is None and not is_local(listening):
            warn(f'everyone who reaches {args.bind} can use the service; set '
                 f'{TOKEN}, or protect the address')
        complete = run_server(app, listening, limits)
    print('stopped; ' + (
        'all requests were answered' if complete
        else 'the last requests were refused'), flush=True)


def _check(args: argparse.Namespace) -> str | None:
    """Check the arguments before the model is loaded; return the token."""
    require_pycocotools('the service writes JSON')
    check_server_arguments(args)
    check_number('--max-requests', args.max_requests, least=1)
    check_number('--timeout', args.timeout, above=0)
    check_existing(args.bank)
    token = os.environ.get(TOKEN)
    if token is not None and not re.fullmatch('[!-~]+', token):
        raise InputError(
            f'expected {TOKEN} as letters, digits and signs without spaces, '
            'got another value; correct it, or unset it for a service '
            'without a token')
    return token
