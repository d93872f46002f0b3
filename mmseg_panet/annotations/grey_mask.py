"""Masks in greys: edges, noise and stray pixels around one object."""
from enum import Enum
from typing import NamedTuple

import cv2
import numpy as np

_EIGHTH = 8
"""Values in the lowest eighth are black, and in the highest white."""
_BRIGHT = 192
"""The largest value must be at least this, or at least three greys occur.

Ids are smaller, or few.
"""
_GREYS = 3
_BLOCK = 5
"""Side of a square of one value, for which an edge or a stray is too thin."""
_EDGE = 2
"""Reach of an edge of one value around white, in pixels."""
_OUTLINE = 8
"""Reach of an outline around an object, in pixels."""
_OUTLINES = 5
"""Half of the largest width of outlines, also of other objects, in pixels."""
_STRAY = 0.05
"""Share of stray pixels, in the pixels of the object."""
_SPECK = 9
"""Pixels of the largest stray beside one other value."""
_SHARE = 0.01
"""Share of blocks of one value, which are no strays."""
_WIDEST = 8
"""Half of the largest width of a smooth edge, in pixels."""


class Meaning(Enum):
    """What the values of a mask besides 0 mean."""

    OUTLINED = 'the grey is the object, and white is unknown'
    SMOOTH = 'white is the object, and greys are its edge, noise or strays'
    OPEN = 'neither is certain'


class _Contacts(NamedTuple):
    """Pairs of adjacent pixels of grey, white and black."""

    grey_black: int
    white_black: int
    grey_white: int


def meaning_of_pair(values: np.ndarray, grey: int, white: int) -> Meaning:
    """Decide what a grey means beside 0 and the value of unknown pixels.

    White is the object if the grey is rounded, at least 98% of white, or too
    narrow for a square of five pixels, and lies within two pixels of white,
    except for strays in parts of at most nine pixels, and with at most 5% of
    the area of white. A grey that white encloses is no edge if it is below a
    quarter of white, or if white is its outline.

    Otherwise, as in PASCAL VOC, the grey is the object if it is below a
    quarter of white, too dark for an edge; or if a square of five pixels fits
    into it, and white is its outline, or narrower than it, and smaller or at
    most ten pixels wide, as the outlines of other objects are.

    Args:
        values (np.ndarray): (H, W) of 0, ``grey`` and ``white``.
        grey (int): The value between 0 and ``white``.
        white (int): 255 or 65535.

    Returns:
        Meaning: OPEN if neither is the case.
    """
    if grey >= white - white // 50:
        return Meaning.SMOOTH
    is_dark = 4 * grey < white
    inner = (values == grey).astype(np.uint8)
    outer = (values == white).astype(np.uint8)
    black = 1 - inner - outer
    touching = _Contacts(
        _contacts(inner, black), _contacts(outer, black),
        _contacts(inner, outer))
    enclosed = touching.grey_black <= 0.05 * (
        touching.grey_black + touching.grey_white)
    outlined = enclosed and touching.white_black > 0 and _outlines(
        outer, inner)
    is_block = _fits(_BLOCK, inner)
    is_narrow = not (is_block or outlined)
    in_specks = is_narrow and _are_specks(inner)
    if in_specks and inner.sum() <= _STRAY * outer.sum():
        return Meaning.SMOOTH
    far = _far(inner, outer, _EDGE)
    if is_narrow and not (enclosed and is_dark) and (
            outer.sum() >= inner.sum()
            or 4 * touching.white_black <= touching.grey_black) and (
                _are_specks(far) and far.sum() <= _STRAY * outer.sum()):
        return Meaning.SMOOTH
    if is_dark and not in_specks:
        return Meaning.OUTLINED
    if is_block and not touching.white_black:  # unknown holes, or a trimap
        return Meaning.OPEN if _fits(_BLOCK, outer) else Meaning.OUTLINED
    is_unknown = is_block if outlined else _is_smaller(
        outer, inner, _OUTLINES if is_block else 0)
    return Meaning.OUTLINED if is_unknown else Meaning.OPEN


def is_smooth(values: np.ndarray, found: np.ndarray) -> bool:
    """Tell whether a mask shows one bright object on black.

    White are the values within an eighth of the largest, and black is the
    lowest eighth. The largest value is 192 or more, or three greys occur
    between black and white. Greys are at most a third of all pixels, and form
    bands that are narrower than white or than 16 pixels. They have no blocks
    of 5x5 pixels of one value, which may be an id; nor has the lowest eighth
    except 0, unless white is as noisy. Of strays, there are at most 5% of the
    pixels of the object, see :func:`_strays`.

    Args:
        values (np.ndarray): (H, W) of integers.
        found (np.ndarray): All values that occur, ascending.

    Returns:
        bool: True if values of at least half of the largest are the object.
    """
    largest = int(found[-1])
    if found[0] < 0 or len(found) > 1 << 16:
        return False
    low = -(-largest // _EIGHTH)
    high = largest - largest // _EIGHTH
    between = (found >= low) & (found < high)
    if largest < _BRIGHT and np.count_nonzero(between) < _GREYS:
        return False
    white = (values >= high).astype(np.uint8)
    grey = (values >= low).astype(np.uint8) - white
    grey_area = int(grey.sum())
    half = np.count_nonzero(values >= (largest + 1) // 2)
    if grey_area > values.size / 3:
        return False
    width = _radius(grey)
    if width > _WIDEST and width > _radius(white):
        return False
    return bool(not _shows_ids(values, found, white, grey)
                and _strays(values, found, white, grey) <= _STRAY * half)


def _shows_ids(values: np.ndarray, found: np.ndarray, white: np.ndarray,
               grey: np.ndarray) -> bool:
    """Tell whether darker values than white are rather those of objects."""
    area, grey_area = np.count_nonzero(white), np.count_nonzero(grey)
    largest = int(found[-1])
    bright = found[found >= largest - largest // _EIGHTH]
    flat = _flat(values, found)
    if len(bright) >= _GREYS:  # noise
        return bool(_in_blocks(flat & (grey > 0)) > _SHARE * area)
    dim = (values > 0) & (white + grey == 0)
    darker = len(bright) == 2 and (
        largest - int(bright[0]) > largest // 50)
    return bool(
        len(bright) == 1
        and np.count_nonzero(dim) > max(area, 2 * grey_area)
        or _in_blocks(flat & (dim | (grey > 0))) > _SHARE * area
        or darker and _in_blocks(flat & (values == bright[0]))
        > _SHARE * area)


def _strays(values: np.ndarray, found: np.ndarray, white: np.ndarray,
            grey: np.ndarray) -> int:
    """Count the pixels of grey that are no edge of an object.

    They lie in a region below half of the largest value that touches nothing
    brighter, or have neighbours of black and their own value only, as thin
    objects with ids have.
    """
    half = (values >= (int(found[-1]) + 1) // 2).astype(np.uint8)
    dark = grey * (1 - half)
    dark -= _parts_at(dark, half)
    ranks, around = _ranks(values, found), np.ones((3, 3), np.uint8)
    # Black becomes the largest value.
    seen = ranks | ((grey + white).astype(ranks.dtype) - 1)
    alone = grey * ((cv2.dilate(ranks, around) == ranks) & (
        cv2.erode(seen, around) == ranks))
    return int(np.count_nonzero(alone | dark))


def _contacts(one: np.ndarray, other: np.ndarray) -> int:
    """Count the pairs of horizontal and vertical neighbours."""
    return sum(int(np.count_nonzero(a & b)) for a, b in (
        (one[1:], other[:-1]), (one[:-1], other[1:]),
        (one[:, 1:], other[:, :-1]), (one[:, :-1], other[:, 1:])))


def _far(one: np.ndarray, other: np.ndarray, reach: int) -> np.ndarray:
    """Return the pixels of one region that are out of reach of the other."""
    around = np.ones((2 * reach + 1,) * 2, np.uint8)
    return (one > cv2.dilate(other, around)).astype(np.uint8)


def _are_specks(region: np.ndarray) -> bool:
    """Tell whether all connected parts of a region are small."""
    sizes = cv2.connectedComponentsWithStats(region)[2][1:, cv2.CC_STAT_AREA]
    return bool(sizes.max(initial=0) <= _SPECK)


def _outlines(outer: np.ndarray, region: np.ndarray) -> bool:
    """Tell whether white is the outline of a region that it encloses."""
    if not _surrounds(outer, region):
        if _radius(outer) > _OUTLINES:
            return False
        # Others, which have become background, have outlines too.
        outer = _parts_at(outer, region)
    return _surrounds(outer, region) and bool(
        outer.sum() <= 8 * region.sum())


def _surrounds(outline: np.ndarray, region: np.ndarray) -> bool:
    """Tell whether nearly all of an outline is near a region."""
    return bool(_far(outline, region, _OUTLINE).sum() <= (
        _STRAY * outline.sum()))


def _is_smaller(one: np.ndarray, other: np.ndarray,
                narrow: float = 0) -> bool:
    """Tell whether a region is not wider than another, and not larger.

    It may be larger if its half width is at most ``narrow``.
    """
    width = _radius(one)
    return width <= _radius(other) and bool(
        width <= narrow or one.sum() <= other.sum())


def _parts_at(region: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the connected parts of a region that touch another region."""
    number, parts = cv2.connectedComponents(region)
    where = np.flatnonzero(region)
    parts = parts.ravel()[where]
    at_other = cv2.dilate(other, np.ones((3, 3), np.uint8)).ravel()[where]
    touching = np.zeros(number, np.uint8)
    touching[parts[at_other > 0]] = 1
    found = np.zeros_like(region)
    found.ravel()[where] = touching[parts]
    return found


def _fits(side: int, region: np.ndarray) -> bool:
    """Tell whether a square of some pixels fits into a region."""
    return bool(cv2.erode(
        region, np.ones((side, side), np.uint8),
        borderType=cv2.BORDER_CONSTANT, borderValue=0).any())


def _radius(region: np.ndarray) -> float:
    """Return the radius of the largest disc in a region, in pixels."""
    if not region.any():
        return 0
    inside = cv2.copyMakeBorder(region, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    return float(cv2.distanceTransform(inside, cv2.DIST_L2, 3).max())


def _in_blocks(centres: np.ndarray) -> int:
    """Count the pixels of blocks of 5x5 pixels by their centres."""
    block = np.ones((_BLOCK, _BLOCK), np.uint8)
    return int(np.count_nonzero(cv2.dilate(centres.astype(np.uint8), block)))


def _flat(values: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Find the centres of blocks of 5x5 pixels of one value."""
    ranks = _ranks(values, found)
    block = np.ones((_BLOCK, _BLOCK), np.uint8)
    return cv2.erode(ranks, block) == cv2.dilate(ranks, block)


def _ranks(values: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return values in their order, of a type that OpenCV knows."""
    if values.dtype in (np.uint8, np.uint16):
        return values
    return np.searchsorted(found, values).astype(np.uint16)
