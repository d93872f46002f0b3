"""The shape of one object, as COCO writes it."""
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from ..datasets.transforms.load_boxes import pixel_box
from ..errors import InputError
from .mask_folder import check_reach


class Box(NamedTuple):
    """In place of a segmentation: all within a box is the object."""

    bbox: Any


def require_pycocotools(what: str) -> None:
    """Refuse to go on without it.

    Args:
        what (str): Begins the sentence: what is done with it.

    Raises:
        InputError: If it is not installed.
    """
    if find_spec('pycocotools') is None:
        raise InputError(
            f'{what} with pycocotools, which is not installed; pip install '
            'pycocotools')


def rasterize_segmentation(
    segmentation: Any, height: int, width: int,
) -> np.ndarray:
    """The pixels that an object covers, see :func:`segmentation_runs`.

    Returns:
        np.ndarray: (H, W) bool.
    """
    from pycocotools import mask as coco
    return coco.decode(segmentation_runs(segmentation, height, width)) == 1


def segmentation_runs(segmentation: Any, height: int, width: int) -> dict:
    """What pycocotools' annToRLE gives, after checks that it leaves out.

    Args:
        segmentation (Any): Polygons [[x, y, x, y, ...], ...], run-lengths,
            or a :class:`Box`.
        height (int): Of the image.
        width (int): Of the image.

    Returns:
        dict: Compressed run-lengths.

    Raises:
        ValueError: If it is malformed; TypeError and OverflowError as well.
    """
    from pycocotools import mask as coco
    if isinstance(segmentation, Box):
        left, top, right, bottom = box_pixels(
            segmentation.bbox, height, width)
        segmentation = [[left, top, right, top, right, bottom, left, bottom]]
    if isinstance(segmentation, Mapping):
        counts = segmentation.get('counts')
        if isinstance(counts, str):
            counts = _decompressed(counts)
        if segmentation.get('size') != [height, width]:
            raise ValueError(
                f'expected run-lengths of the size {[height, width]} of its '
                f"image, got {segmentation.get('size')}")
        if not isinstance(counts, list) or not all(
                type(count) is int and count >= 0 for count in counts
        ) or sum(counts) != height * width:
            raise ValueError(
                f'expected run-lengths that add up to {height} * {width} '
                'pixels')
        return coco.frPyObjects(
            {'size': [height, width], 'counts': counts}, height, width)
    if not segmentation or not isinstance(segmentation, list):
        raise ValueError(
            f'expected polygons or run-lengths, got {segmentation!r}')
    for polygon in segmentation:
        points = np.asarray(polygon, float)
        # Four numbers would be taken for a box.
        if points.ndim != 1 or len(points) < 6 or len(points) % 2:
            raise ValueError(
                'expected polygons of three or more points [x, y, x, y, '
                f'...], got {str(polygon)[:60]}')
        check_reach(points, height, width)
    return coco.merge(coco.frPyObjects(segmentation, height, width))


def box_pixels(
    box: Any, height: int, width: int,
) -> tuple[int, int, int, int]:
    """The pixels that a box touches, see :func:`pixel_box`.

    Args:
        box (Any): x, y, width, height.
        height (int): Of the image.
        width (int): Of the image.

    Returns:
        tuple[int, int, int, int]: Left, top, right, bottom; the last two are
        outside.

    Raises:
        ValueError: If it is none, has no area or is more than a pixel
            outside the image; TypeError and OverflowError as well.
    """
    numbers = np.asarray(box, float)
    if numbers.shape == (4,) and np.isfinite(numbers).all():
        x, y, box_width, box_height = numbers.tolist()
        left, top, across, down = pixel_box(numbers.tolist(), (height, width))
        if min(x, y) >= -1 and x + box_width <= width + 1 and (
                y + box_height <= height + 1) and (
                min(box_width, box_height, across, down) > 0):
            return left, top, left + across, top + down
    shown = ' '.join(str(box).split())[:60]
    raise ValueError(
        'expected a box [x, y, width, height] in pixels, with an area and '
        f'inside the image of {width}x{height}, got {shown}; '
        'corners x1, y1, x2, y2 are the box [x1, y1, x2 - x1, y2 - y1]')


def _decompressed(text: str) -> list[int]:
    """Run-lengths of COCO's compressed form.

    A number is written in groups of 5 bits, the lowest first, each as the
    character 48 + group, with 32 added to all but the last; from the fourth
    number on it is the difference to the number two before.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        group = ord(character) - 48
        if not 0 <= group < 64:
            raise ValueError(
                f'expected compressed run-lengths, got {text[:60]!r}')
        value |= (group & 31) << shift
        shift += 5
        if not group & 32:
            if group & 16:  # the sign
                value -= 1 << shift
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    return counts
