"""Objects of an image as annotation tools store them, and their labels."""
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from ..errors import InputError, error_context
from ..files import StrPath
from ..images.image_files import size_and_orientation
from . import shapes
from .class_list import ClassList, number_classes
from .mask_folder import Annotations, MaskTask
from .rasterize import (
    bitmap_runs,
    box_runs,
    label_runs,
    object_runs,
    require_pycocotools,
)

Size = tuple[int, int]
"""H and W in pixels."""
Encode = Callable[[Size], dict]
"""Function from the size of the image to compressed run-lengths.

It must be picklable. It raises a ValueError, a TypeError or an OverflowError
for a malformed region.
"""


class MarkedObject(NamedTuple):
    """An object of an image."""

    name: str
    """Name of its class."""
    encode: Encode
    """See :func:`polygons`, :func:`runs`, :func:`box` and :func:`bitmap`."""
    where: str
    """The file, and the place in it, for messages."""


class MarkedImage(NamedTuple):
    """An image with its objects."""

    stem: str
    """Path of the image below the folder of images, without suffix."""
    objects: Sequence[MarkedObject]
    """Objects; those in front come later."""
    image: Path | None
    """Path of the image, if it exists."""
    size: Size | None
    """H and W in the annotations; None if only the image says them."""
    file_name: str
    """Name of the image in the annotations, for messages."""


def polygons(points: Iterable[Any], relative: bool = False) -> Encode:
    """Encode the union of polygons, as COCO rasterizes them.

    Args:
        points (Iterable[Any]): Polygons [x, y, x, y, ...], in pixels, where
            pixel i covers i..i + 1. What is outside the image is cut off.
        relative (bool): Whether x and y are fractions of the width and the
            height of the image. Defaults to False.
    """
    return partial(_encode_polygons, [*points], relative)


def runs(encoded: Any) -> Encode:
    """Encode run-lengths of COCO, compressed or not, see object_runs."""
    return partial(object_runs, encoded)


def box(given: Any, relative: bool = False) -> Encode:
    """Encode the pixels that a box touches, see :func:`box_runs`.

    Args:
        given (Any): x, y, width and height in pixels.
        relative (bool): As for :func:`polygons`.
    """
    return partial(_encode_box, given, relative)


def bitmap(mask: Callable[[], np.ndarray], x: int = 0, y: int = 0) -> Encode:
    """Encode the pixels of a mask, which is placed in the image.

    Args:
        mask (Callable): It returns the mask, (H, W) bool, when it is needed.
            It must be picklable, as masks are rasterized in processes.
        x (int): Column of the mask's first pixel, which may be outside the
            image. What is outside the image is cut off. Defaults to 0.
        y (int): Row of the mask's first pixel. Defaults to 0.
    """
    return partial(_encode_bitmap, mask, x, y)


def rotated_box(given: Sequence[float], degrees: float,
                centre: Sequence[float]) -> Encode:
    """Encode a box, which may be rotated.

    Args:
        given (Sequence[float]): x, y, width and height in pixels.
        degrees (float): Angle by which it is rotated clockwise. If it is 0,
            the pixels that the box touches belong to it, otherwise those of
            its outline, see :func:`polygons`.
        centre (Sequence[float]): x and y of the point that stays.
    """
    x, y, width, height = given
    if not degrees % 360:
        return box(given)
    corners = [(x, y), (x + width, y), (x + width, y + height),
               (x, y + height)]
    return polygons([shapes.rotated(corners, centre, degrees).ravel()])


def ellipse(centre: Sequence[float], radii: Sequence[float],
            degrees: float = 0) -> Encode:
    """Encode the pixels whose centre is inside an ellipse.

    Args:
        centre (Sequence[float]): x and y in pixels.
        radii (Sequence[float]): See :func:`shapes.ellipse`.
        degrees (float): Angle by which it is rotated clockwise. Defaults to
            0.
    """
    return partial(_encode_ellipse, centre, radii, degrees)


def no_box(where: str) -> Encode:
    """Refuse a box where boxes are not to be filled.

    Args:
        where (str): Start of the message.
    """
    return partial(_refuse_box, where)


def mark(images: Iterable[MarkedImage], known: Sequence[str],
         made_from: str, source: StrPath,
         classes: Sequence[str] | None = None,
         small_in_front: bool = False) -> Annotations:
    """Make annotations of the objects of images.

    Args:
        images (Iterable[MarkedImage]): Images with their objects.
        known (Sequence[str]): Names of all classes, in the order of their
            ids.
        made_from (str): See :func:`fingerprint`.
        source (str | os.PathLike): Source of the names, for messages.
        classes (Sequence[str], optional): Names to select, see
            :func:`number_classes`. Defaults to all.
        small_in_front (bool): Whether the smaller one of two objects that
            overlap is in front, and the later one only of equal ones.
            Defaults to False: the later one.

    Returns:
        Annotations: Annotations to rasterize.

    Raises:
        InputError: As for :func:`number_classes`, if pycocotools is not
            installed; and, when it is rasterized, if a region is malformed.
    """
    require_pycocotools('annotations are rasterized')
    names, ids = number_classes(known, classes, source)
    found = ClassList(names, {})
    tasks = [
        MaskTask(
            one.stem, one, one.image,
            frozenset(ids[marked.name] for marked in one.objects
                      if marked.name in ids),
            one.file_name, one.size, len(one.objects))
        for one in images]
    return Annotations(
        made_from, found, tasks,
        partial(_rasterize, ids=ids, dtype=found.dtype,
                small_in_front=small_in_front))


def _rasterize(image: MarkedImage, ids: Mapping[str, int], dtype: np.dtype,
               small_in_front: bool) -> np.ndarray:
    """Return the labels of an image, (H, W)."""
    size = image.size
    if size is None and image.image is not None:
        size, _ = size_and_orientation(image.image)
    assert size is not None, 'an image without a size must exist'
    regions = []
    for one in image.objects:
        if one.name in ids:
            with error_context(one.where):
                regions.append((one.encode(size), ids[one.name]))
    return label_runs(regions, size, dtype, small_in_front)


def _encode_polygons(points: Sequence[Any], relative: bool,
                     size: Size) -> dict:
    return object_runs(
        [_scaled(one, size) if relative else one for one in points], size)


def _encode_box(given: Any, relative: bool, size: Size) -> dict:
    return box_runs(_scaled(given, size) if relative else given, size)


def _encode_bitmap(mask: Callable[[], np.ndarray], x: int, y: int,
                   size: Size) -> dict:
    return bitmap_runs(mask(), x, y, size)


def _encode_ellipse(centre: Sequence[float], radii: Sequence[float],
                    degrees: float, size: Size) -> dict:
    return bitmap_runs(*shapes.ellipse(centre, radii, degrees, size), size)


def _refuse_box(where: str, _: Size) -> NoReturn:
    raise InputError(
        f'{where}: expected a polygon or a mask, got a box; fill the boxes of '
        'such objects with boxes=True (--boxes), or outline them')


def _scaled(numbers: Any, size: Size) -> list[float]:
    """Turn fractions x, y, x, y, ... into pixels."""
    pairs = np.asarray(numbers, float)
    if pairs.ndim != 1 or len(pairs) % 2:
        raise ValueError(f'expected pairs x, y, got {len(pairs)} numbers')
    return (pairs.reshape(-1, 2) * size[::-1]).ravel().tolist()
