"""Masks as they come: grey of 8 or 16 bits, with a palette, in colours."""
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from ...errors import InputError
from ..class_list import IGNORED, Colour, read_class_list
from ..mask_folder import (
    Annotations,
    MaskTask,
    fingerprint,
    images_by_stem,
    write_layout,
)


def convert_masks(
    mask_dir: str | os.PathLike,
    out_dir: str | os.PathLike,
    classes_file: str | os.PathLike,
    image_dir: str | os.PathLike | None = None,
) -> list[str]:
    """Write masks of any form as 8-bit ids into the plain layout.

    Grey masks of 8 and 16 bits hold ids, and so do the indices of masks with
    a palette. Masks in RGB are read through the colours of the class list;
    black is background unless it is a class's.

    Args:
        mask_dir (str | os.PathLike): Folder of PNGs, searched with all its
            folders.
        out_dir (str | os.PathLike): See :func:`write_layout`.
        classes_file (str | os.PathLike): See :func:`read_class_list`, with
            ``id name r,g,b`` lines where there are masks in RGB.
        image_dir (str | os.PathLike, optional): Folder of the images. With
            it, every mask must have its image, and the size of it, see
            :func:`seen_as`.

    Returns:
        list[str]: Names by id, background first.

    Raises:
        InputError: As :func:`read_masks` and :func:`write_layout` say.
    """
    mask_dir = Path(mask_dir)
    if Path(out_dir).resolve().is_relative_to(mask_dir.resolve()):
        raise InputError(
            f'{out_dir} is in the folder of the masks, {mask_dir}, where '
            'the results would be taken for masks; name another folder')
    return write_layout(
        out_dir, read_masks(mask_dir, classes_file, image_dir))


def read_masks(
    mask_dir: str | os.PathLike,
    classes_file: str | os.PathLike,
    image_dir: str | os.PathLike | None = None,
) -> Annotations:
    """Read which masks there are, see :func:`convert_masks`.

    Raises:
        InputError: If there is none or one has no image, as
            :func:`read_class_list` says, and, once a mask is drawn, if it
            holds an id or a colour that is not in the class list or is of
            another form.
    """
    mask_dir = Path(mask_dir)
    classes = read_class_list(classes_file)
    masks: dict[str, Path] = {
        stem: mask_dir / path
        for stem, path in images_by_stem(mask_dir, ['.png']).items()}
    if not masks:
        raise InputError(f'{mask_dir} has no .png files; expected masks')
    made_from = fingerprint(
        'masks', [classes_file, *masks.values()], image_dir)
    colours = {colour: i for i, colour in classes.colours.items()}
    return Annotations(
        made_from, classes, mask_tasks(masks, image_dir), partial(
            _rasterize, num_classes=len(classes.names),
            ids={(0, 0, 0): 0} | colours))


def mask_tasks(masks: Mapping[str, Path | None],
               image_dir: str | os.PathLike | None) -> list[MaskTask]:
    """Tasks of masks, each to be drawn from the mask and its image.

    Args:
        masks (Mapping[str, Path | None]): By stem of the image; None where
            nothing is annotated.
        image_dir (str | os.PathLike, optional): Folder of the images; where
            there is none, there are no images and no sizes to check.

    Raises:
        InputError: If a mask has no image, or an image has neither a mask
            nor a size.
    """
    images = images_by_stem(image_dir) if image_dir else {}
    tasks = []
    for stem, mask in masks.items():
        image = Path(image_dir or '', images[stem]) if stem in images else None
        if image is None and (image_dir or mask is None):
            raise InputError(
                f'there is no image {stem}.* in image_dir={image_dir}, but '
                f'{mask or "a list"} names it; add it, or give the folder '
                'of the images')
        tasks.append(MaskTask(
            stem, (mask, image), image, None if mask else frozenset()))
    return tasks


def read_colours(mask: Path, ids: Mapping[Colour, int]) -> np.ndarray:
    """Ids of a mask in colours.

    Args:
        mask (Path): Image file.
        ids (Mapping[Colour, int]): Colour to id.

    Returns:
        np.ndarray: (H, W), uint8.

    Raises:
        InputError: If the mask cannot be read or a colour is unknown.
    """
    rgb = np.asarray(open_mask(mask).convert('RGB'))  # (H, W, 3)
    found, where = np.unique(
        rgb.reshape(-1, 3) @ np.array([1 << 16, 1 << 8, 1]),
        return_inverse=True)
    table = np.zeros(len(found), np.uint8)
    for i, code in enumerate(found.tolist()):
        colour = (code >> 16, code >> 8 & 255, code & 255)
        if colour not in ids:
            raise InputError(
                f'{mask} has the colour {",".join(map(str, colour))}, which '
                f'is of no class; expected those of {len(ids)} classes')
        table[i] = ids[colour]
    return table[where].reshape(rgb.shape[:2])


def _rasterize(source: tuple[Path, Path | None], num_classes: int,
          ids: Mapping[Colour, int]) -> np.ndarray:
    """(H, W) ids of a mask of any form."""
    mask, _ = source
    picture = open_mask(mask)
    if picture.mode in ('RGB', 'RGBA'):
        return read_colours(mask, ids)
    labels = np.asarray(picture)
    if labels.ndim != 2:
        raise InputError(
            f'{mask} is a {picture.mode} image; expected ids in one channel, '
            'or RGB')
    found = np.unique(labels)
    strange = found[(found < 0) | (found >= num_classes) & (found != IGNORED)]
    if len(strange):
        raise InputError(
            f'{mask} holds the ids {strange[:10].tolist()}; expected '
            f'0..{num_classes - 1}, or {IGNORED} for ignored; mend the mask '
            'or the class list')
    return labels.astype(np.uint8)


def open_mask(mask: Path) -> Image.Image:
    """Decode a mask.

    Raises:
        InputError: If it cannot be read.
    """
    try:
        picture = Image.open(mask)
        picture.load()
    except (OSError, SyntaxError) as error:  # Pillow's for a broken PNG
        raise InputError(
            f'{mask} is no readable image ({error}); replace or remove it'
        ) from error
    return picture
