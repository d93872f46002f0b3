"""The names of classes, written on their objects."""
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw

from ..annotations.label_objects import LabelObject, label_objects
from .legend import font_size
from .text import fitted_text, font_for, one_line

_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)
_SIDE = 384
"""Pixels of the longer side at which places are searched."""
_LEAST_AREA = 0.002
"""Share of the image that an object needs for a name, unless it is the
largest one of its class."""
_LONGEST = 14
"""Width of a name, in heights of the font; longer ones are shortened."""
_MOST_NAMES = 64
"""Names in a picture; more would hide it."""


def write_names(picture: np.ndarray, labels: np.ndarray,
                names: Sequence[str]) -> np.ndarray:
    """Write the names of classes on their objects, in white on black edges.

    The largest object of each class has a name, beside it if it does not fit.
    Other objects have one if it fits into them. Names do not overlap and do
    not leave the picture. A name without a place is left out.

    Args:
        picture (np.ndarray): (H, W, 3) uint8 RGB.
        labels (np.ndarray): (H, W).
        names (Sequence[str]): Names of the labels 1..W.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB.
    """
    height, width = labels.shape
    size = font_size(height, width)
    edge, gap = max(1, round(size / 9)), max(1, size // 5)
    ratio = min(1, _SIDE / max(height, width))
    small = cv2.resize(
        labels, (max(1, round(ratio * width)), max(1, round(ratio * height))),
        interpolation=cv2.INTER_NEAREST)
    free = np.ones(small.shape, np.uint8)
    named: set[int] = set()
    found = Image.fromarray(picture)
    canvas = ImageDraw.Draw(found)
    for one in _by_importance(label_objects(small), small.size):
        name = one_line(names[one.label - 1])
        text = fitted_text(
            name, size, min(_LONGEST * size, width - 2 * (edge + gap)))
        font = font_for(text, size)
        left, top, right, bottom = font.getbbox(text, stroke_width=edge)
        box = (int(np.ceil((right - left + 2 * gap) * ratio)),
               int(np.ceil((bottom - top + 2 * gap) * ratio)))
        place = _place(one, box, free, must_fit=one.label in named)
        if place is None or len(text) < 2 <= len(name):
            continue
        named.add(one.label)
        x, y = place
        free[y:y + box[1], x:x + box[0]] = 0
        canvas.text(
            (int(np.clip(x / ratio + gap, 0, width - right + left)) - left,
             int(np.clip(y / ratio + gap, 0, height - bottom + top)) - top),
            text, _WHITE, font, stroke_width=edge, stroke_fill=_BLACK)
    return np.asarray(found)


def _by_importance(objects: Sequence[LabelObject],
                   pixels: int) -> list[LabelObject]:
    """Put the largest object of each class first, and leave out specks."""
    first = list({one.label: one for one in reversed(objects)}.values())[::-1]
    chosen = {id(one) for one in first}
    return [*first, *(
        one for one in objects
        if id(one) not in chosen and one.area >= _LEAST_AREA * pixels
    )][:_MOST_NAMES]


def _place(one: LabelObject, box: tuple[int, int], free: np.ndarray,
           must_fit: bool) -> tuple[int, int] | None:
    """Find the upper left corner of a name: x, y.

    It covers as much as possible of the object, as far as possible from its
    outline, and nothing of other names.
    """
    height, width = free.shape
    columns, rows = box
    if columns > width or rows > height:
        return None
    mask = np.zeros(free.shape, np.uint8)
    x, y, of_x, of_y = one.box
    mask[y:y + of_y, x:x + of_x] = one.mask

    def covered(values: np.ndarray) -> np.ndarray:
        """The mean in a box, for each upper left corner of one inside."""
        sums = cv2.integral(values)
        return (sums[rows:, columns:] - sums[:-rows, columns:]
                - sums[rows:, :-columns] + sums[:-rows, :-columns]
                ) / (rows * columns)

    cover, is_free = covered(mask), covered(free) == 1
    if must_fit:
        is_free &= cover == 1
    if not is_free.any():
        return None
    depth = cv2.distanceTransform(
        np.pad(mask, 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    top, left = rows // 2, columns // 2
    depth = depth[top:top + cover.shape[0], left:left + cover.shape[1]]
    # Of equal places, the one nearest to the middle of the object.
    down, across = np.ogrid[:cover.shape[0], :cover.shape[1]]
    apart = np.hypot(
        down + top - (y + of_y / 2), across + left - (x + of_x / 2))
    value = cover + (0.1 * depth - 0.005 * apart) / (height + width)
    best = np.where(is_free, value, -np.inf).argmax()
    return int(best % cover.shape[1]), int(best // cover.shape[1])
