"""Boxes, polygons, scribbles and points that a user gives as numbers.

Coordinates are in pixels of the image as it is seen, and pixel i covers
i..i + 1.
"""
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, error_context
from .class_list import IGNORED
from .image_files import existing
from .object_mask import read_values
from .rasterize import label_runs, object_runs, require_pycocotools
from .shapes import checked_box, disc, fill_boxes, pixels_of, strokes


def label_boxes(size: Sequence[int], boxes: Iterable[Any]) -> np.ndarray:
    """Label the inside of boxes 1, all else 0.

    Args:
        size (Sequence[int]): H and W of the image.
        boxes (Iterable[Any]): [x, y, width, height] each; the pixels that a
            box touches are inside.

    Returns:
        np.ndarray: (H, W) uint8.

    Raises:
        ValueError: As :func:`checked_box`; TypeError and OverflowError
            likewise.
    """
    labels = np.zeros(size, np.uint8)
    fill_boxes(labels, [checked_box(box, size) for box in boxes], 1)
    return labels


def label_polygons(size: Sequence[int],
                   polygons: Iterable[Any]) -> np.ndarray:
    """Label the union of polygons 1, all else 0, as COCO rasterizes them.

    Args:
        size (Sequence[int]): H and W of the image.
        polygons (Iterable[Any]): [x, y, x, y, ...] or [(x, y), ...] each.

    Returns:
        np.ndarray: (H, W) uint8.

    Raises:
        ValueError: If one is no polygon; TypeError and OverflowError
            likewise.
        InputError: If pycocotools is missing.
    """
    require_pycocotools('polygons are rasterized')
    flat = [(one.ravel() if one.shape[1:] == (2,) else one).tolist()
            for one in map(np.asarray, polygons)]
    return label_runs([(object_runs(flat, size), 1)], size)


def label_scribbles(size: Sequence[int], scribbles: Any,
                    background_scribbles: Iterable[Any] = (),
                    width: int = 3) -> np.ndarray:
    """Label scribbles 1 and those in the background 0, all else unknown.

    Args:
        size (Sequence[int]): H and W of the image.
        scribbles (Any): [(x, y), ...] each, joined by lines; or the path of
            a mask: 0 is background, 255 unknown, all else the object.
        background_scribbles (Iterable[Any]): As ``scribbles``; none with a
            path. Where they cross those, nothing is known.
        width (int): Width of the lines, 1 or more. Defaults to 3.

    Returns:
        np.ndarray: (H, W) uint8, 255 is unknown.

    Raises:
        ValueError: If a point is outside the image, or the width is none;
            TypeError and OverflowError likewise.
        InputError: As :func:`read_values`.
    """
    if isinstance(scribbles, (str, Path)):
        values, _ = read_values(scribbles)
        return np.where(
            np.isin(values, (0, IGNORED)), values, 1).astype(np.uint8)
    if type(width) is not int or not 1 <= width <= max(size):
        raise ValueError(
            f'expected a width of 1..{max(size)} pixels, got {width!r}')
    return _known(*(
        strokes(size, [pixels_of(line, size) for line in lines], width)
        for lines in (scribbles, background_scribbles)))


def label_points(size: Sequence[int], points: Iterable[Any],
                 background_points: Iterable[Any] = (),
                 radius: float = 3) -> np.ndarray:
    """Label points 1 and those in the background 0, all else unknown.

    Args:
        size (Sequence[int]): H and W of the image.
        points (Iterable[Any]): (x, y) each.
        background_points (Iterable[Any]): As ``points``. Where they cover
            those, nothing is known.
        radius (float): Radius of the points, 0 or more, see :func:`disc`.
            Defaults to 3.

    Returns:
        np.ndarray: (H, W) uint8, 255 is unknown.

    Raises:
        ValueError: If a point is outside the image, or the radius is none;
            TypeError and OverflowError likewise.
    """
    if not isinstance(radius, (int, float)) or not radius >= 0:
        raise ValueError(f'expected a radius of 0 or more, got {radius!r}')

    def discs(centres: Iterable[Any]) -> np.ndarray:
        region = np.zeros(size, bool)
        for centre in centres:
            (x, y), = pixels_of([centre], size).tolist()
            region |= disc(size, x, y, radius)
        return region

    return _known(discs(points), discs(background_points))


KINDS: dict[str, Callable[..., np.ndarray]] = dict(
    boxes=label_boxes, polygons=label_polygons, scribbles=label_scribbles,
    points=label_points)
"""The function that labels each kind of marks; its settings come third."""


def marks_rasterizer(marks: Mapping[str, Any], where: str
                     ) -> Callable[[Sequence[int]], np.ndarray]:
    """Check what can be checked of marks without the size of their image.

    Args:
        marks (Mapping[str, Any]): One of :data:`KINDS` with its settings.
        where (str): Names the image and the marks in errors.

    Returns:
        Callable: From the size of the image to labels, (H, W) uint8: 0
        background, 1 object, 255 unknown. It raises InputError.

    Raises:
        InputError: If there is not one kind with its own settings, or a file
            is missing.
    """
    kind = next((key for key in marks if key in KINDS), '')
    settings = [*signature(KINDS[kind]).parameters][2:] if kind else []
    file = marks.get(kind)
    if isinstance(file, (str, Path)):
        if kind != 'scribbles':
            raise InputError(
                f'{where}: expected a list of {kind}, got {file}; give a mask '
                'as the annotation itself')
        existing(file, where)
        settings = []
    if not kind or not set(marks) <= {kind, *settings}:
        raise InputError(
            f'{where}: expected one of {list(KINDS)}, beside it only '
            f'{settings}, got {list(marks)}; rename or leave out the others')

    def rasterize(size: Sequence[int]) -> np.ndarray:
        with error_context(where):
            return KINDS[kind](size, **marks)

    return rasterize


def _known(own: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Label what is marked as one of the two; as both or none is unknown."""
    return np.where(own == background, IGNORED, own).astype(np.uint8)
