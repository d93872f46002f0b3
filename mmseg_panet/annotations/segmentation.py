"""The segmentation of an object in COCO's format, in the forms of tools."""
import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

_LEAST = 6
"""Numbers of a polygon of three points."""


class Segmentation(NamedTuple):
    """A segmentation in COCO's form."""

    regions: Any
    """Polygons [[x, y, x, y, ...], ...], or run-lengths; empty if there are
    none. What is of an unknown form is unchanged."""
    malformed: list
    """Polygons of fewer than three points, of an odd number of coordinates,
    or with one that is not finite."""


def read_segmentation(given: Any) -> Segmentation:
    """Bring a segmentation into COCO's form.

    Tools also write a polygon as a list of points [x, y], an object as the
    coordinates of its only polygon, a list within another one, run-lengths in
    a list, and nothing as null, [], [[]] or {}.

    Args:
        given (Any): A value of JSON.

    Returns:
        Segmentation: The polygons or run-lengths.

    Example:
        >>> read_segmentation([[[0, 0], [4, 0], [4, 4]], [1, 1, 2, 2]])
        Segmentation(regions=[[0, 0, 4, 0, 4, 4]], malformed=[[1, 1, 2, 2]])
    """
    if not given or not isinstance(given, list):
        return Segmentation(given or [], [])
    for one in given:
        if type(one) is not list or not one or type(one[0]) is list or (
                not _is_polygon(one)):
            break
    else:
        return Segmentation(given, [])  # as nearly all are
    if len(given) == 1 and isinstance(given[0], Mapping):
        return Segmentation(given[0], [])
    regions: list = []
    malformed: list = []
    for one in _polygons(given):
        (regions if _is_polygon(one) else malformed).append(one)
    return Segmentation(regions, malformed)


def _polygons(given: list) -> Iterator[Any]:
    """Yield the polygons of a list, which may be one itself."""
    if _is_number(given[0]):
        yield given
    elif _is_point(given[0]) and len(given) > 2 and all(map(_is_point, given)):
        yield [number for point in given for number in point]
    else:
        for one in given:
            if isinstance(one, list) and one and isinstance(one[0], list):
                # Deeper lists are no form of any tool.
                yield from _polygons(one) if _is_shallow(one) else [one]
            elif one:
                yield one


def _is_shallow(one: list) -> bool:
    return all(isinstance(part, list) and all(map(_is_number, part))
               for part in one)


def _is_polygon(one: Any) -> bool:
    """Check a polygon; what is no list of numbers is left to rasterize."""
    try:
        return math.isfinite(sum(one)) and (
            len(one) >= _LEAST and not len(one) % 2)
    except (TypeError, OverflowError):
        return True


def _is_number(one: Any) -> bool:
    return isinstance(one, (int, float))


def _is_point(one: Any) -> bool:
    return isinstance(one, list) and len(one) == 2 and all(
        map(_is_number, one))
