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
_STRAY = 0.05
"""Share of stray pixels, in the pixels of the object."""
_SPECK = 0.01
"""The same if they touch each other."""
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

    As in PASCAL VOC, an object has a width of five pixels or more, and white
    is its outline: white lies between the object and black, or is smaller
    and narrower than it. An edge or a stray pixel is narrower, and lies
    between white and black, or its area is at most 5% of that of white.

    Args:
        values (np.ndarray): (H, W) of 0, ``grey`` and ``white``.
        grey (int): The value between 0 and ``white``.
        white (int): 255 or 65535.

    Returns:
        Meaning: OPEN if neither is the case.
    """
    if grey >= white - white // 50:  # rounded
        return Meaning.SMOOTH
    inner = (values == grey).astype(np.uint8)
    outer = (values == white).astype(np.uint8)
    black = 1 - inner - outer
    grey_area, white_area = int(inner.sum()), int(outer.sum())
    touching = _Contacts(
        _contacts(inner, black), _contacts(outer, black),
        _contacts(inner, outer))
    enclosed = touching.white_black > 0 and touching.grey_black <= 0.05 * (
        touching.grey_black + touching.grey_white)
    outlined = enclosed and _beyond(
        outer, inner, _OUTLINE) <= _STRAY * white_area
    if outlined and white_area > 8 * grey_area:
        return Meaning.OPEN if _fits(3, inner) else Meaning.SMOOTH
    if _fits(_BLOCK, inner):
        if outlined:
            return Meaning.OUTLINED
        if not touching.white_black:  # unknown holes, or a trimap
            return Meaning.OPEN if _fits(
                _BLOCK, outer) else Meaning.OUTLINED
        if _is_smaller(outer, inner):
            return Meaning.OUTLINED
        return (Meaning.SMOOTH if grey_area <= _SPECK * white_area
                else Meaning.OPEN)
    if outlined:
        return Meaning.OUTLINED if grey < white // 4 else Meaning.OPEN
    is_edge = white_area >= grey_area or (
        4 * touching.white_black <= touching.grey_black)
    if is_edge and _beyond(inner, outer, _EDGE) <= _STRAY * white_area:
        return Meaning.SMOOTH
    return (Meaning.OUTLINED if _is_smaller(outer, inner)
            else Meaning.OPEN)


def is_smooth(values: np.ndarray, found: np.ndarray) -> bool:
    """Tell whether a mask shows one bright object on black.

    White are the values within an eighth of the largest, and black is the
    lowest eighth. The largest value is 192 or more, or three greys occur
    between black and white. Greys are at most a third of all pixels, and form
    bands that are narrower than white or than 16 pixels. They have no blocks
    of 5x5 pixels of one value, which may be an id; nor has the lowest eighth
    except 0, unless white is as noisy. Greys that do not touch white are
    strays, of at most 5% of the pixels of white.

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
    area, grey_area = int(white.sum()), int(grey.sum())
    if grey_area > values.size / 3:
        return False
    width = _radius(grey)
    if width > _WIDEST and width > _radius(white):
        return False
    return bool(not _shows_ids(values, found, white, grey)
                and _strays(white, grey) <= _STRAY * area)


def _shows_ids(values: np.ndarray, found: np.ndarray, white: np.ndarray,
               grey: np.ndarray) -> bool:
    """Tell whether darker values than white are rather those of objects."""
    area, grey_area = np.count_nonzero(white), np.count_nonzero(grey)
    largest = int(found[-1])
    bright = found[found >= largest - largest // _EIGHTH]
    flat = _flat(values, found)
    if len(bright) >= _GREYS:  # noise
        return bool(_in_blocks(flat & (grey > 0)) > _SPECK * area)
    dim = (values > 0) & (white + grey == 0)
    darker = len(bright) == 2 and (
        largest - int(bright[0]) > largest // 50)
    return bool(
        len(bright) == 1
        and np.count_nonzero(dim) > max(area, 2 * grey_area)
        or _in_blocks(flat & (dim | (grey > 0))) > _SPECK * area
        or darker and _in_blocks(flat & (values == bright[0]))
        > _SPECK * area)


def _strays(white: np.ndarray, grey: np.ndarray) -> int:
    """Count the pixels of grey regions that do not touch white."""
    number, parts = cv2.connectedComponents(grey)
    at_white = cv2.dilate(white, np.ones((3, 3), np.uint8)) & grey
    where = np.flatnonzero(grey)
    alone = np.ones(number, bool)
    of_grey = parts.ravel()[where]
    alone[of_grey[at_white.ravel()[where] > 0]] = False
    return int(np.count_nonzero(alone[of_grey]))


def _contacts(one: np.ndarray, other: np.ndarray) -> int:
    """Count the pairs of horizontal and vertical neighbours."""
    return sum(int(np.count_nonzero(a & b)) for a, b in (
        (one[1:], other[:-1]), (one[:-1], other[1:]),
        (one[:, 1:], other[:, :-1]), (one[:, :-1], other[:, 1:])))


def _beyond(one: np.ndarray, other: np.ndarray, reach: int) -> int:
    """Count the pixels of one region that are out of reach of the other."""
    around = np.ones((2 * reach + 1,) * 2, np.uint8)
    return int(np.count_nonzero(one > cv2.dilate(other, around)))


def _is_smaller(one: np.ndarray, other: np.ndarray) -> bool:
    """Tell whether a region is not larger and not wider than another."""
    return bool(one.sum() <= other.sum()) and _radius(one) <= _radius(other)


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
    ranks = values
    if values.dtype not in (np.uint8, np.uint16):
        ranks = np.searchsorted(found, values).astype(np.uint16)
    block = np.ones((_BLOCK, _BLOCK), np.uint8)
    return cv2.erode(ranks, block) == cv2.dilate(ranks, block)
