"""Boxes: x, y, width and height in pixels, where pixel i covers i..i + 1."""
from collections.abc import Iterable, Sequence
from typing import Any

import cv2
import numpy as np

from ..errors import shown

PixelBox = tuple[int, int, int, int]
"""x, y, width and height of the pixels in a box."""


def pixel_box(box: Sequence[float], size: Sequence[int]) -> PixelBox:
    """Find the pixels that a box touches within the image.

    Args:
        box (Sequence[float]): x, y, width, height.
        size (Sequence[int]): H and W.

    Returns:
        PixelBox: It has no area where the box is outside the image.
    """
    x, y, width, height = box
    left, right = np.clip(
        [np.floor(x), np.ceil(x + width)], 0, size[1]).astype(int).tolist()
    top, bottom = np.clip(
        [np.floor(y), np.ceil(y + height)], 0, size[0]).astype(int).tolist()
    return left, top, right - left, bottom - top


def checked_box(box: Any, size: Sequence[int]) -> PixelBox:
    """Find the pixels of a box that a user gives, see :func:`pixel_box`.

    Args:
        box (Any): x, y, width, height.
        size (Sequence[int]): H and W.

    Returns:
        PixelBox: It has an area.

    Raises:
        ValueError: If it is no box, has no area or reaches more than a pixel
            out of the image; TypeError and OverflowError likewise.
    """
    numbers = np.asarray(box, float)
    if numbers.shape == (4,) and np.isfinite(numbers).all():
        pixels = pixel_box(numbers.tolist(), size)
        end = numbers[:2] + numbers[2:]
        if numbers[:2].min() >= -1 and (end <= np.add(size[::-1], 1)).all(
        ) and min(*numbers[2:], *pixels[2:]) > 0:
            return pixels
    raise ValueError(
        'expected a box [x, y, width, height] in pixels, with an area and '
        f'inside the image of {size[1]}x{size[0]}, got {shown(box)}; '
        'corners x1, y1, x2, y2 are the box [x1, y1, x2 - x1, y2 - y1]')


def fill_boxes(labels: np.ndarray, boxes: Iterable[Sequence[int]],
               label: int) -> None:
    """Label the pixels of boxes in place.

    Args:
        labels (np.ndarray): (H, W), changed.
        boxes (Iterable[Sequence[int]]): (N, 4), inside the image.
        label (int): Label of all of them.
    """
    for x, y, width, height in boxes:
        labels[y:y + height, x:x + width] = label


def object_boxes(region: np.ndarray) -> np.ndarray:
    """Find tight boxes of the 8-connected objects of a region.

    Args:
        region (np.ndarray): (H, W) bool.

    Returns:
        np.ndarray: (N, 4) int; the largest object first, by its pixels, not
        those of its box.
    """
    _, _, stats, _ = cv2.connectedComponentsWithStats(
        region.view(np.uint8), connectivity=8)
    objects = stats[1:]  # the first is all that is not in the region
    order = np.argsort(-objects[:, cv2.CC_STAT_AREA], kind='stable')
    return objects[order, :4]
