"""Masks as they come: grey of 8 or 16 bits, with a palette, in colours."""
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from ...errors import InputError, raise_first
from ...files import StrPath
from ..class_list import IGNORED, Colour, read_class_list
from ..image_files import images_by_stem, opened
from ..mask_folder import Annotations, MaskTask, fingerprint, write_masks
from ..object_mask import colour_codes

MaskSource = tuple[str, bool]
"""A mask and True, or an image without one and False."""


def convert_masks(mask_dir: StrPath, out_dir: StrPath, classes_file: StrPath,
                  image_dir: StrPath | None = None) -> list[str]:
    """Write masks of any form as 8-bit ids into a mask folder.

    Grey masks of 8 and 16 bits hold ids, and so do the indices of masks with
    a palette. Masks in RGB are read through the colours of the class list;
    black is background unless it is a class's.

    Args:
        mask_dir (str | os.PathLike): Folder of PNGs, searched with all its
            folders.
        out_dir (str | os.PathLike): See :func:`write_masks`.
        classes_file (str | os.PathLike): See :func:`read_class_list`, with
            ``id name r,g,b`` lines where there are masks in RGB.
        image_dir (str | os.PathLike, optional): Folder of the images. With
            it, every mask must have its image, and the size of it, see
            :func:`seen_as`.

    Returns:
        list[str]: Names by id, background first.

    Raises:
        InputError: As :func:`read_masks` and :func:`write_masks` say.
    """
    if Path(out_dir).resolve().is_relative_to(Path(mask_dir).resolve()):
        raise InputError(
            f'{out_dir} is in the folder of the masks, {mask_dir}, where '
            'the results would be taken for masks; name another folder')
    return write_masks(out_dir, read_masks(mask_dir, classes_file, image_dir))


def read_masks(mask_dir: StrPath, classes_file: StrPath,
               image_dir: StrPath | None = None) -> Annotations:
    """Read which masks there are, see :func:`convert_masks`.

    Raises:
        InputError: If there is none or one has no image, as
            :func:`read_class_list` says, and, once a mask is read, if it
            holds an id or a colour that is not in the class list or is of
            another form.
    """
    classes = read_class_list(classes_file)
    masks = images_by_stem(mask_dir, ['.png'])
    if not masks:
        raise InputError(f'{mask_dir} has no .png files; expected masks')
    made_from = fingerprint(
        'masks', [classes_file, *masks.values()], image_dir)
    ids = {(0, 0, 0): 0} | {rgb: i for i, rgb in classes.colours.items()}
    return Annotations(
        made_from, classes, mask_tasks(masks, image_dir),
        partial(read_ids, num_classes=len(classes.names), colours=ids))


def mask_tasks(masks: Mapping[str, str | None],
               image_dir: StrPath | None) -> list[MaskTask]:
    """List the tasks of masks, whose sources are :data:`MaskSource`.

    Args:
        masks (Mapping[str, str | None]): Masks by stem of the image; None
            where nothing is annotated.
        image_dir (str | os.PathLike, optional): Folder of the images; where
            there is none, there are no images and no sizes to check.

    Raises:
        InputError: If a mask has no image, or an image has neither a mask
            nor a size.
    """
    images = images_by_stem(image_dir) if image_dir else {}
    raise_first([
        f'there is no image {stem}.* in image_dir={image_dir}, but '
        f'{mask or "a list"} needs it; add it, or correct image_dir'
        for stem, mask in masks.items()
        if stem not in images and (image_dir or mask is None)])
    return [MaskTask(
        stem, (mask or images[stem], bool(mask)),
        Path(images[stem]) if stem in images else None,
        None if mask else frozenset()) for stem, mask in masks.items()]


def read_colours(source: MaskSource, ids: Mapping[Colour, int]) -> np.ndarray:
    """Read the ids of a mask in colours.

    Args:
        source (MaskSource): An image without a mask is background.
        ids (Mapping[Colour, int]): Colour to id.

    Returns:
        np.ndarray: (H, W), uint8.

    Raises:
        InputError: If a file cannot be read or a colour is unknown.
    """
    mask, is_mask = source
    with opened(mask) as picture:
        if not is_mask:
            return np.zeros(picture.size[::-1], np.uint8)
        codes = colour_codes(np.asarray(picture.convert('RGB')))
    found, where = np.unique(codes, return_inverse=True)
    labels = []
    for code in found.tolist():
        red, green, blue = code.to_bytes(3, 'big')
        if (red, green, blue) not in ids:
            raise InputError(
                f'{mask} has the colour {red},{green},{blue}, which is of no '
                f'class; expected those of {len(ids)} classes')
        labels.append(ids[red, green, blue])
    return np.array(labels, np.uint8)[where].reshape(codes.shape)


def read_ids(source: MaskSource, num_classes: int,
             colours: Mapping[Colour, int]) -> np.ndarray:
    """Read the ids of a mask of any form.

    Args:
        source (MaskSource): A mask.
        num_classes (int): Ids are 0..num_classes - 1, or 255.
        colours (Mapping[Colour, int]): See :func:`read_colours`.

    Returns:
        np.ndarray: (H, W), uint8.

    Raises:
        InputError: If the mask cannot be read, or an id or a colour is
            unknown.
    """
    mask, _ = source
    with opened(mask) as picture:
        mode = picture.mode
        if mode in ('RGB', 'RGBA'):
            return read_colours(source, colours)
        labels = np.asarray(picture)
    if labels.ndim != 2:
        raise InputError(
            f'{mask} is a {mode} image; expected ids in one channel, or RGB')
    found = np.unique(labels)
    strange = found[(found < 0) | (found >= num_classes) & (found != IGNORED)]
    if len(strange):
        raise InputError(
            f'{mask} holds the ids {strange[:10].tolist()}; expected 0..'
            f'{num_classes - 1} or {IGNORED}; correct it or the class list')
    return labels.astype(np.uint8)
