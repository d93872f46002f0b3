"""Run a machine learning back end for Label Studio.

Label Studio gets predictions of the classes of a bank, and each annotation
that is saved there becomes an example in the bank. Connect a project to
http://HOST:PORT. The token of a user, by which images are fetched from Label
Studio, is the environment variable LABEL_STUDIO_API_KEY.
"""
import argparse
import os
import socket

from ..errors import error_context
from ..label_tools.label_studio import MIN_AREA, LabelStudioBackend
from ..label_tools.label_studio_app import make_app
from ..label_tools.task_images import TaskImages
from .inferencer_arguments import add_model_arguments, make_inferencer

RESUME_HINT = 'run the same command again; the bank has all examples'
FEATURES = 500
"""Megabytes of features that are kept, of about 100 images."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    add_model_arguments(parser)
    parser.add_argument(
        '--bank', required=True, metavar='FILE.safetensors',
        help='bank of the registered classes, which annotations change; it '
        'is written with the first one if it does not exist')
    parser.add_argument(
        '--label-studio', metavar='URL',
        default=os.environ.get('LABEL_STUDIO_URL', ''),
        help='address of Label Studio, such as http://localhost:8080; '
        'default: the environment variable LABEL_STUDIO_URL')
    parser.add_argument(
        '--document-root', metavar='DIR',
        default=os.environ.get('LOCAL_FILES_DOCUMENT_ROOT'),
        help='the folder of local files, LOCAL_FILES_DOCUMENT_ROOT of Label '
        'Studio; default: the environment variable of that name, or else '
        'local files come from Label Studio')
    parser.add_argument(
        '--min-area', type=float, default=MIN_AREA, metavar='PIXELS',
        help='objects with fewer pixels are no regions; below 1, a share of '
        'the image; default: 0.001')
    parser.add_argument(
        '--min-confidence', type=float, default=0.0, metavar='P',
        help='pixels with a lower confidence belong to no region; 0 to 1')
    parser.add_argument(
        '--device', help="device of the model, such as 'cpu' or 'cuda:1'; "
        'default: a GPU if there is one')
    parser.add_argument(
        '--host', default='127.0.0.1', help='address to listen on; default: '
        '127.0.0.1, which no other machine reaches')
    # The name that `label-studio-ml start` uses is -p.
    parser.add_argument(
        '-p', '--port', type=int, default=9090, help='default: 9090')


def run(args: argparse.Namespace) -> None:
    """Run the subcommand."""
    images = TaskImages(
        args.label_studio, os.environ.get('LABEL_STUDIO_API_KEY', ''),
        args.document_root)
    with error_context(
            f'expected a free address {args.host}:{args.port} of this '
            'machine (--host, --port)', 'choose another --port', (OSError,)):
        listening = socket.create_server((args.host, args.port))
    with listening:
        _serve(args, images, listening)


def _serve(args: argparse.Namespace, images: TaskImages,
           listening: socket.socket) -> None:
    inferencer = make_inferencer(
        args, min_confidence=args.min_confidence, show_progress=False,
        feature_cache=FEATURES)
    app = make_app(
        LabelStudioBackend(inferencer, args.bank, images, args.min_area))
    import uvicorn
    print(f'Connect a project to http://{args.host}:{args.port}', flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level='warning')).run([listening])
