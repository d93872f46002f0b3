"""Points (x, y) in pixels, where pixel i covers i..i + 1: lines and discs."""
from collections.abc import Iterable, Sequence
from typing import Any

import cv2
import numpy as np

from ..errors import shown


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
    if xy.ndim != 2 or xy.shape[1] != 2 or not len(xy):
        raise ValueError(
            f'expected points [(x, y), ...], got {shown(points)}')
    inside = ((xy >= -1) & (xy <= np.add(size[::-1], 1))).all(axis=1)
    if not inside.all():
        raise ValueError(
            f'expected points (x, y) inside the image of {size[1]}x{size[0]}'
            f', got {tuple(xy[~inside][0].tolist())}')
    return np.clip(
        np.floor(xy), 0, np.subtract(size[::-1], 1)).astype(np.int32)


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
