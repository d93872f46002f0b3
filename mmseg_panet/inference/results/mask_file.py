"""The file of a mask: a class map with a palette, and its areas as text."""
import errno
import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL.PngImagePlugin import PngImageFile, PngInfo

from ...annotations.label_type import ignored_label
from ...deprecation import renamed
from ...errors import InputError, WriteError
from ...files import write_atomic
from ...json_text import parse_json
from ...mask_png import encode_mask
from .prediction import Prediction

_CHUNK = 'mmseg_panet'
"""Keyword of a mask's text chunk."""


Area = tuple[int, int, float | None]
"""The label of a class, the number of its pixels, and their mean confidence,
0..1, or None if there are none."""


class MaskSummary(NamedTuple):
    """The text in the file of a mask.

    Attributes:
        classes (tuple[str, ...]): Label i is ``classes[i - 1]``.
        areas (tuple[Area, ...]): Areas of the labels 0..W and of undecided
            pixels.
        size (tuple[int, int]): (H, W).
        source (str): Key of the image, see :func:`source_key`.
    """

    classes: tuple[str, ...]
    areas: tuple[Area, ...]
    size: tuple[int, int]
    source: str


def mask_path(out_dir: Path, name: str) -> Path:
    """Return the path of an image's mask in a folder of results."""
    return out_dir / 'masks' / f'{name}.png'


def write_prediction(path: Path, prediction: Prediction,
                     palette: np.ndarray, source: str = '') -> None:
    """Write a class map as a PNG, atomically.

    Args:
        path (Path): Path of the file; its folder is created.
        prediction (Prediction): See :func:`encode_prediction`.
        palette (np.ndarray): See :func:`class_palette`.
        source (str): Key of the image, see :func:`source_key`. Defaults to
            none.
    """
    write_atomic(path, encode_prediction(prediction, palette, source))


def encode_prediction(prediction: Prediction, palette: np.ndarray,
                      source: str = '') -> bytes:
    """Encode a class map as a PNG, see :func:`encode_mask`.

    Args:
        prediction (Prediction): A prediction, whose areas become text in the
            file, see :func:`read_summary`.
        palette (np.ndarray): See :func:`class_palette`.
        source (str): See :func:`write_prediction`. Defaults to none.

    Returns:
        bytes: The file.
    """
    text = PngInfo()
    text.add_text(_CHUNK, json.dumps({
        'classes': prediction.classes, 'areas': areas(prediction),
        'source': source}))
    return encode_mask(prediction.class_map, palette.tobytes(), text)


def areas(prediction: Prediction) -> list[Area]:
    """Count the pixels of every class, and average their confidence.

    Args:
        prediction (Prediction): A prediction of W classes.

    Returns:
        list[Area]: Areas of the labels 0..W and of undecided pixels, see
        :func:`ignored_label`.
    """
    labels, num_labels = prediction.class_map.ravel(), 1 + len(
        prediction.classes)
    undecided = ignored_label(num_labels)
    pixels = np.bincount(labels, minlength=1 + undecided)
    sums = np.bincount(labels, prediction.confidence.ravel(), 1 + undecided)
    return [
        (label, int(pixels[label]),
         round(float(sums[label] / pixels[label]), 4)
         if pixels[label] else None)
        for label in (*range(num_labels), undecided)]


def read_summary(path: Path) -> MaskSummary:
    """Read the areas of a mask from its header, without its pixels.

    Args:
        path (Path): A file of :func:`write_prediction`.

    Returns:
        MaskSummary: The text of the mask.

    Raises:
        InputError: If the file was not written by that function.
        WriteError: If the file was removed.
    """
    try:
        # Image.open refuses images as large as ours may be.
        with PngImageFile(path) as mask:
            text = parse_json(mask.info[_CHUNK])
            return MaskSummary(
                tuple(text['classes']), tuple(map(tuple, text['areas'])),
                mask.size[::-1], text['source'])
    except FileNotFoundError as error:
        raise WriteError(
            f'{path} was removed before the end of the run; start again, and '
            'keep the folder until then', errno.ENOENT) from error
    except (OSError, SyntaxError, KeyError, ValueError, TypeError) as error:
        raise InputError(
            f'{path} is not a mask that was written here; name another folder '
            'for the results, or remove the file') from error


def read_mask(path: Path) -> np.ndarray:
    """Read the class map of a mask.

    Args:
        path (Path): A file of :func:`write_prediction`.

    Returns:
        np.ndarray: (H, W) uint8 or uint16, see :class:`Prediction`.
    """
    with PngImageFile(path) as mask:
        # A PNG of 16 bits may be opened with 32 bits.
        is_narrow = mask.mode in ('L', 'P')
        return np.array(mask).astype(
            np.uint8 if is_narrow else np.uint16, copy=False)


if not TYPE_CHECKING:
    __getattr__ = renamed(__name__, {
        'check_colours':
            'mmseg_panet.annotations.class_colours.check_colours',
        'class_palette':
            'mmseg_panet.annotations.class_colours.class_palette'})
