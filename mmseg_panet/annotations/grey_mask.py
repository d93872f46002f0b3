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

    As in PASCAL VOC, the grey is the object if a square of five pixels fits
    into it, and if white lies around it, between it and black; or if white
    is narrower than it, and smaller or at most ten pixels wide, as the
    outlines of other objects are; or if the grey is below a quarter of white,
    too dark for an edge. White is the object if the grey is
    narrower than five pixels, and has less than 5% of the area of white
    outside of a rim of two pixels.

    Args:
        values (np.ndarray): (H, W) of 0, ``grey`` and ``white``.
        grey (int): The value between 0 and ``white``.
        white (int): 255 or 65535.

    Returns:
        Meaning: OPEN if neither is the case.
    """
    if grey >= white - white // 50:  # rounded
        return Meaning.SMOOTH
    is_id = grey < white // 4  # too dark for an edge
    inner = (values == grey).astype(np.uint8)
    outer = (values == white).astype(np.uint8)
    black = 1 - inner - outer
    grey_area, white_area = int(inner.sum()), int(outer.sum())
    touching = _Contacts(
        _contacts(inner, black), _contacts(outer, black),
        _contacts(inner, outer))
    enclosed = touching.white_black > 0 and touching.grey_black <= 0.05 * (
        touching.grey_black + touching.grey_white)
    outlined = enclosed and _surrounds(outer, inner)
    outline_area = white_area
    if enclosed and not outlined and _radius(outer) <= _OUTLINES:
        # Others, which have become background, have outlines too.
        outline = _parts_at(outer, inner)
        outline_area = int(outline.sum())
        outlined = _surrounds(outline, inner)
    if outlined and outline_area > 8 * grey_area:
        return Meaning.OPEN if _fits(3, inner) else Meaning.SMOOTH
    if outlined and _fits(_BLOCK, inner):
        return Meaning.OUTLINED
    if _fits(_BLOCK, inner):
        return _meaning_of_blocks(
            inner, outer, is_id, touching.white_black == 0)
    if outlined:
        return Meaning.OUTLINED if is_id else Meaning.OPEN
    is_edge = white_area >= grey_area or (
        4 * touching.white_black <= touching.grey_black)
    if is_edge and _beyond(inner, outer, _EDGE) <= _STRAY * white_area:
        return Meaning.SMOOTH
    return (Meaning.OUTLINED if _is_smaller(outer, inner)
            else Meaning.OPEN)


def _meaning_of_blocks(inner: np.ndarray, outer: np.ndarray, is_id: bool,
                       is_enclosed: bool) -> Meaning:
    """Decide what a grey with a block of pixels means, without an outline."""
    if is_enclosed:  # unknown holes, or a trimap
        return Meaning.OPEN if not is_id and _fits(
            _BLOCK, outer) else Meaning.OUTLINED
    if _is_smaller(outer, inner, _OUTLINES):
        return Meaning.OUTLINED
    if inner.sum() <= _SPECK * outer.sum():
        return Meaning.SMOOTH
    return Meaning.OUTLINED if is_id else Meaning.OPEN


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
    return int(np.count_nonzero(grey > _parts_at(grey, white)))


def _contacts(one: np.ndarray, other: np.ndarray) -> int:
    """Count the pairs of horizontal and vertical neighbours."""
    return sum(int(np.count_nonzero(a & b)) for a, b in (
        (one[1:], other[:-1]), (one[:-1], other[1:]),
        (one[:, 1:], other[:, :-1]), (one[:, :-1], other[:, 1:])))


def _beyond(one: np.ndarray, other: np.ndarray, reach: int) -> int:
    """Count the pixels of one region that are out of reach of the other."""
    around = np.ones((2 * reach + 1,) * 2, np.uint8)
    return int(np.count_nonzero(one > cv2.dilate(other, around)))


def _surrounds(outline: np.ndarray, region: np.ndarray) -> bool:
    """Tell whether nearly all of an outline is near a region."""
    return _beyond(outline, region, _OUTLINE) <= _STRAY * outline.sum()


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
    ranks = values
    if values.dtype not in (np.uint8, np.uint16):
        ranks = np.searchsorted(found, values).astype(np.uint16)
    block = np.ones((_BLOCK, _BLOCK), np.uint8)
    return cv2.erode(ranks, block) == cv2.dilate(ranks, block)
