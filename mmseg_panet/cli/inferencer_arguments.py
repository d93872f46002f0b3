"""The command-line arguments of an inferencer."""
import argparse
import os
from collections.abc import Sequence
from typing import Any

from mmengine.config import Config

from ..config.config_file import read_config
from ..config.spelling import check_options
from ..errors import InputError
from ..inference.few_shot_inferencer import FewShotInferencer
from ..inference.images.image_list import list_images
from .run_arguments import add_classifier, add_config, add_trust


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the model.

    Args:
        parser (argparse.ArgumentParser): Parser to change in place.
    """
    add_config(parser)
    parser.add_argument(
        'checkpoint', metavar='CHECKPOINT',
        help='checkpoint of `mmseg-panet train` or of the backbone only, '
        ".pth or .safetensors; or 'none' for the pretrained weights of the "
        'config')
    add_trust(parser)
    add_classifier(parser, "that of the config, or 'auto' if it has none")


def add_inferencer_arguments(parser: argparse.ArgumentParser,
                             needs_support: bool) -> None:
    """Add the arguments for the model and the examples of its classes.

    Args:
        parser (argparse.ArgumentParser): Parser to change in place.
        needs_support (bool): Whether ``--support`` is required.
    """
    add_model_arguments(parser)
    parser.add_argument(
        '--support', required=needs_support, metavar='DIR|FILE',
        help='examples: a folder with a subfolder of images and masks for '
        'each class, or a file or a folder of an annotation tool')
    parser.add_argument(
        '--image-dir', metavar='DIR',
        help='folder of the images that an annotation file refers to')
    parser.add_argument(
        '--class-name', metavar='NAME',
        help='name of the class if --support has images and masks of one '
        'class and no list of names')
    parser.add_argument(
        '--negatives', nargs='+', metavar='PATH',
        help='images that show none of the classes, which reduce false '
        'positives; files, folders or glob patterns')
    parser.add_argument(
        '--bands', type=int, nargs='+', metavar='N',
        help='bands of images that become red, green and blue, or one for '
        'grey, from 1; for images of more than three bands; default: those '
        'of --bank, or all')
    parser.add_argument(
        '--stretch', nargs='+', metavar='LOW HIGH|SHARE%%',
        help='values of images that become black and white, or the share of '
        'the values of each band that is cut off at both ends, such as 2%%; '
        'for images that are not of 8 bits; default: that of --bank, or the '
        'range of 8 or 16 bits')
    add_device(parser)


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add the argument for the device of the model.

    Args:
        parser (argparse.ArgumentParser): Parser to change in place.
    """
    parser.add_argument(
        '--device', help="device of the model, such as 'cpu' or 'cuda:1'; "
        'default: a GPU if there is one')


def add_segmentation_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for how images are segmented.

    Args:
        parser (argparse.ArgumentParser): Parser to change in place.
    """
    parser.add_argument(
        '--slide', action='store_true',
        help='slide a window over each image, for large images')
    parser.add_argument(
        '--tta', action='store_true',
        help='average over several sizes and mirror images, which is slower')
    parser.add_argument(
        '--min-confidence', type=float, default=0.0, metavar='P',
        help='pixels with a lower confidence are undecided; 0 to 1')
    parser.add_argument(
        '--min-area', type=float, metavar='SHARE',
        help='components of a class that cover a smaller share of the image '
        'become background; 0 to 1; default: that of the config')
    parser.add_argument(
        '--edges', action=argparse.BooleanOptionalAction,
        help='whether masks follow the edges of the image; default: that of '
        'the config or its classifier')


def segmentation_settings(args: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of an inferencer for :func:`make_inferencer`.

    Args:
        args (argparse.Namespace): Arguments of a parser with those of
            :func:`add_segmentation_arguments`.
    """
    return {name: getattr(args, name) for name in (
        'slide', 'tta', 'min_confidence', 'min_area', 'edges')}


def read_support(args: argparse.Namespace) -> str | dict[str, str]:
    """Return the examples that the arguments name.

    Args:
        args (argparse.Namespace): Arguments of a parser with those of
            :func:`add_inferencer_arguments`.

    Returns:
        str | dict[str, str]: ``--support``, by the name of its class if
        there is ``--class-name``.

    Raises:
        InputError: If there is a name and no folder that it belongs to.
    """
    if args.class_name is None:
        return args.support
    if args.support is None or not (
            os.path.isdir(args.support)
            or args.support.lower().endswith('.zip')):
        raise InputError(
            'expected --support as the folder of the images and masks of '
            f'{args.class_name!r}, as --class-name names it, got '
            f'{args.support}; give the folder, or leave out --class-name')
    return {args.class_name: args.support}


def read_model(args: argparse.Namespace) -> tuple[Config, str | None]:
    """Read the config of the model, and return it with its weights.

    Args:
        args (argparse.Namespace): Arguments of a parser with those of
            :func:`add_model_arguments`.

    Returns:
        tuple[Config, str | None]: The config, and the checkpoint; None for
        the pretrained weights of the config.

    Raises:
        InputError: If the config cannot be used.
    """
    cfg = read_config(args.config)
    check_options(cfg, args.cfg_options)
    cfg.merge_from_dict(args.cfg_options)
    return cfg, None if args.checkpoint == 'none' else args.checkpoint


def make_inferencer(args: argparse.Namespace,
                    **settings: Any) -> FewShotInferencer:
    """Make the inferencer that the arguments describe.

    Args:
        args (argparse.Namespace): Arguments of a parser with those of
            :func:`add_inferencer_arguments`.
        **settings (Any): Other arguments of the inferencer.

    Raises:
        InputError: If the config or the checkpoint cannot be used.
    """
    cfg, weights = read_model(args)
    if args.classifier is not None:
        settings['classifier'] = args.classifier
    for name in ('bands', 'stretch'):
        if getattr(args, name, None) is not None:
            settings[name] = getattr(args, name)
    return FewShotInferencer(
        cfg, weights, args.device, trust_checkpoint=args.trust_checkpoint,
        **settings)


def check_existing(*paths: str | None,
                   negatives: Sequence[str] | None = None) -> None:
    """Refuse paths that do not exist, before the model is loaded.

    Args:
        *paths (str | None): Paths to check. None is skipped.
        negatives (Sequence[str], optional): Paths and patterns of
            ``--negatives``.

    Raises:
        InputError: If a path does not exist, or no image matches a pattern.
    """
    if negatives is not None:
        list_images(list(negatives))
    for path in paths:
        if path is not None and not os.path.exists(path):
            raise InputError(f'{path} does not exist; correct the path')
