"""Geometry of boxes, points, lines and discs in pixels.

Pixel i covers i..i + 1. A box is x, y, width and height, and a point is
(x, y).
"""
import math
from collections.abc import Iterable, Sequence
from typing import Any

import cv2
import numpy as np

from ..errors import abbreviate

_OUTLINE = 10_000_000
"""Longest outline in pixels, for which pycocotools takes half a GB."""
PixelBox = tuple[int, int, int, int]
"""A box as integers: x, y, width and height in pixels."""


def pixel_box(box: Sequence[float], size: Sequence[int]) -> PixelBox:
    """Find the pixels that a box touches within the image.

    Args:
        box (Sequence[float]): x, y, width and height in pixels.
        size (Sequence[int]): H and W of the image.

    Returns:
        PixelBox: The pixels. Its area is 0 if the box is outside the image.

    Example:
        >>> pixel_box([1.5, -2, 2, 4], size=(8, 8))
        (1, 0, 3, 2)
    """
    start, end = np.array(box[:2]), np.add(box[:2], box[2:])
    left, top = np.floor(start).clip(0, size[::-1]).astype(int).tolist()
    right, bottom = np.ceil(end).clip(0, size[::-1]).astype(int).tolist()
    return left, top, right - left, bottom - top


def checked_box(box: Any, size: Sequence[int]) -> PixelBox:
    """Check a user's box, and find its pixels as :func:`pixel_box` does.

    Args:
        box (Any): x, y, width and height in pixels.
        size (Sequence[int]): H and W of the image.

    Returns:
        PixelBox: The pixels, with an area above 0.

    Raises:
        ValueError: If the box is malformed, has no area or extends more
            than a pixel beyond the image; also TypeError and OverflowError.
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


def clipped_box(box: Any, size: Sequence[int]) -> PixelBox:
    """Check the box of a file, and find its pixels inside the image.

    Args:
        box (Any): x, y, width and height in pixels.
        size (Sequence[int]): H and W of the image.

    Returns:
        PixelBox: The pixels. Their area is 0 if the box has none, or is
        outside the image.

    Raises:
        ValueError: If the box is malformed; also TypeError and
            OverflowError.
    """
    numbers = np.asarray(box, float)
    if numbers.shape != (4,) or not np.isfinite(numbers).all() or (
            numbers[2:].min() < 0):
        raise ValueError(
            'expected a box [x, y, width, height] in pixels, got '
            f'{abbreviate(box)}')
    if not numbers[2:].all():
        return 0, 0, 0, 0
    # Larger numbers would overflow when they are added.
    return pixel_box(numbers.clip(-1e15, 1e15).tolist(), size)


def fill_boxes(labels: np.ndarray, boxes: Iterable[Sequence[int]],
               label: int) -> None:
    """Label the pixels of boxes in place.

    Args:
        labels (np.ndarray): Labels of the image, (H, W), changed in place.
        boxes (Iterable[Sequence[int]]): Boxes inside the image, (N, 4) in
            pixels.
        label (int): Label of all boxes.
    """
    for x, y, width, height in boxes:
        labels[y:y + height, x:x + width] = label


def object_boxes(region: np.ndarray) -> np.ndarray:
    """Find the bounding boxes of the 8-connected objects of a region.

    Args:
        region (np.ndarray): Mask of the region, (H, W) bool.

    Returns:
        np.ndarray: Boxes, (N, 4) int, sorted by the number of pixels of the
        objects, the largest first.
    """
    _, _, stats, _ = cv2.connectedComponentsWithStats(
        region.view(np.uint8), connectivity=8)
    objects = stats[1:]  # the first component is the background
    order = np.argsort(-objects[:, cv2.CC_STAT_AREA], kind='stable')
    return objects[order, :4]


def check_reach(points: np.ndarray, size: Sequence[int]) -> None:
    """Check that coordinates are close enough to the image to rasterize.

    Coordinates far outside the image and very long outlines take very long
    to rasterize, and much memory.

    Args:
        points (np.ndarray): Coordinates x, y, x, y, ... in pixels, in one
            dimension or two.
        size (Sequence[int]): H and W of the image.

    Raises:
        ValueError: If a coordinate is not finite, its absolute value exceeds
            ten times the longer side of the image, or the outline is longer
            than 10 million pixels.
    """
    limit = 10 * max(size)
    strange = points[~(np.abs(points) <= limit)]
    if len(strange):
        raise ValueError(
            f'expected coordinates of -{limit}..{limit}, ten times the '
            f'longer side of the image, got {strange[0]:g}')
    xy = points.reshape(-1, 2)
    steps = np.abs(xy - np.roll(xy, 1, axis=0)).max(1)
    length = np.maximum(steps, 1).sum()  # repeated points take time, too
    if length > _OUTLINE:
        raise ValueError(
            f'expected an outline of at most {_OUTLINE} pixels, got '
            f'{length:.0f}')


def pixels_of(points: Any, size: Sequence[int]) -> np.ndarray:
    """Find the pixels that contain the points of a user.

    Args:
        points (Any): Points (x, y) in pixels, at most one pixel outside the
            image.
        size (Sequence[int]): H and W of the image.

    Returns:
        np.ndarray: Columns and rows of the pixels, (P, 2) int32.

    Raises:
        ValueError: If the points are malformed, or one is outside the
            image; also TypeError and OverflowError.
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
        size (Sequence[int]): H and W of the image.
        lines (Iterable[np.ndarray]): Lines, each the columns and rows of
            its points, (P, 2) integers inside the image, in the order in
            which they are joined.
        width (int): Width of the brush in pixels, at least 1.

    Returns:
        np.ndarray: Mask of the lines, (H, W) bool.
    """
    thin = np.zeros(size, np.uint8)
    for line in lines:
        thin[tuple(line[:, ::-1].T)] = 1  # OpenCV skips a single point
        cv2.polylines(thin, [line.astype(np.int32)], False, 1)
    # Lines of that thickness in OpenCV would be wider at their joints.
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    return cv2.dilate(thin, brush) == 1


def disc(size: Sequence[int], x: int, y: int, radius: float) -> np.ndarray:
    """Rasterize a disc, which may extend beyond the image.

    Args:
        size (Sequence[int]): H and W of the image.
        x (int): Column of the centre.
        y (int): Row of the centre.
        radius (float): Radius in pixels; 0 is the centre only.

    Returns:
        np.ndarray: Mask of the disc, (H, W) bool.
    """
    rows, columns = np.ogrid[:size[0], :size[1]]
    return (rows - y)**2 + (columns - x)**2 <= radius**2


def rotated(points: Any, centre: Sequence[float],
            degrees: float) -> np.ndarray:
    """Rotate points clockwise, as y increases downwards.

    Args:
        points (Any): Points (x, y), (P, 2).
        centre (Sequence[float]): x and y of the point that stays.
        degrees (float): Angle.

    Returns:
        np.ndarray: The rotated points, (P, 2).

    Example:
        >>> rotated([[2, 0]], centre=(0, 0), degrees=90).round()
        array([[0., 2.]])
    """
    turn = math.radians(degrees)
    cos, sin = math.cos(turn), math.sin(turn)
    return np.subtract(points, centre) @ [[cos, sin], [-sin, cos]] + centre


def ellipse(centre: Sequence[float], radii: Sequence[float], degrees: float,
            size: Sequence[int]) -> tuple[np.ndarray, int, int]:
    """Rasterize an ellipse: the pixels whose centre is inside.

    Args:
        centre (Sequence[float]): x and y in pixels.
        radii (Sequence[float]): The radii in pixels, above 0, along x and
            along y before the rotation.
        degrees (float): Angle by which it is rotated clockwise.
        size (Sequence[int]): H and W of the image.

    Returns:
        tuple[np.ndarray, int, int]: Mask, (h, w) bool, with the column and
        the row of its first pixel in the image.

    Raises:
        ValueError: As for :func:`check_reach`, or if a radius is not above
            0.
    """
    (x, y), (across, down) = centre, radii
    if not min(radii) > 0:
        raise ValueError(
            f'expected an ellipse with radii above 0, got {tuple(radii)}')
    turn = math.radians(degrees)
    cos, sin = math.cos(turn), math.sin(turn)
    half = np.hypot([across * cos, across * sin], [down * sin, down * cos])
    check_reach(np.stack([centre - half, centre + half]), size)
    left, top, width, height = pixel_box(
        [*(centre - half), *(2 * half)], size)
    columns = left + .5 - x + np.arange(width)
    rows = top + .5 - y + np.arange(height)[:, None]
    inside = ((cos * columns + sin * rows) / across)**2 + (
        (cos * rows - sin * columns) / down)**2 <= 1
    return inside, left, top


def _near(points: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Find which points (P, 2) are at most one pixel outside the image."""
    return np.all((points >= -1) & (points <= np.add(size[::-1], 1)), axis=1)
