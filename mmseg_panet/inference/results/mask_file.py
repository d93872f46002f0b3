"""The file of a mask: an image's classes, their colours, areas as text."""
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL.PngImagePlugin import PngImageFile, PngInfo

from ...errors import InputError
from ...files import write_mask
from ...models.logit_map import UNDECIDED
from .prediction import Prediction

_CHUNK = 'mmseg_panet'
"""Keyword of a mask's text chunk."""


Area = tuple[int, int, float | None]
"""A class: its label, how many pixels have it, and their mean confidence,
0..1, or None without any."""


class MaskSummary(NamedTuple):
    """What a mask's file says of it.

    Attributes:
        classes (tuple[str, ...]): Label i is ``classes[i - 1]``.
        areas (tuple[Area, ...]): Of the labels 0..W and 255.
        size (tuple[int, int]): (H, W).
        source (str): Of the image, see :func:`source_key`.
    """

    classes: tuple[str, ...]
    areas: tuple[Area, ...]
    size: tuple[int, int]
    source: str


def mask_path(out_dir: Path, name: str) -> Path:
    """Where a folder of results has the mask of an image."""
    return out_dir / 'masks' / f'{name}.png'


def write_prediction(path: Path, prediction: Prediction,
                     palette: np.ndarray, source: str = '') -> None:
    """Write a class map as an 8-bit palette PNG.

    Args:
        path (Path): Its folder is made.
        prediction (Prediction): Its areas become text in the file, see
            :func:`read_summary`.
        palette (np.ndarray): (256, 3) uint8 RGB.
        source (str): See :func:`source_key`. Defaults to none.
    """
    text = PngInfo()
    text.add_text(_CHUNK, json.dumps({
        'classes': prediction.classes, 'areas': areas(prediction),
        'source': source}))
    write_mask(path, prediction.class_map, palette.tobytes(), text)


def areas(prediction: Prediction) -> list[Area]:
    """Count the pixels of every class, and average their confidence.

    Args:
        prediction (Prediction): Of W classes.

    Returns:
        list[Area]: Of the labels 0..W and 255.
    """
    labels = prediction.class_map.ravel()
    pixels = np.bincount(labels, minlength=256)
    sums = np.bincount(labels, prediction.confidence.ravel(), 256)
    return [
        (label, int(pixels[label]),
         round(float(sums[label] / pixels[label]), 4)
         if pixels[label] else None)
        for label in (*range(1 + len(prediction.classes)), UNDECIDED)]


def read_summary(path: Path) -> MaskSummary:
    """Read the areas of a mask from its header, without its pixels.

    Args:
        path (Path): Of :func:`write_prediction`.

    Returns:
        MaskSummary: What was predicted.

    Raises:
        InputError: If it is another file.
    """
    try:
        # Not by Image.open, which refuses images as large as ours may be.
        with PngImageFile(path) as mask:
            text = json.loads(mask.info[_CHUNK])
            return MaskSummary(
                tuple(text['classes']), tuple(map(tuple, text['areas'])),
                mask.size[::-1], text['source'])
    except (OSError, SyntaxError, KeyError, ValueError) as error:
        raise InputError(
            f'{path} is no mask that was written here; name another folder '
            'for the results, or take it away') from error


def read_mask(path: Path) -> np.ndarray:
    """Read the class map of a mask.

    Args:
        path (Path): Of :func:`write_prediction`.

    Returns:
        np.ndarray: (H, W) uint8.
    """
    with PngImageFile(path) as mask:
        return np.array(mask)
