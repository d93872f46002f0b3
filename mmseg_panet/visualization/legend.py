"""The legend: the name, the colour and the share of each class."""
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from ..annotations.class_list import Colour
from ..annotations.reserved_names import NOT_CLASSES
from .text import fitted_text, font_for, one_line, text_width

_WHITE = (255, 255, 255)
_INK = (32, 32, 32)
_LEAST_SIZE, _LARGEST_SIZE = 13, 64
"""Heights of the font, in pixels."""
_LONGEST = 18
"""Width of a name, in heights of the font; longer ones are shortened."""


class LegendEntry(NamedTuple):
    """A line of a legend.

    Attributes:
        name (str): Name of a class, or 'undecided'.
        colour (tuple[int, int, int]): RGB.
        share (float): Share of the pixels, in percent.
    """

    name: str
    colour: Colour
    share: float


def legend_entries(label_maps: Sequence[np.ndarray], classes: Sequence[str],
                   palette: np.ndarray) -> list[LegendEntry]:
    """List the classes that label maps show.

    Args:
        label_maps (Sequence[np.ndarray]): (H, W) each.
        classes (Sequence[str]): Names of the labels 1..W.
        palette (np.ndarray): See :func:`class_palette`.

    Returns:
        list[LegendEntry]: The classes that are present, in the order of
        their labels, and 'undecided' if it is. The shares are those of the
        pixels of all maps.
    """
    return counted_entries(sum(
        (count_labels(labels, palette) for labels in label_maps),
        np.zeros(len(palette), np.int64)), classes, palette)


def count_labels(labels: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Count the pixels of each label of a palette, in one dimension."""
    return np.bincount(labels.ravel(), minlength=len(palette))


def counted_entries(pixels: np.ndarray, classes: Sequence[str],
                    palette: np.ndarray) -> list[LegendEntry]:
    """List the classes that have pixels, see :func:`legend_entries`.

    Args:
        pixels (np.ndarray): Number of pixels of each label of the palette.
        classes (Sequence[str]): Names of the labels 1..W.
        palette (np.ndarray): See :func:`class_palette`.
    """
    undecided = len(palette) - 1
    names = {**dict(enumerate(classes, start=1)), undecided: NOT_CLASSES[1]}
    return [
        LegendEntry(
            name, tuple(palette[label].tolist()),
            100 * int(pixels[label]) / int(pixels.sum()))
        for label, name in names.items() if pixels[label]]


def percent(share: float) -> str:
    """Write a share in percent so that a small one is not zero."""
    if 0 < share < 0.1:
        return '<0.1%'
    return f'{share:.1f}%' if share < 99.95 else '100%'


def font_size(height: int, width: int) -> int:
    """Choose the height of the font for a picture of a size, in pixels."""
    return int(np.clip(
        round((height * width) ** 0.5 / 32), _LEAST_SIZE, _LARGEST_SIZE))


def plot_legend(entries: Sequence[LegendEntry], width: int, size: int,
                empty: str = 'no class found') -> np.ndarray:
    """Plot a legend, as many columns beside each other as there is room for.

    Args:
        entries (Sequence[LegendEntry]): From the top left downwards.
        width (int): Pixels that there are; the legend is wider where a
            single column needs more.
        size (int): Height of the font, in pixels.
        empty (str): What is written if there is no entry.

    Returns:
        np.ndarray: (h, w, 3) uint8 RGB, w at least ``width``.
    """
    gap = max(2, size // 3)
    row = round(1.55 * size)
    names = [fitted_text(one_line(entry.name), size, _LONGEST * size)
             for entry in entries]
    shares = [percent(entry.share) for entry in entries]
    of_name, of_share = (
        max((text_width(text, size) for text in texts), default=0)
        for texts in (names, shares))
    box = size
    column = box + 2 * gap + of_name + 2 * gap + of_share + 6 * gap
    if not entries:
        column = text_width(empty, size) + 6 * gap
    # The last column needs no gap behind it, but for a margin.
    width = max(width, column - 4 * gap)
    columns = max(1, min(len(entries), (width + 4 * gap) // column))
    rows = max(1, -(-len(entries) // columns))
    picture = Image.new('RGB', (width, rows * row + 2 * gap), _WHITE)
    canvas = ImageDraw.Draw(picture)
    if not entries:
        canvas.text((gap, gap + row / 2), empty, _INK,
                    font_for(empty, size), anchor='lm')
    for i, (entry, name, share) in enumerate(
            zip(entries, names, shares, strict=True)):
        x = gap + column * (i // rows)
        y = gap + row * (i % rows) + row / 2
        canvas.rectangle(
            (x, y - box / 2, x + box, y + box / 2), entry.colour, _INK,
            max(1, size // 16))
        x += box + 2 * gap
        canvas.text((x, y), name, _INK, font_for(name, size), anchor='lm')
        canvas.text((x + of_name + 2 * gap + of_share, y), share, _INK,
                    font_for(share, size), anchor='rm')
    return np.asarray(picture)
