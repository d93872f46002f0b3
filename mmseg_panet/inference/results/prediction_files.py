"""The files of a prediction: its mask, and its overlay."""
import json
import re
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngImageFile, PngInfo

from ...errors import InputError
from ...files import whole_file, write_whole
from ...visualization.strip import overlay
from .prediction import UNDECIDED, Prediction

_CHUNK = 'mmseg_panet'
"""Keyword of a mask's text chunk."""
_PART = re.compile(r'\.part-[0-9a-f]{8}-\d+')
"""Names of files that :func:`whole_file` had not finished."""


class Area(NamedTuple):
    """What a prediction gives to one class.

    Attributes:
        label (int): Its value in the mask.
        pixels (int): How many.
        confidence (float, optional): Mean over them, 0..1; None without any.
    """

    label: int
    pixels: int
    confidence: float | None


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
    """Where the mask of an image lies."""
    return out_dir / 'masks' / f'{name}.png'


def overlay_path(out_dir: Path, name: str) -> Path:
    """Where the overlay of an image lies."""
    return out_dir / 'overlays' / f'{name}.jpg'


def write_prediction(out_dir: Path, name: str, prediction: Prediction,
                     palette: np.ndarray, image: np.ndarray | None = None,
                     source: str = '') -> None:
    """Write the mask of a prediction, and maybe its overlay before that.

    Args:
        out_dir (Path): Folders in it are made.
        name (str): Of the image, see :class:`ImageItem`.
        prediction (Prediction): Its class map becomes an 8-bit palette PNG,
            which holds its areas as text, see :func:`read_summary`.
        palette (np.ndarray): (256, 3) uint8 RGB.
        image (np.ndarray, optional): (H, W, 3) uint8 BGR, for the overlay;
            None for none.
        source (str): See :func:`source_key`. Defaults to none.
    """
    if image is not None:
        path = overlay_path(out_dir, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Image and colours in BGR, as OpenCV writes them.
        picture = overlay(image, prediction.class_map, palette[:, ::-1])
        write_whole(path, cv2.imencode('.jpg', picture)[1].tobytes())
    path = mask_path(out_dir, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = PngInfo()
    text.add_text(_CHUNK, json.dumps({
        'classes': prediction.classes, 'areas': areas(prediction),
        'source': source}))
    mask = Image.fromarray(prediction.class_map)
    mask.putpalette(palette.tobytes())
    with whole_file(path) as part:
        mask.save(part, 'PNG', pnginfo=text)


def remove_prediction(out_dir: Path, name: str) -> None:
    """Remove the files of an image, where it has some."""
    for path in (mask_path(out_dir, name), overlay_path(out_dir, name)):
        path.unlink(missing_ok=True)


def remove_parts(out_dir: Path) -> None:
    """Remove what a process left that was killed while it wrote."""
    for folder, pattern in (
            ('masks', '**/.*'), ('overlays', '**/.*'), ('.', '.*')):
        for path in (out_dir / folder).glob(pattern):
            if _PART.fullmatch(path.name):
                path.unlink()


def areas(prediction: Prediction) -> list[Area]:
    """Pixels and mean confidence of every class of a prediction.

    Args:
        prediction (Prediction): Of W classes.

    Returns:
        list[Area]: Of the labels 0..W and 255.
    """
    labels = prediction.class_map.ravel()
    pixels = np.bincount(labels, minlength=256)
    sums = np.bincount(
        labels, weights=prediction.confidence.ravel(), minlength=256)
    return [
        Area(label, int(pixels[label]),
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
                tuple(text['classes']),
                tuple(Area(*area) for area in text['areas']),
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
