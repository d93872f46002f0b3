"""Segment images into classes that are registered from a few examples.

Every image gets a mask, an 8-bit PNG file: 0 is the background, i is the i-th
class, and 255 is undecided. (With more than 254 classes, it has 16 bits, and
65535 is undecided.) After an interruption, the same command continues with the
remaining images. The exit code is 0, 1 if an image could not be read,
or a file could not be written, or 2 for bad input.
"""
import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.dist import init_dist, is_main_process

from ..annotations.rasterize import require_pycocotools
from ..errors import InputError
from ..files import prepare_output
from ..images.video_file import VIDEO_FORMATS
from ..inference.few_shot_inferencer import FewShotInferencer
from ..inference.folder_job import Failure, segment_images
from ..inference.images.image_list import ImageItem, list_images
from ..inference.results.exports import FORMATS, Export
from ..inference.results.out_folder import prepare_folder
from ..inference.results.out_path import (
    check_writable,
    refuse_support_folder,
)
from ..inference.results.pictures import Pictures
from ..inference.smoothing import check_smooth, smoothed_fingerprint
from ..locks import folder_lock
from ..models.bank.bank_file import check_bank_path
from ..shared_errors import shared_errors
from ..visualization.overlay import OverlayStyle
from ..wording import counted, printable
from .inferencer_arguments import (
    add_inferencer_arguments,
    add_segmentation_arguments,
    check_existing,
    make_inferencer,
    read_support,
    segmentation_settings,
)
from .launcher import check_launcher, join_on_cpu
from .run_arguments import add_launcher_arguments

RESUME_HINT = 'run the same command again to segment the remaining images'
TIMEOUT = 7 * 24 * 3600
"""Seconds that a process waits at the end for slower processes."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    add_inferencer_arguments(parser, needs_support=False)
    parser.add_argument(
        '--images', nargs='+', required=True, metavar='PATH',
        help='images, folders, glob patterns or videos to segment')
    parser.add_argument(
        '--out', required=True, metavar='DIR', help='folder to write, with '
        'masks/, classes.txt and what else is asked for')
    parser.add_argument(
        '--bank', metavar='FILE.safetensors', help='bank of the registered '
        'classes: written if --support is given, read otherwise')
    parser.add_argument(
        '--overlay', action='store_true',
        help='also write each image with its mask as an overlay')
    parser.add_argument(
        '--opacity', type=float, default=0.45, metavar='P',
        help='opacity of the colours of overlays, videos and contact sheets, '
        '0 to 1; default: 0.45')
    parser.add_argument(
        '--legend', action=argparse.BooleanOptionalAction, default=True,
        help='whether these have a legend; default: they have one')
    parser.add_argument(
        '--names', action='store_true',
        help='write the names of the classes on the objects in these')
    parser.add_argument(
        '--contact-sheet', action='store_true',
        help='also write pages with small overlays of all images')
    parser.add_argument(
        '--video', nargs='?', const='mp4', choices=VIDEO_FORMATS,
        help="also write the overlay video of each video: 'mp4' for players, "
        "which is the default, or 'webm' for browsers")
    parser.add_argument(
        '--frame-step', type=int, default=1, metavar='N',
        help='segment every N-th frame of a video; in its overlay video, the '
        'other frames have the mask of the last one; default: 1')
    parser.add_argument(
        '--smooth', type=float, default=0, metavar='P',
        help='weight of the earlier frames in the probabilities of a frame of '
        'a video, against flicker; 0 to 0.95; default: 0')
    parser.add_argument(
        '--csv', action='store_true',
        help='also write the area and confidence of each class in each image')
    parser.add_argument(
        '--coco', action='store_true',
        help='also write all masks as a COCO JSON file')
    parser.add_argument(
        '--export', nargs='+', choices=FORMATS, default=[],
        metavar='FORMAT', help='also write each object for label tools, which '
        "can correct it: 'coco', 'labelme' or 'yolo', in a folder of that "
        'name; files that were corrected are kept')
    parser.add_argument(
        '--rle', action='store_true',
        help='export exact masks in place of polygons: run lengths in COCO, '
        'masks in labelme')
    parser.add_argument(
        '--export-min-area', type=float, default=1, metavar='PIXELS',
        help='objects with fewer pixels are not exported; below 1, a share '
        'of the image; default: 1')
    parser.add_argument(
        '--adapt', action='store_true',
        help='adapt the classes to --images before these are segmented; this '
        'helps with one example per class, and does not work with prototypes')
    add_segmentation_arguments(parser)
    parser.add_argument(
        '--batch-size', type=int, default=1, metavar='N',
        help='number of images to read at once; those of equal size are one '
        'batch of the network; default: 1')
    add_launcher_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    _check_paths(args)
    export = Export(args.export, not args.rle, args.export_min_area)
    check_smooth(args.smooth)
    pictures = Pictures(args.video, args.contact_sheet, OverlayStyle(
        args.opacity, args.legend, args.names))
    images = list_images(
        args.images, leave_out=args.out, frame_step=args.frame_step)
    export.check(Path(args.out), images)
    pictures.check(Path(args.out), images)
    _join_group(args)
    with folder_lock(args.out, collective=True):
        return _segment(args, images)


def _segment(args: argparse.Namespace, images: list[ImageItem]) -> int:
    inferencer = make_inferencer(
        args, **segmentation_settings(args), show_progress=is_main_process())
    if args.support is None:
        inferencer.load(args.bank)
    with shared_errors():
        if is_main_process():
            _register(inferencer, args)
    inferencer.broadcast()
    # The folder may be refused. An existing bank must then not be replaced.
    prepare_folder(Path(args.out), smoothed_fingerprint(
        inferencer.fingerprint(), images, args.smooth))
    with shared_errors():
        if args.support and args.bank is not None and is_main_process():
            inferencer.save(args.bank)
    failures = segment_images(
        inferencer, images, args.out, overlay=args.overlay, csv=args.csv,
        coco=args.coco, batch_size=args.batch_size, export=args.export,
        polygons=not args.rle, export_min_area=args.export_min_area,
        opacity=args.opacity, legend=args.legend, names=args.names,
        video=args.video, contact_sheet=args.contact_sheet,
        smooth=args.smooth)
    if is_main_process():
        names = {item.name for item in images}
        failed = [one for one in failures if one.name in names]
        of_all = counted(len(images), 'image')
        _report(f'{len(failed)} of {of_all} failed', failed)
        videos = [one for one in failures if one.name not in names]
        _report(f"{counted(len(videos), 'overlay video')} incomplete", videos)
        done = counted(len(images) - len(failed), 'mask')
        print(f'{done} in {printable(args.out)}/masks')
    return 1 if failures else 0


def _report(what: str, failures: Sequence[Failure]) -> None:
    if failures:
        print(f'{what}:', *(f'  {one.sentence}' for one in failures),
              sep='\n', file=sys.stderr)


def _register(inferencer: FewShotInferencer, args: argparse.Namespace) -> None:
    """Register the classes that are not in the bank."""
    if args.support is not None:
        inferencer.fit(read_support(args), args.image_dir, args.negatives)
    elif args.negatives:
        inferencer.add_negatives(args.negatives)
    if args.adapt:
        inferencer.adapt(args.images, args.out)


def _check_paths(args: argparse.Namespace) -> None:
    """Check all paths before the model is loaded."""
    if args.support is None and args.bank is None:
        raise InputError(
            'expected --support with examples of the classes, or --bank with '
            'a file of registered classes, got neither; give one of them')
    read_support(args)
    check_existing(
        args.support, args.image_dir,
        args.bank if args.support is None else None,
        negatives=args.negatives)
    if args.coco:
        require_pycocotools('--coco writes')
    if args.support is not None and args.bank is not None:
        check_bank_path(args.bank)
    refuse_support_folder(args.out, args.support)
    check_writable(Path(args.out))
    for name, wanted in (('areas.csv', args.csv), ('coco.json', args.coco)):
        if wanted:
            prepare_output(Path(args.out) / name)


def _join_group(args: argparse.Namespace) -> None:
    """Join the process group of the launcher and choose a GPU."""
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    on_gpu = args.device != 'cpu' and torch.cuda.is_available()
    check_launcher(args.launcher, on_gpu)
    if args.launcher == 'none':
        return
    if not on_gpu:
        join_on_cpu(args.launcher, TIMEOUT)
        return
    init_dist(args.launcher, timeout=TIMEOUT)
    if args.device is None:
        args.device = f'cuda:{torch.cuda.current_device()}'
