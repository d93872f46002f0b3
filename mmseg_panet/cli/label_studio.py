"""Run a machine learning back end for Label Studio.

Label Studio gets predictions of the classes of a bank, and each annotation
that is saved there becomes an example in the bank. Connect a project to the
address that the command prints. The token of a user, by which images are
fetched from Label Studio, is the environment variable LABEL_STUDIO_API_KEY.
"""
import argparse
import os

from ..extras import require_extra
from ..label_tools.label_studio import MIN_AREA, LabelStudioBackend
from ..label_tools.label_studio_app import make_app
from ..label_tools.task_images import TaskImages
from .inferencer_arguments import (
    add_device,
    add_model_arguments,
    make_inferencer,
)
from .server_arguments import (
    add_server_arguments,
    check_server_arguments,
    open_socket,
    url_of,
)

RESUME_HINT = 'the bank has all examples; run the same command again'
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
        f'the image; default: {MIN_AREA}')
    parser.add_argument(
        '--min-confidence', type=float, default=0.0, metavar='P',
        help='pixels with a lower confidence belong to no region; 0 to 1')
    add_device(parser)
    add_server_arguments(parser, port=9090)


def run(args: argparse.Namespace) -> None:
    """Run the subcommand."""
    check_server_arguments(args)
    max_bytes = round(1e6 * args.max_upload)
    images = TaskImages(
        args.label_studio, os.environ.get('LABEL_STUDIO_API_KEY', ''),
        args.document_root, max_bytes)
    # Label Studio waits if it connects while the model is loaded.
    with open_socket(args.bind, args.port) as listening:
        require_extra('serve', 'starlette', 'uvicorn')
        import uvicorn
        inferencer = make_inferencer(
            args, min_confidence=args.min_confidence, show_progress=False,
            feature_cache=FEATURES)
        app = make_app(LabelStudioBackend(
            inferencer, args.bank, images, args.min_area), max_bytes)
        print(f'connect a project to {url_of(listening, args.bind)}; end it '
              'with Ctrl-C', flush=True)
        uvicorn.Server(
            uvicorn.Config(app, log_level='warning')).run([listening])
