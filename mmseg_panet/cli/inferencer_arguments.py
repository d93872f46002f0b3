"""Flags of the inferencer, and the inferencer they lead to."""
import argparse
import os
from collections.abc import Sequence
from typing import Any

from ..config.config_file import read_config
from ..config.spelling import check_options
from ..errors import InputError
from ..inference.few_shot_inferencer import FewShotInferencer
from ..inference.images.image_list import list_images
from .run_arguments import add_classifier, add_config


def add_inferencer_arguments(parser: argparse.ArgumentParser,
                             needs_support: bool) -> None:
    """Add a model and the examples of its classes.

    Args:
        parser (argparse.ArgumentParser): Changed in place.
        needs_support (bool): Whether the examples are required.
    """
    add_config(parser)
    parser.add_argument(
        'checkpoint', metavar='CHECKPOINT',
        help='file of `mmseg-panet train`, or of the backbone alone, .pth or '
        ".safetensors; or 'none' for the config's pretrained backbone")
    parser.add_argument(
        '--support', required=needs_support, metavar='DIR|FILE',
        help='the examples: a folder with one of images and masks for each '
        'class, or a file of COCO, labelme or CVAT')
    parser.add_argument(
        '--image-dir', metavar='DIR',
        help='folder of the images that a file of examples names')
    parser.add_argument(
        '--negatives', nargs='+', metavar='PATH',
        help='images on which none of the classes is, so that fewer pixels '
        'of such images become one: as files, folders or glob patterns')
    parser.add_argument('--device', help="such as 'cpu' or 'cuda:1'")
    add_classifier(parser, "the config's if it names one, or else 'auto'")


def make_inferencer(args: argparse.Namespace,
                    **settings: Any) -> FewShotInferencer:
    """Make what :func:`add_inferencer_arguments` asked for.

    Args:
        args (argparse.Namespace): Of a parser that has seen it.
        **settings (Any): Others of the inferencer.

    Raises:
        InputError: If the config or the checkpoint cannot be used.
    """
    cfg = read_config(args.config)
    check_options(cfg, args.cfg_options)
    cfg.merge_from_dict(args.cfg_options)
    weights = None if args.checkpoint == 'none' else args.checkpoint
    if args.classifier is not None:
        settings['classifier'] = args.classifier
    return FewShotInferencer(cfg, weights, args.device, **settings)


def check_existing(*paths: str | None,
                   negatives: Sequence[str] | None = None) -> None:
    """Refuse paths that do not exist, before the model is loaded.

    Args:
        *paths (str | None): None for what is not given.
        negatives (Sequence[str], optional): Of ``--negatives``.

    Raises:
        InputError: If one is missing.
    """
    if negatives is not None:
        list_images(list(negatives))
    for path in paths:
        if path is not None and not os.path.exists(path):
            raise InputError(f'{path} does not exist; correct the path')
