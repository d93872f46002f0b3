"""Rasterization of polygons and run-length encodings, as in COCO."""
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..errors import InputError, abbreviate
from .shapes import check_reach, clipped_box

_BITS = 60
"""Bits of a number of pixels; longer ones would take a long time to add."""


def require_pycocotools(what: str) -> None:
    """Check that pycocotools is installed.

    Args:
        what (str): Start of the message: what pycocotools is needed for.

    Raises:
        InputError: If pycocotools is not installed.
    """
    if find_spec('pycocotools') is None:
        raise InputError(
            f'{what} with pycocotools, which is not installed; pip install '
            'pycocotools')


def object_runs(segmentation: Any, size: Sequence[int]) -> dict:
    """Encode a segmentation as pycocotools' ``annToRLE`` does.

    Unlike ``annToRLE``, this function checks the segmentation first.

    Args:
        segmentation (Any): Polygons [[x, y, x, y, ...], ...], or a
            run-length encoding.
        size (Sequence[int]): H and W of the image.

    Returns:
        dict: Compressed run-length encoding.

    Raises:
        ValueError: If the segmentation is malformed; also TypeError and
            OverflowError.
    """
    from pycocotools import mask as coco
    if isinstance(segmentation, Mapping):
        return coco.frPyObjects(_checked_runs(segmentation, size), *size)
    if not segmentation or not isinstance(segmentation, list):
        raise ValueError(
            'expected polygons or run-lengths, got '
            f'{abbreviate(segmentation)}')
    for polygon in segmentation:
        points = np.asarray(polygon, float)
        # pycocotools would take four numbers for a box.
        if points.ndim != 1 or len(points) < 6 or len(points) % 2:
            raise ValueError(
                'expected polygons of three or more points [x, y, x, y, '
                f'...], got {abbreviate(polygon)}')
        check_reach(points, size)
    return coco.merge(coco.frPyObjects(segmentation, *size))


def box_runs(box: Any, size: Sequence[int]) -> dict:
    """Encode the pixels that a box touches.

    Args:
        box (Any): Box [x, y, width, height], see :func:`clipped_box`.
        size (Sequence[int]): H and W of the image.

    Returns:
        dict: Compressed run-length encoding.

    Raises:
        ValueError: As for :func:`clipped_box`, which also raises TypeError
            and OverflowError.
    """
    from pycocotools import mask as coco
    return coco.frPyObjects(
        np.array([clipped_box(box, size)], float), *size)[0]


def bitmap_runs(mask: np.ndarray, x: int, y: int,
                size: Sequence[int]) -> dict:
    """Encode the pixels of a mask that is placed in an image.

    Args:
        mask (np.ndarray): Mask, (h, w) bool.
        x (int): Column of the mask's first pixel in the image.
        y (int): Row of the mask's first pixel in the image.
        size (Sequence[int]): H and W of the image. What is outside is cut
            off.

    Returns:
        dict: Compressed run-length encoding.
    """
    from pycocotools import mask as coco
    placed = np.zeros(size, np.uint8, order='F')
    inside = mask[max(0, -y):max(0, size[0] - y),
                  max(0, -x):max(0, size[1] - x)]
    top, left = max(0, y), max(0, x)
    placed[top:top + inside.shape[0], left:left + inside.shape[1]] = inside
    return coco.encode(placed)


def label_runs(regions: Iterable[tuple[dict, int]],
               size: Sequence[int], dtype: DTypeLike = np.uint8,
               small_in_front: bool = True) -> np.ndarray:
    """Rasterize encoded regions into labels.

    Args:
        regions (Iterable[tuple[dict, int]]): Compressed run-length encodings
            with their labels.
        size (Sequence[int]): H and W of the image.
        dtype (DTypeLike): Type of the labels. Defaults to uint8.
        small_in_front (bool): Whether smaller regions are in front of larger
            ones, and the later one only of equal areas. If False, later ones
            are in front. Defaults to True.

    Returns:
        np.ndarray: Labels, (H, W); 0 outside all regions.
    """
    from pycocotools import mask as coco
    labels = np.zeros(size, dtype)
    if small_in_front:
        regions = sorted(
            regions, key=lambda region: -int(coco.area(region[0])))
    for runs, label in regions:
        # The box is much smaller than the image in most cases.
        x, y, width, height = coco.toBbox(runs).astype(int).tolist()
        box = np.s_[y:y + height, x:x + width]
        labels[box][coco.decode(runs)[box] == 1] = label
    return labels


def _checked_runs(runs: Mapping[str, Any], size: Sequence[int]) -> dict:
    """Check a run-length encoding, and decompress its counts."""
    counts, size = runs.get('counts'), list(size)
    if isinstance(counts, bytes):  # as pycocotools returns them
        counts = counts.decode('latin-1')
    if isinstance(counts, str):
        counts = _decompressed(counts)
    if runs.get('size') != size or not isinstance(counts, list) or not all(
            type(count) is int and count >= 0 for count in counts
    ) or sum(counts) != size[0] * size[1]:
        swapped = ', whose height and width are swapped' if (
            runs.get('size') == size[::-1] != size) else ''
        raise ValueError(
            f'expected run-lengths of the size {size} of its image, which '
            f'add up to {size[0]} * {size[1]} pixels, got {abbreviate(runs)}'
            f'{swapped}')
    return dict(size=size, counts=counts)


def _decompressed(text: str) -> list[int]:
    """Decode the compressed counts of COCO's run-length encoding.

    A number is stored in groups of 5 bits, the lowest first. Each group is
    the character 48 + group, with 32 added to all groups but the last. From
    the fourth number on, the difference to the number two before is stored.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        group = ord(character) - 48
        if not 0 <= group < 64 or shift > _BITS:
            raise ValueError(
                f'expected compressed run-lengths, got {abbreviate(text)!r}')
        value |= (group & 31) << shift
        shift += 5
        if not group & 32:
            if group & 16:  # the sign
                value -= 1 << shift
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    return counts
