"""The colours of classes: a colour belongs to a name, not to an index."""
import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from numbers import Integral, Real
from typing import Any

import numpy as np

from ..errors import InputError
from .class_list import ClassList, Colour
from .label_type import IGNORED, ignored_label
from .reserved_names import BACKGROUND, NOT_CLASSES

VIVID: tuple[Colour, ...] = (
    (255, 120, 0), (255, 150, 165), (105, 180, 105), (180, 0, 255),
    (180, 255, 0), (180, 150, 255), (45, 255, 180), (255, 0, 195),
    (225, 30, 0), (60, 210, 225), (75, 135, 210), (225, 195, 75))
"""12 bright RGB colours that are easy to see on a photograph."""
DISTINCT: tuple[Colour, ...] = (
    *VIVID, (45, 15, 120), (105, 0, 0), (0, 90, 105), (120, 0, 180),
    (165, 0, 60), (0, 135, 60), (75, 0, 225), (90, 0, 75), (75, 60, 135),
    (105, 60, 0), (180, 105, 255), (135, 90, 150))
"""24 RGB colours that differ from each other, from black, white and grey.

Both lists are the result of a search for the largest least distance in OKLab
(https://bottosson.github.io/posts/oklab) under normal vision, protanopia,
deuteranopia and tritanopia, as Machado, Oliveira and Fernandes simulate them
(IEEE TVCG 15(6), 2009).
"""
UNDECIDED_COLOUR = (128, 128, 128)
"""RGB colour of undecided pixels."""
_LEVELS = (0, 42, 85, 127, 170, 212, 255)
_NEAR = 40
"""RGB distance below which a colour counts as one that a user gave."""


def class_colours(names: Sequence[str],
                  given: Mapping[str, Sequence[int]] | None = None
                  ) -> dict[str, Colour]:
    """Give every class a colour that depends on its name.

    Each name ranks the colours of :data:`VIVID` by hashes, and has its first
    choice in most sets of a few names. Where two names want the same colour,
    the higher hash wins and the other name takes its next choice, so that
    the result depends on the set of names and not on their order. With more
    than 12 names the others have the other colours of :data:`DISTINCT`, and
    with more than 24 those of a finer grid. More than 254 names have any
    colours, by their hashes, of which some look alike.

    Args:
        names (Sequence[str]): Names of classes.
        given (Mapping[str, Sequence[int]], optional): Red, green and blue,
            0..255, of classes whose colour is chosen by the user. No other
            class has a colour near these. Defaults to none.

    Returns:
        dict[str, tuple[int, int, int]]: RGB colours in the order of the
        names; no two that are not given are equal.
    """
    known = set(names)
    fixed = tuple(
        (name, (int(colour[0]), int(colour[1]), int(colour[2])))
        for name, colour in sorted((given or {}).items()) if name in known)
    found = _assigned(frozenset(known), fixed)
    return {name: found[name] for name in names}


@lru_cache(maxsize=16)
def _assigned(names: frozenset[str], fixed: tuple[tuple[str, Colour], ...]
              ) -> dict[str, Colour]:
    found = dict(fixed)
    finer = () if len(names) >= IGNORED else _finer_colours()
    for colours in (VIVID, DISTINCT[len(VIVID):], finer):
        free = [i for i, colour in enumerate(colours)
                if all(_squared(colour, one) >= _NEAR ** 2
                       for _, one in fixed)]
        hashes = {name: _hashes(name, len(colours)) for name in names
                  if name not in found}
        ranked = sorted(
            ((of_name[i], name, i) for name, of_name in hashes.items()
             for i in free), reverse=True)
        taken: set[int] = set()
        for _, name, i in ranked:
            if name not in found and i not in taken:
                found[name] = colours[i]
                taken.add(i)
    used = {*found.values(), UNDECIDED_COLOUR}
    for name in sorted(names - found.keys()):
        code, = _hashes(name, 1)
        while (colour := _colour_of(code)) in used:
            code += 1
        found[name] = colour
        used.add(colour)
    return found


def _colour_of(code: int) -> Colour:
    """Turn a hash into a colour that is not too dark for a photograph."""
    red, green, blue = (code >> shift & 255 for shift in (0, 8, 16))
    return (red | 128 * (max(red, green, blue) < 128), green, blue)


def class_palette(names: Sequence[str],
                  given: Mapping[str, Sequence[int]] | None = None
                  ) -> np.ndarray:
    """Give the colours of class maps.

    Args:
        names (Sequence[str]): Names of the labels 1..W.
        given (Mapping[str, Sequence[int]], optional): See
            :func:`class_colours`.

    Returns:
        np.ndarray: (256, 3) uint8 RGB; (65536, 3) for more than 254 names.
        The label 0 and the labels of no class are black, the last label is
        :data:`UNDECIDED_COLOUR`, see :func:`ignored_label`.
    """
    palette = np.zeros((1 + ignored_label(1 + len(names)), 3), np.uint8)
    palette[-1] = UNDECIDED_COLOUR
    colours = class_colours(names, given)
    if names:
        palette[1:1 + len(names)] = [colours[name] for name in names]
    return palette


def class_meta(names: Sequence[str], palette: np.ndarray) -> dict[str, Any]:
    """Make the ``dataset_meta`` that mmseg's visualizers use.

    Args:
        names (Sequence[str]): Names of the labels 1..W.
        palette (np.ndarray): See :func:`class_palette`.

    Returns:
        dict[str, Any]: ``classes``, the names by label, the background first,
        and ``palette``, their RGB colours.
    """
    return dict(classes=(BACKGROUND, *names),
                palette=palette[:1 + len(names)].tolist())


def check_colours(colours: Mapping[str, Sequence[int]]) -> None:
    """Refuse colours that are not RGB.

    Args:
        colours (Mapping[str, Sequence[int]]): Colours by class name.

    Raises:
        InputError: If a colour is not three integers of 0..255.
    """
    if not isinstance(colours, Mapping):
        raise InputError(
            'expected palette as {class name: (red, green, blue)}, got a '
            f'{type(colours).__name__}')
    for name, colour in colours.items():
        values = list(colour) if isinstance(colour, Sequence) or (
            isinstance(colour, np.ndarray) and colour.ndim == 1) else []
        if len(values) != 3 or not all(
                isinstance(value, Integral) and not isinstance(value, bool)
                and 0 <= value <= 255 for value in values):
            is_fraction = bool(values) and all(
                isinstance(value, Real) and 0 <= value <= 1
                for value in values)
            remedy = 'multiply by 255 and round' if is_fraction else (
                'give three integers, such as (255, 120, 0)')
            raise InputError(
                f'expected the colour of {name!r} as red, green and blue, '
                f'integers of 0..255, got {colour!r}; {remedy}')


def coloured_class_list(names: Sequence[str],
                        palette: np.ndarray) -> ClassList:
    """Make the class list of masks that are written with a palette.

    Args:
        names (Sequence[str]): Names of the labels 1..W.
        palette (np.ndarray): See :func:`class_palette`.

    Returns:
        ClassList: The background, the classes, and undecided pixels as 255
        or 65535, by the name that all results give them. A class whose colour
        another label has, which only a user's palette can lead to, is
        listed without a colour, as a list must be unambiguous.
    """
    colours: dict[int, Colour] = {}
    used = {(0, 0, 0)}
    for label in (*range(1, 1 + len(names)), len(palette) - 1):
        red, green, blue = palette[label].tolist()
        if (red, green, blue) not in used:
            colours[label] = (red, green, blue)
            used.add((red, green, blue))
    return ClassList([BACKGROUND, *names], colours, NOT_CLASSES[1])


def _hashes(name: str, number: int) -> list[int]:
    """Hash a name to a number for each of some colours."""
    digest = hashlib.shake_128(name.encode('utf-8', 'surrogatepass'))
    return np.frombuffer(digest.digest(4 * number), '>u4').tolist()


def _squared(one: Sequence[int], other: Sequence[int]) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


@lru_cache(maxsize=1)
def _finer_colours() -> tuple[Colour, ...]:
    """Colours of a grid, none near black, grey or one of the 24.

    The arithmetic is that of integers, so that every machine finds the same.
    """
    avoided = [*DISTINCT, UNDECIDED_COLOUR, (0, 0, 0), (255, 255, 255)]
    return tuple(
        (red, green, blue)
        for red in _LEVELS for green in _LEVELS for blue in _LEVELS
        if all(_squared((red, green, blue), one) >= 18 ** 2
               for one in avoided)
        and max(red, green, blue) >= 85)
