"""Boxes, points, lines and discs in pixels, where pixel i covers i..i + 1.

A box is x, y, width and height, a point is (x, y).
"""
from collections.abc import Iterable, Sequence
from typing import Any

import cv2
import numpy as np

from ..errors import abbreviate

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
    start, end = np.array(box[:2]), np.add(box[:2], box[2:])
    left, top = np.floor(start).clip(0, size[::-1]).astype(int).tolist()
    right, bottom = np.ceil(end).clip(0, size[::-1]).astype(int).tolist()
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
        corners = np.stack([numbers[:2], numbers[:2] + numbers[2:]])
        if min(*numbers[2:], *pixels[2:]) > 0 and _near(corners, size).all():
            return pixels
    raise ValueError(
        'expected a box [x, y, width, height] in pixels, with an area and '
        f'inside the image of {size[1]}x{size[0]}, got {abbreviate(box)}; '
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


def check_reach(points: np.ndarray, size: Sequence[int]) -> None:
    """Refuse coordinates that take forever to rasterize, or give nothing.

    Args:
        points (np.ndarray): Coordinates in pixels, of any shape.
        size (Sequence[int]): H and W of the image.

    Raises:
        ValueError: If one is not finite, or more than ten times the longer
            side of the image away from its origin.
    """
    limit = 10 * max(size)
    strange = points[~(np.abs(points) <= limit)]
    if len(strange):
        raise ValueError(
            f'expected coordinates of -{limit}..{limit}, ten times the '
            f'longer side of the image, got {strange[0]:g}')


def pixels_of(points: Any, size: Sequence[int]) -> np.ndarray:
    """Find the pixels in which the points of a user lie.

    Args:
        points (Any): (x, y) each, at most a pixel outside the image.
        size (Sequence[int]): H and W of the image.

    Returns:
        np.ndarray: (P, 2) int32 columns and rows.

    Raises:
        ValueError: If they are no points, or one is outside the image;
            TypeError and OverflowError likewise.
    """
    xy = np.asarray(points, float)
    if xy.shape[1:] != (2,) or not len(xy):
        raise ValueError(
            f'expected points [(x, y), ...], got {abbreviate(points)}')
    outside = xy[~_near(xy, size)]
    if len(outside):
        raise ValueError(
            f'expected points (x, y) inside the image of {size[1]}x{size[0]}'
            f', got {tuple(outside[0].tolist())}')
    return np.floor(xy).clip(0, np.subtract(size[::-1], 1)).astype(np.int32)


def strokes(size: Sequence[int], lines: Iterable[np.ndarray],
            width: int) -> np.ndarray:
    """Rasterize lines with a round brush.

    Args:
        size (Sequence[int]): H and W.
        lines (Iterable[np.ndarray]): (P, 2) integer columns and rows each,
            inside the image, joined in their order.
        width (int): Width of the brush in pixels, 1 or more.

    Returns:
        np.ndarray: (H, W) bool.
    """
    thin = np.zeros(size, np.uint8)
    for line in lines:
        thin[tuple(line[:, ::-1].T)] = 1  # OpenCV leaves out a single point
        cv2.polylines(thin, [line.astype(np.int32)], False, 1)
    # Not by the thickness of the line: its joints would be wider.
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    return cv2.dilate(thin, brush) == 1


def disc(size: Sequence[int], x: int, y: int, radius: float) -> np.ndarray:
    """Find the pixels of a disc, also where it leaves the image.

    Args:
        size (Sequence[int]): H and W.
        x (int): Column of the centre.
        y (int): Row of the centre.
        radius (float): Radius in pixels; 0 is the centre alone.

    Returns:
        np.ndarray: (H, W) bool.
    """
    rows, columns = np.ogrid[:size[0], :size[1]]
    return (rows - y)**2 + (columns - x)**2 <= radius**2


def _near(points: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Tell of points (P, 2) whether they are at most a pixel outside."""
    return np.all((points >= -1) & (points <= np.add(size[::-1], 1)), axis=1)
