"""The values of masks without a class list, and a proposal for the list."""
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np

from ..files import StrPath
from ..images.image_files import open_image
from .class_list import Colour
from .label_type import IGNORED
from .mask_channels import colour_codes

_MOST_MASKS = 200
"""Masks that are read for a proposal."""
_MOST_VALUES = 32
"""Values beyond which masks have a smooth border, or are photographs."""


class FoundValues(NamedTuple):
    """The values that occur in masks."""

    values: Sequence[int | Colour]
    """Values of grey masks, indices of palettes or colours.

    0 and black are left out, and so is 255 if it prevails in no mask.
    """
    is_one_object: bool
    """Whether all masks show one object each, with the same value."""

    def lines(self) -> str:
        """Propose the lines of a class list."""
        last = max((value for value in self.values
                    if isinstance(value, int)), default=0)
        if not 0 < len(self.values) <= _MOST_VALUES:
            return 'a line such as `1 bird` for each value of the masks'
        if 0 < last <= _MOST_VALUES and all(
                isinstance(value, int) for value in self.values):
            lines = [f'`{i} NAME`' for i in range(1, 1 + last)]
        else:
            lines = [f'`{i} NAME {_colour(value)}`'
                     for i, value in enumerate(self.values, start=1)]
        if len(lines) == 1:
            return f'the line {lines[0]}'
        return f"the lines {', '.join(lines[:-1])} and {lines[-1]}"


def find_values(masks: Iterable[StrPath]) -> FoundValues:
    """Find the values of up to 200 masks.

    Args:
        masks (Iterable[str | os.PathLike]): Paths of masks.

    Returns:
        FoundValues: Their values.

    Raises:
        InputError: If a mask cannot be read.
    """
    values: set[int | Colour] = set()
    often: Counter[int | Colour] = Counter()
    for mask in islice(masks, _MOST_MASKS):
        found = _counts(mask)
        values.update(found)
        if found:
            often[found.most_common(1)[0][0]] += 1
    if IGNORED in values and len(values) > 1 and IGNORED not in often:
        values.discard(IGNORED)
    # Other values are the border of the object, if the largest one prevails
    # everywhere and is no id.
    largest = max(values, key=_code, default=0)
    alone = len(values) < 2 or len(values) > _MOST_VALUES or (
        often.keys() == {largest} and isinstance(largest, int)
        and largest > _MOST_VALUES)
    return FoundValues(
        sorted(values, key=_code), len(often) < 2 and alone)


def _counts(mask: StrPath) -> Counter[int | Colour]:
    """Count the pixels of a mask by their value, without 0 and black."""
    with open_image(mask) as picture:
        if len(picture.getbands()) > 1:
            picture = picture.convert('RGB')
        pixels = np.asarray(picture)
    colours = pixels.ndim == 3 and bool((pixels != pixels[..., :1]).any())
    if colours:
        pixels = colour_codes(pixels)
    elif pixels.ndim == 3:
        pixels = pixels[..., 0]
    codes, times = np.unique(pixels.astype(int), return_counts=True)
    counts = dict(zip(codes.tolist(), times.tolist(), strict=True))
    counts.pop(0, None)
    return Counter({
        (code >> 16, code >> 8 & 255, code & 255) if colours else code: number
        for code, number in counts.items()})


def _code(value: int | Colour) -> int:
    if isinstance(value, int):
        return value
    return (value[0] << 16) + (value[1] << 8) + value[2]


def _colour(value: int | Colour) -> str:
    return ','.join(map(str, value if isinstance(
        value, tuple) else (value,) * 3))
