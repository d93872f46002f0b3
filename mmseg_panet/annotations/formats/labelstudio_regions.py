"""Regions of Label Studio's image annotations.

Positions and lengths are in percent of the width or the height of the image.
Angles are in degrees, clockwise.
"""
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ...errors import abbreviate
from ..objects import Encode, Size, ellipse, no_box, rotated_box
from ..png_mask import decode_base64, png_mask
from ..rasterize import bitmap_runs, object_runs
from .brush_runs import brush_mask

_KINDS = {
    'brush': ('rle',), 'bitmask': ('imageDataURL',),
    'unfinished brush stroke': ('touches',), 'vector': ('vertices',),
    'polygon': ('points',), 'ellipse': ('radiusX', 'radiusY'),
    'box': ('x', 'y', 'width', 'height'), 'keypoint': ('x', 'y')}
"""Keys of the value of each kind of regions; the first match decides."""
_SHAPE = sorted({'rotation'}.union(*_KINDS.values()))
"""Keys of a value that distinguish regions."""
_DIGITS = 6
"""Decimals of a position in pixels.

The conversion from percent adds about 1e-13 to a box, which would then touch
one more pixel.
"""


class Region(NamedTuple):
    """A region of an image."""

    kind: str
    """Key of :data:`_KINDS`."""
    value: Mapping[str, Any]
    labels: list[str]
    """Names of its labels."""
    result: Mapping[str, Any]
    """The result of the region, with its image and its size."""


def regions(results: Iterable[Any]) -> list[Region]:
    """Find the regions in the results of an annotation.

    A tool without labels and the labels beside it give two results with the
    same id, or in JSON-MIN with the same value. Choices of a region repeat
    its value.

    Args:
        results (Iterable[Any]): Results from JSON.

    Returns:
        list[Region]: Regions in order, with all labels of their results.
    """
    found: dict[tuple[str, str], Region] = {}
    by_id: dict[str, list[str]] = {}
    for result in results:
        value = result.get('value') if isinstance(result, dict) else None
        if not isinstance(value, dict):
            continue
        i, labels = str(result.get('id') or ''), [*_labels(value)]
        by_id.setdefault(i, []).extend(labels)
        kind = next((kind for kind, keys in _KINDS.items()
                     if all(key in value for key in keys)), None)
        if kind is not None:  # Choices of the image have none.
            shape = str([value.get(key) for key in _SHAPE])
            new = Region(kind, value, [], result)
            found.setdefault((i, shape), new).labels.extend(labels)
    return [
        one._replace(labels=[*dict.fromkeys(
            one.labels or (by_id[i] if i else []))])
        for (i, _), one in found.items()]


def encoder(region: Region, where: str, boxes: bool) -> Encode | str:
    """Return the encoder of a region, or the noun of one without area.

    Args:
        region (Region): The region.
        where (str): Start of a message: the place of the region.
        boxes (bool): Whether boxes are filled. If False, a box is an error.
    """
    kind, value, *_ = region
    if kind == 'brush':
        return partial(_brush, value['rle'])
    if kind == 'bitmask':
        return partial(_bitmask, value['imageDataURL'])
    if kind == 'polygon':
        points = value['points']
        if isinstance(points, list) and len(points) < 3:
            return 'degenerate polygon'
        return partial(_polygon, points)
    if kind == 'ellipse':
        if not _positive(value, 'radiusX', 'radiusY'):
            return 'empty ellipse'
        return partial(_ellipse, value)
    if kind == 'box':
        if not _positive(value, 'width', 'height'):
            return 'empty rectangle'
        return partial(_box, value) if boxes else no_box(where)
    return kind


def _labels(value: Mapping[str, Any]) -> Iterator[str]:
    """Yield the labels of a value, such as those under polygonlabels."""
    for key, names in value.items():
        if key.endswith('labels') and isinstance(names, list):
            yield from (name for name in names if isinstance(name, str))


def _brush(rle: Any, size: Size) -> dict:
    return bitmap_runs(brush_mask(rle, size), 0, 0, size)


def _bitmask(url: Any, size: Size) -> dict:
    """Encode the mask of the tool Bitmask, a PNG in a data URL."""
    mask = png_mask(decode_base64(str(url).partition(',')[2]))
    if mask.shape != size:
        raise ValueError(
            f'expected a mask of {size[1]}x{size[0]} pixels, got '
            f'{mask.shape[1]}x{mask.shape[0]}')
    return bitmap_runs(mask, 0, 0, size)


def _polygon(points: Any, size: Size) -> dict:
    return object_runs([_pixels(points, size).ravel()], size)


def _box(value: Mapping[str, Any], size: Size) -> dict:
    """Encode a box, which is rotated around its upper left corner."""
    corner, extent = _pixels(_pairs(value, 'x', 'y', 'width', 'height'), size)
    return rotated_box(
        [*corner.tolist(), *extent.tolist()], _turn(value), corner)(size)


def _ellipse(value: Mapping[str, Any], size: Size) -> dict:
    """Encode an ellipse, which is rotated around its centre x, y."""
    centre, radii = _pixels(
        _pairs(value, 'x', 'y', 'radiusX', 'radiusY'), size)
    return ellipse(centre, radii, _turn(value))(size)


def _pairs(value: Mapping[str, Any], *keys: str) -> list[list[Any]]:
    numbers = [value.get(key) for key in keys]
    return [numbers[:2], numbers[2:]]


def _pixels(percent: Any, size: Size) -> np.ndarray:
    """Convert pairs, (P, 2) in percent, to pixels."""
    pairs = np.asarray(percent, float)
    if pairs.shape[1:] != (2,):
        raise ValueError(
            f'expected pairs x, y in percent, got {abbreviate(percent)}')
    return (pairs / 100 * size[::-1]).round(_DIGITS)


def _positive(value: Mapping[str, Any], *keys: str) -> bool:
    """Check lengths; what is no number is left to the encoder."""
    return all(value[key] > 0 for key in keys
               if isinstance(value[key], (int, float)))


def _turn(value: Mapping[str, Any]) -> float:
    turn = float(value.get('rotation') or 0)
    if not np.isfinite(turn):
        raise ValueError(f'expected a rotation in degrees, got {turn}')
    return turn
