"""The outline of an object as one polygon, with holes."""
from collections import defaultdict
from collections.abc import Sequence

import cv2
import numpy as np

_TOLERANCES = (1.0, 0.75, 0.5)
"""Distances in pixels by which a simpler outline may differ."""
_LEAST_IOU = 0.995
"""The IoU with the object that a simpler outline must have.

It is required of pixels and of their quarters, so that no rule of filling
changes a thin object.
"""


def outline(mask: np.ndarray) -> np.ndarray:
    """Trace a connected object as one polygon.

    The vertices lie a quarter of a pixel inside the outer edges of the
    pixels. The polygon is therefore the same set of pixels by the rules of
    pycocotools, which asks for the centres of pixels, and of OpenCV and
    Pillow, which cut off decimals and include the outline. A hole is joined
    to the outline by a line that is followed there and back.

    Where that keeps an IoU of 0.995, the outline is simplified within one
    pixel, so that a person can correct it. Otherwise it is exact.

    Args:
        mask (np.ndarray): (H, W) bool, with one 8-connected object.

    Returns:
        np.ndarray: (P, 2) float32, x and y of three or more vertices,
        without the first one at the end.

    Example:
        >>> outline(np.ones((1, 2), bool)).tolist()
        [[0.25, 0.25], [0.25, 0.75], [1.75, 0.75], [1.75, 0.25]]
    """
    # Of each pixel, four cells: the polygon joins the centres of cells.
    cells = mask.view(np.uint8).repeat(2, 0).repeat(2, 1)
    found, (levels,) = cv2.findContours(
        cells, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    # The only ring without a parent is the outer one.
    rings = [found[i][:, 0] for i in np.argsort(levels[:, 3], kind='stable')]
    path = _without_straight(
        _joined(rings, cells) if len(rings) > 1 else rings[0])
    for tolerance in _TOLERANCES:
        simple = cv2.approxPolyDP(path, 2 * tolerance, closed=True)[:, 0]
        if min(_iou(simple, cells), _iou(
                simple // 2, mask.view(np.uint8))) >= _LEAST_IOU:
            path = simple
            break
    return (path.astype(np.float32) + 0.5) / 2


def _joined(rings: Sequence[np.ndarray], cells: np.ndarray) -> np.ndarray:
    """Join rings (P, 2) of cells to one, the first of which is the outer one.

    Each hole is joined at its leftmost cell to the next ring on the left.
    As that begins further to the left, all of them lead to the outer one.
    """
    width = cells.shape[1]
    first = np.cumsum([0, *map(len, rings)])
    points = np.concatenate(rings)
    keys = points[:, 1].astype(np.int64) * width + points[:, 0]
    order = np.argsort(keys, kind='stable')
    branches: dict[int, list[list[int]]] = defaultdict(list)
    for number, ring in enumerate(rings[1:], start=1):
        start = ring[:, 0].argmin()
        x, y = ring[start]
        left = x - (cells[y, x::-1] == 0).argmax() + 1 if (
            cells[y, :x] == 0).any() else 0
        place = np.searchsorted(keys, y * width + left, sorter=order)
        circle = first[number] + np.roll(np.arange(len(ring)), -start)
        branches[int(order[place])].append([*circle, circle[0]])
    path, left_over = [], [*range(len(rings[0]))][::-1]
    while left_over:
        path.append(index := left_over.pop())
        for circle in branches.pop(index, ()):
            left_over += [index, *circle[::-1]]
    return points[path]


def _without_straight(path: np.ndarray) -> np.ndarray:
    """Leave out vertices (P, 2) between which a path goes straight on."""
    before = (path - np.roll(path, 1, axis=0)).astype(np.int64)
    after = np.roll(before, -1, axis=0)
    turns = before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]
    return path[turns | ((before * after).sum(1) <= 0)]


def _iou(path: np.ndarray, mask: np.ndarray) -> float:
    """Compute the IoU of a filled path of pixels (P, 2) with a mask."""
    filled = cv2.fillPoly(np.zeros_like(mask), [path], 1)
    return (np.count_nonzero(filled & mask)
            / np.count_nonzero(filled | mask))
