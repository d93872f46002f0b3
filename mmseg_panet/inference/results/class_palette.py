"""Colours of the registered classes."""
from collections.abc import Mapping, Sequence

import numpy as np

from ...errors import InputError
from ...visualization.strip import way_colour
from .prediction import UNDECIDED


def class_palette(classes: Sequence[str],
                  colours: Mapping[str, Sequence[int]]) -> np.ndarray:
    """Colours of class maps.

    Args:
        classes (Sequence[str]): W, in the order of their labels.
        colours (Mapping[str, Sequence[int]]): Red, green and blue of those
            that have one of their own.

    Returns:
        np.ndarray: (256, 3) uint8 RGB: black where there is no class, grey
        where it is undecided.
    """
    palette = np.zeros((256, 3), np.uint8)
    palette[UNDECIDED] = 128
    for label, name in enumerate(classes, start=1):
        palette[label] = colours.get(name, way_colour(label))
    return palette


def check_colours(colours: Mapping[str, Sequence[int]]) -> None:
    """Refuse colours that are none.

    Args:
        colours (Mapping[str, Sequence[int]]): By class.

    Raises:
        InputError: If one is not three numbers of 0..255.
    """
    if not isinstance(colours, Mapping):
        raise InputError(
            'expected palette as {class name: (red, green, blue)}, got a '
            f'{type(colours).__name__}')
    for name, colour in colours.items():
        if isinstance(colour, str) or len(colour) != 3 or not all(
                0 <= value <= 255 for value in colour):
            raise InputError(
                f'expected the colour of {name!r} as red, green and blue of '
                f'0..255, got {colour}')
