"""Rasterization of boxes, polygons, scribbles and points of a user.

Coordinates are in pixels of the image after its EXIF orientation, and pixel
i covers i..i + 1.
"""
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, error_context
from ..images.image_files import existing_file
from .class_list import IGNORED
from .mask_channels import values_of
from .mask_values import MANY, read_values
from .rasterize import label_runs, object_runs, require_pycocotools
from .shapes import checked_box, disc, fill_boxes, pixels_of, strokes


def label_boxes(size: Sequence[int], boxes: Iterable[Any]) -> np.ndarray:
    """Label the pixels of boxes 1 and all others 0.

    Args:
        size (Sequence[int]): H and W of the image.
        boxes (Iterable[Any]): Boxes [x, y, width, height] in pixels. Every
            pixel that a box touches belongs to it.

    Returns:
        np.ndarray: Labels, (H, W) uint8.

    Raises:
        ValueError: As for :func:`checked_box`, which also raises TypeError
            and OverflowError.
    """
    labels = np.zeros(size, np.uint8)
    fill_boxes(labels, [checked_box(box, size) for box in boxes], 1)
    return labels


def label_polygons(size: Sequence[int],
                   polygons: Iterable[Any]) -> np.ndarray:
    """Label the union of polygons 1 and all other pixels 0, as COCO does.

    Args:
        size (Sequence[int]): H and W of the image.
        polygons (Iterable[Any]): Polygons [x, y, x, y, ...] or
            [(x, y), ...] in pixels.

    Returns:
        np.ndarray: Labels, (H, W) uint8.

    Raises:
        ValueError: If a polygon is malformed; also TypeError and
            OverflowError.
        InputError: If pycocotools is not installed.
    """
    require_pycocotools('polygons are rasterized')
    flat = [(one.ravel() if one.shape[1:] == (2,) else one).tolist()
            for one in map(np.asarray, polygons)]
    return label_runs([(object_runs(flat, size), 1)], size)


def label_scribbles(size: Sequence[int], scribbles: Any,
                    background_scribbles: Iterable[Any] = (),
                    width: int = 3) -> np.ndarray:
    """Label scribbles 1, background scribbles 0 and other pixels unknown.

    Args:
        size (Sequence[int]): H and W of the image.
        scribbles (Any): Scribbles [(x, y), ...] whose points are joined by
            lines; or the path of a mask, in which 0 is background, 255 is
            unknown and all other values are the object.
        background_scribbles (Iterable[Any]): Scribbles on the background, in
            the form of ``scribbles``; not allowed with a path. Pixels in
            both are unknown. Defaults to ().
        width (int): Width of the lines in pixels, at least 1. Defaults to 3.

    Returns:
        np.ndarray: Labels, (H, W) uint8; 255 is unknown.

    Raises:
        ValueError: If a point is outside the image, or the width is
            invalid; also TypeError and OverflowError.
        InputError: As for :func:`read_values`; or if a mask has no value for
            the object, or as many as a smooth edge.
    """
    if isinstance(scribbles, (str, Path)):
        values, _ = read_values(scribbles)
        number = len(np.setdiff1d(values_of(values), (0, IGNORED)))
        if not 0 < number <= MANY:
            raise InputError(
                f'{scribbles}: expected 0 for background, {IGNORED} for '
                'unknown, and one other value for scribbles on the object, '
                f'got {number or "no"} others; paint these with 1, without a '
                'smooth edge')
        return np.where(
            np.isin(values, (0, IGNORED)), values, 1).astype(np.uint8)
    if type(width) is not int or not 1 <= width <= max(size):
        raise ValueError(
            f'expected a width of 1..{max(size)} pixels, got {width!r}')
    return _combine(*(
        strokes(size, [pixels_of(line, size) for line in lines], width)
        for lines in (scribbles, background_scribbles)))


def label_points(size: Sequence[int], points: Iterable[Any],
                 background_points: Iterable[Any] = (),
                 radius: float = 3) -> np.ndarray:
    """Label points 1, background points 0 and other pixels unknown.

    Args:
        size (Sequence[int]): H and W of the image.
        points (Iterable[Any]): Points (x, y) in pixels.
        background_points (Iterable[Any]): Points (x, y) on the background.
            Pixels that are covered by both are unknown. Defaults to ().
        radius (float): Radius of the points in pixels, at least 0, see
            :func:`disc`. Defaults to 3.

    Returns:
        np.ndarray: Labels, (H, W) uint8; 255 is unknown.

    Raises:
        ValueError: If a point is outside the image, or the radius is
            invalid; also TypeError and OverflowError.
    """
    if not isinstance(radius, (int, float)) or not radius >= 0:
        raise ValueError(f'expected a radius of 0 or more, got {radius!r}')

    def discs(centres: Iterable[Any]) -> np.ndarray:
        region = np.zeros(size, bool)
        for centre in centres:
            (x, y), = pixels_of([centre], size).tolist()
            region |= disc(size, x, y, radius)
        return region

    return _combine(discs(points), discs(background_points))


KINDS: dict[str, Callable[..., np.ndarray]] = dict(
    boxes=label_boxes, polygons=label_polygons, scribbles=label_scribbles,
    points=label_points)
"""Functions that label each kind of marks.

Their parameters are the size, the marks and the settings, in this order.
"""


def marks_rasterizer(marks: Mapping[str, Any], where: str
                     ) -> Callable[[Sequence[int]], np.ndarray]:
    """Check marks, and build the function that rasterizes them.

    Only checks that do not need the size of the image are done here.

    Args:
        marks (Mapping[str, Any]): Marks of one of :data:`KINDS`, by its name,
            with its settings.
        where (str): Name of the image and the marks, for messages.

    Returns:
        Callable: Function of the size (H, W) of the image that returns
        labels, (H, W) uint8: 0 background, 1 object, 255 unknown. It raises
        an InputError for malformed marks.

    Raises:
        InputError: If the keys are not one kind and its settings, or if a
            file is missing.
    """
    kind = next((key for key in marks if key in KINDS), '')
    settings = [*signature(KINDS[kind]).parameters][2:] if kind else []
    file = marks.get(kind)
    if isinstance(file, (str, Path)):
        if kind != 'scribbles':
            raise InputError(
                f'{where}: expected a list of {kind}, got {file}; give a mask '
                'as the annotation itself')
        existing_file(file, where)
        settings = []
    if not kind or not set(marks) <= {kind, *settings}:
        raise InputError(
            f'{where}: expected one of {list(KINDS)} and, besides it, only '
            f'{settings}, got {list(marks)}; rename or remove the others')

    def rasterize(size: Sequence[int]) -> np.ndarray:
        with error_context(where):
            return KINDS[kind](size, **marks)

    return rasterize


def _combine(foreground: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Combine two regions into labels; pixels in both or none are unknown."""
    return np.where(
        foreground == background, IGNORED, foreground).astype(np.uint8)
