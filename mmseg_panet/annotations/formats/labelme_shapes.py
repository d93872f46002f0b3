"""Rasterization of the shapes of labelme and X-AnyLabeling."""
import base64
import io
import math
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw

from ...errors import abbreviate
from ...images.pixel_limit import open_limited
from ..shapes import check_reach

# Sizes in pixels, as in labelme's shape_to_mask.
_LINE_WIDTH = 10
_POINT_RADIUS = 5
_GREY = ('1', 'L', 'P', 'I', 'I;16')
"""Pillow's modes of a PNG with one channel."""
_ARC = np.linspace(0, 2 * math.pi, 360, endpoint=False)
"""Angles at which the outline of a rotated ellipse is sampled."""
_LEAST = dict(
    polygon=3, rectangle=2, oriented_rectangle=3, circle=2, line=2,
    linestrip=2, point=1, points=1, mask=2, rotation=3, quadrilateral=3,
    cuboid=3, ellipse=2)
"""The fewest points with which a shape has an extent."""
_NUM_POINTS = dict(circle=[2], mask=[2], ellipse=[2, 4])
"""Numbers of points of the shapes that have no others."""
_DISCS = ('point', 'points')
"""Shapes that have a disc at each point."""


def is_degenerate(shape: Mapping[str, Any]) -> bool:
    """Check whether a shape has no extent.

    This is a polygon of two points or one, as a click leaves it, or a
    rectangle, a circle or a line whose points coincide.

    Args:
        shape (Mapping[str, Any]): An element of ``shapes``.

    Returns:
        bool: False also for a malformed shape, which :func:`draw_shape`
        refuses.
    """
    kind = shape.get('shape_type') or 'polygon'
    points = shape.get('points')
    if not isinstance(points, list) or kind == 'mask':
        return False
    try:
        if len(points) >= _LEAST[kind] and (
                kind in _DISCS or any(
                    one != points[0] for one in points[::-1])):
            return False
        _as_points(kind, points)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return False
    return True


def draw_shape(canvas: Image.Image, shape: Mapping[str, Any],
               label: int) -> None:
    """Label the pixels of a shape, as labelme does.

    The shapes of X-AnyLabeling cover what it displays. What is outside the
    image is cut off.

    ==================  ====================================================
    shape_type          pixels
    ==================  ====================================================
    polygon, rotation,  inside the polygon and on its outline
    quadrilateral,
    oriented_rectangle
    rectangle           of two corners, both included; of more points, as a
                        polygon
    circle              of the centre and a point on the circle
    ellipse             in the rectangle of two corners, or of four, which
                        may be rotated
    line, linestrip     10 pixels wide
    point, points       discs with a radius of 5 pixels
    cuboid              the convex hull of its eight corners
    mask                a PNG in the box of two corners, both included
    ==================  ====================================================

    Args:
        canvas (Image.Image): Labels of the image, which are changed.
        shape (Mapping[str, Any]): An element of ``shapes``, in pixels.
        label (int): Label of the shape.

    Raises:
        ValueError: If the shape is malformed or of another type; also
            TypeError and OverflowError.
    """
    kind = shape.get('shape_type') or 'polygon'
    if kind not in _LEAST:
        raise ValueError(
            f'expected a shape_type of {list(_LEAST)}, got {kind!r}')
    given = shape.get('points')
    points = _as_points(kind, given)
    if len(points) not in _NUM_POINTS.get(kind, [len(points)]):
        raise ValueError(
            f'expected the points of a {kind}, got {abbreviate(given)}')
    check_reach(points, canvas.size)
    draw = ImageDraw.Draw(canvas)
    if kind == 'mask':
        _paste_mask(canvas, shape.get('mask'), points, label)
    elif kind in ('line', 'linestrip'):
        draw.line(_pairs(points), label, _LINE_WIDTH)
    elif kind in ('circle', *_DISCS):
        _draw_discs(draw, points, label, kind == 'circle')
    elif len(points) == 2:
        box = (*points.min(0), *points.max(0))
        (draw.ellipse if kind == 'ellipse' else draw.rectangle)(
            box, label, label)
    else:
        draw.polygon(_pairs(_outline(kind, points)), label, label)


def _as_points(kind: str, given: Any) -> np.ndarray:
    points = np.asarray(given, float)
    if given != [] and points.shape[1:] != (2,):
        raise ValueError(
            f'expected the points of a {kind}, got {abbreviate(given)}')
    return points


def _pairs(points: np.ndarray) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points.tolist()]


def _outline(kind: str, points: np.ndarray) -> np.ndarray:
    """Return the polygon around a shape of more than two points."""
    if kind == 'cuboid':
        return cv2.convexHull(points.astype(np.float32))[:, 0]
    if kind == 'ellipse':
        # The axes end in the middle of the sides.
        across, down = points[1] - points[0], points[3] - points[0]
        arc = (np.outer(np.cos(_ARC), across)
               + np.outer(np.sin(_ARC), down)) / 2
        return np.round(points.mean(0) + arc)
    return points


def _draw_discs(draw: ImageDraw.ImageDraw, points: np.ndarray, label: int,
                circle: bool) -> None:
    """Fill a circle of its centre and a point on it, or discs of points."""
    xy = _pairs(points)
    radius = math.dist(*xy) if circle else _POINT_RADIUS
    for x, y in xy[:1] if circle else xy:
        draw.ellipse(
            (x - radius, y - radius, x + radius, y + radius), label, label)


def _paste_mask(canvas: Image.Image, encoded: Any, points: np.ndarray,
                label: int) -> None:
    """Paste a PNG into its box, which includes both corner pixels.

    Some versions of labelme write a box that is a pixel larger than the PNG
    at the border of the image.
    """
    start, end = np.floor([points.min(0), points.max(0)]).astype(int)
    try:
        file = io.BytesIO(base64.b64decode(encoded))
        with open_limited(file, 'a mask', ('PNG',)) as png:
            size = png.size
            fits = png.mode in _GREY and (
                np.abs(end - start + 1 - size) <= 1).all()
            # A small file may state a size beyond the memory.
            inside = np.asarray(png).astype(bool) if fits else None
    except Exception as error:  # noqa: BLE001 any damage
        raise ValueError(
            f'expected the mask as a PNG in base64 ({error})') from error
    if inside is None:
        raise ValueError(
            'expected a grey mask of the size of its box, got '
            f'{size} in the box {[start.tolist(), end.tolist()]}')
    canvas.paste(label, tuple(start.tolist()), Image.fromarray(inside))
