"""Figures of Supervisely's image annotations.

Points are columns and rows of pixels, so that a box of one pixel has the
same point twice. Fractions are cut off, as in Supervisely's SDK.
"""
import math
import zlib
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import cv2
import numpy as np

from ...errors import abbreviate
from ..objects import Encode, Size, no_box
from ..png_mask import decode_base64, png_mask
from ..rasterize import bitmap_runs, box_runs
from ..shapes import check_reach, rotated

_MOST_BYTES = 1 << 28
"""Size of a mask's PNG, which a small text may exceed when it is unpacked."""
_HALF = 128
"""The lowest opacity of the object in an alpha mask."""
_NO_AREA = {
    'point': 'point', 'line': 'line', 'graph': 'keypoint graph',
    'cuboid': 'cuboid', 'cuboid_2d': 'cuboid'}
"""Types of figures that mark no area, with their nouns."""


def encoder(figure: Mapping[str, Any], where: str, boxes: bool
            ) -> Encode | str:
    """Return the encoder of a figure, or the noun of one without area.

    Args:
        figure (Mapping[str, Any]): An object of the file.
        where (str): Start of a message: the place of the figure.
        boxes (bool): Whether boxes are filled. If False, a box is an error.
    """
    kind = figure.get('geometryType') or _kind_of(figure)
    if kind == 'polygon':
        points = figure.get('points')
        exterior = points.get('exterior') if isinstance(
            points, dict) else None
        if isinstance(exterior, list) and len(exterior) < 3:
            return 'degenerate polygon'
        return partial(_polygons, [points])
    if kind == 'multipolygon':
        return partial(_polygons, figure.get('parts'))
    if kind in ('bitmap', 'alpha_mask'):
        return partial(_bitmap, figure.get('bitmap'),
                       1 if kind == 'bitmap' else _HALF)
    if kind in ('rectangle', 'oriented_bbox'):
        if not boxes:
            return no_box(where)
        return partial(
            _rectangle if kind == 'rectangle' else _rotated, figure)
    return _NO_AREA.get(str(kind), 'unknown figure')


def _kind_of(figure: Mapping[str, Any]) -> str:
    """Return the type of a figure of an old export, which lacks it."""
    if figure.get('bitmap'):
        return 'bitmap'
    points = figure.get('points')
    exterior = points.get('exterior') if isinstance(points, dict) else None
    number = len(exterior) if isinstance(exterior, list) else 0
    return {1: 'point', 2: 'rectangle'}.get(number, 'polygon')


def _polygons(parts: Any, size: Size) -> dict:
    """Encode polygons with holes as Supervisely's SDK draws them.

    The outline belongs to its polygon, and the outline of a hole to the
    hole.
    """
    if not isinstance(parts, list) or not parts:
        raise ValueError(
            f'expected a list of polygons, got {abbreviate(parts)}')
    rings = [[_points(ring, size) for ring in _rings(part)] for part in parts]
    every = np.concatenate([points for ring in rings for points in ring])
    low, high = every.min(0), every.max(0) + 1
    if low.min() < 0 or (high > size[::-1]).any():
        # OpenCV clips outlines at the borders of the image.
        low, high = np.zeros(2, int), np.array(size[::-1])
    found = np.zeros((high - low)[::-1], np.uint8)
    for exterior, *interior in rings:
        one = np.zeros_like(found)
        cv2.fillPoly(one, [exterior - low], 1)
        if interior:
            cv2.fillPoly(one, [hole - low for hole in interior], 0)
        found |= one
    x, y = low.tolist()
    return bitmap_runs(found == 1, x, y, size)


def _rings(part: Any) -> Iterable[Any]:
    """Return the exterior of a polygon and its holes."""
    exterior, interior = (
        (part.get('exterior'), part.get('interior') or [])
        if isinstance(part, dict) else (None, None))
    if not isinstance(interior, list):
        raise ValueError(
            f'expected points with exterior and interior, got '
            f'{abbreviate(part)}')
    return [exterior, *interior]


def _points(ring: Any, size: Size) -> np.ndarray:
    """Return points as columns and rows, (P, 2) int32."""
    points = np.asarray(ring, float)
    if points.shape[1:] != (2,):
        raise ValueError(f'expected points x, y, got {abbreviate(ring)}')
    check_reach(points, size)
    return np.floor(points).astype(np.int32)


def _bitmap(given: Any, least: int, size: Size) -> dict:
    """Encode a PNG, which is compressed a second time, at its origin."""
    if not isinstance(given, dict):
        raise ValueError(
            f'expected a bitmap with data and origin, got {abbreviate(given)}')
    x, y = _points([given.get('origin')], size)[0].tolist()
    data = decode_base64(given.get('data'))
    try:
        unpack = zlib.decompressobj()
        png = unpack.decompress(data, _MOST_BYTES)
    except zlib.error:  # It is not compressed a second time.
        png = data
    else:
        if unpack.unconsumed_tail:
            raise ValueError(
                f'expected a mask of at most {_MOST_BYTES} bytes')
    return bitmap_runs(png_mask(png, least), x, y, size)


def _rectangle(figure: Mapping[str, Any], size: Size) -> dict:
    """Encode a box that includes both of its corner pixels."""
    points = figure.get('points')
    low, high = _corners(
        points.get('exterior') if isinstance(points, dict) else None)
    return box_runs([*low.tolist(), *(high - low + 1).tolist()], size)


def _rotated(figure: Mapping[str, Any], size: Size) -> dict:
    """Encode a box that is rotated clockwise around its centre."""
    low, high = _corners(figure.get('points'))
    (left, top), (right, bottom) = low, high
    corners = rotated(
        [(left, top), (right, top), (right, bottom), (left, bottom)],
        (low + high) // 2, math.degrees(float(figure.get('angle') or 0)))
    # Without the noise of a rotation by 90 degrees.
    return _polygons([dict(exterior=corners.round(6).tolist())], size)


def _corners(given: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the upper left and the lower right pixel of a box."""
    corners = np.asarray(given, float)
    if corners.shape != (2, 2):
        raise ValueError(
            f'expected the two corners of a box, got {abbreviate(given)}')
    return np.floor(corners.min(0)), np.floor(corners.max(0))
