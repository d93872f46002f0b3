"""Boxes, polygons, scribbles and points that a person gives as numbers.

Coordinates are in pixels of the image as it is seen, and pixel i covers
i..i + 1.
"""
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from ..datasets.transforms.point_annotation import disc
from ..inference.supports.support import Size, shown
from .class_list import IGNORED
from .object_mask import read_values
from .rasterize import box_pixels, rasterize_segmentation, require_pycocotools


def rasterize_boxes(size: Size, boxes: Iterable[Any]) -> np.ndarray:
    """Label the inside of boxes 1, all else 0.

    Args:
        size (Size): Of the image.
        boxes (Iterable[Any]): [x, y, width, height] each; the pixels that a
            box touches are inside.

    Returns:
        np.ndarray: (H, W) uint8.

    Raises:
        ValueError: If one is not as :func:`box_pixels` wants it; TypeError
            and OverflowError as well.
    """
    labels = np.zeros(size, np.uint8)
    for box in boxes:
        left, top, right, bottom = box_pixels(box, *size)
        labels[top:bottom, left:right] = 1
    return labels


def rasterize_polygons(size: Size, polygons: Iterable[Any]) -> np.ndarray:
    """Label the union of polygons 1, all else 0, as COCO draws them.

    Args:
        size (Size): Of the image.
        polygons (Iterable[Any]): [x, y, x, y, ...] or [(x, y), ...] each.

    Returns:
        np.ndarray: (H, W) uint8.

    Raises:
        ValueError: If one is no polygon; TypeError and OverflowError as
            well.
        InputError: If pycocotools is missing.
    """
    require_pycocotools('polygons are drawn')
    flat = [_flat(polygon) for polygon in polygons]
    return rasterize_segmentation(flat, *size).astype(np.uint8)


def rasterize_scribbles(
    size: Size,
    scribbles: Any,
    background_scribbles: Iterable[Any] = (),
    width: int = 3,
) -> np.ndarray:
    """Label scribbles 1 and those in the background 0, all else unknown.

    Args:
        size (Size): Of the image.
        scribbles (Any): [(x, y), ...] each, joined by lines; or the path of
            a mask: 0 is background, 255 unknown, all else the object.
        background_scribbles (Iterable[Any]): As ``scribbles``; none with a
            path. Where they cross those, nothing is known.
        width (int): Of the lines, 1 or more. Defaults to 3.

    Returns:
        np.ndarray: (H, W) uint8, 255 is unknown.

    Raises:
        ValueError: If a point is outside the image, or the width is none;
            TypeError and OverflowError as well.
        InputError: If the mask is not as :func:`read_values` wants it.
    """
    if isinstance(scribbles, (str, Path)):
        values = read_values(Path(scribbles)).values
        return np.where(
            np.isin(values, (0, IGNORED)), values, 1).astype(np.uint8)
    if type(width) is not int or not 1 <= width <= max(size):
        raise ValueError(
            f'expected a width of 1..{max(size)} pixels, got {width!r}')
    # Not by the thickness of the line: its joints would be wider.
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))

    def lines(given: Iterable[Any]) -> np.ndarray:
        drawn = np.zeros(size, np.uint8)
        for scribble in given:
            points = _pixels(scribble, size)
            drawn[tuple(points[:, ::-1].T)] = 1  # a single point is no line
            cv2.polylines(drawn, [points], False, 1)
        return cv2.dilate(drawn, brush) == 1

    return _marked(lines(scribbles), lines(background_scribbles))


def rasterize_points(
    size: Size,
    points: Iterable[Any],
    background_points: Iterable[Any] = (),
    radius: float = 3,
) -> np.ndarray:
    """Label points 1 and those in the background 0, all else unknown.

    Args:
        size (Size): Of the image.
        points (Iterable[Any]): (x, y) each.
        background_points (Iterable[Any]): As ``points``. Where they cover
            those, nothing is known.
        radius (float): Of the points, 0 or more, see :func:`disc`. Defaults
            to 3.

    Returns:
        np.ndarray: (H, W) uint8, 255 is unknown.

    Raises:
        ValueError: If a point is outside the image, or the radius is none;
            TypeError and OverflowError as well.
    """
    if not isinstance(radius, (int, float)) or not radius >= 0:
        raise ValueError(f'expected a radius of 0 or more, got {radius!r}')

    def discs(given: Iterable[Any]) -> np.ndarray:
        drawn = np.zeros(size, bool)
        for point in given:
            (x, y), = _pixels([point], size).tolist()
            drawn |= disc(size, x, y, radius)
        return drawn

    return _marked(discs(points), discs(background_points))


class Kind(NamedTuple):
    """A kind of marks."""

    rasterize: Callable[..., np.ndarray]
    settings: tuple[str, ...] = ()


KINDS = {
    'boxes': Kind(rasterize_boxes),
    'polygons': Kind(rasterize_polygons),
    'scribbles': Kind(rasterize_scribbles, ('background_scribbles', 'width')),
    'points': Kind(rasterize_points, ('background_points', 'radius')),
}


def _pixels(points: Any, size: Size) -> np.ndarray:
    """(P, 2) int32 columns and rows of points (x, y)."""
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


def _flat(polygon: Any) -> list:
    """[x, y, x, y, ...] of a polygon in either form."""
    points = np.asarray(polygon)
    pairs = points.ndim == 2 and points.shape[1] == 2
    return points.ravel().tolist() if pairs else points.tolist()


def _marked(own: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Labels of what is marked as one of the two."""
    labels = np.full(own.shape, IGNORED, np.uint8)
    labels[own & ~background] = 1
    labels[background & ~own] = 0
    return labels
