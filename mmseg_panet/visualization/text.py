"""Text in pictures: a font that has the letters, and lines that fit."""
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

ELLIPSIS = '\u2026'
LINE_HEIGHT = 22
"""Height of a line of text above a picture, in pixels."""
_LINE_SIZE = 13


def font_for(text: str, size: int) -> ImageFont.FreeTypeFont:
    """Choose a font that has all letters of a text.

    Args:
        text (str): One line.
        size (int): Height of the font, in pixels.

    Returns:
        ImageFont.FreeTypeFont: DejaVu Sans, which matplotlib ships, with
        Latin, Greek, Cyrillic, Arabic and more; otherwise the first font of
        the system that has the letters; and DejaVu Sans again if there is
        none, which then shows boxes.
    """
    return _font(_font_path(frozenset(text)), size)


@lru_cache(maxsize=64)
def _font(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)


@lru_cache(maxsize=1024)
def _font_path(letters: frozenset[str]) -> str:
    codes = {ord(letter) for letter in letters if not letter.isspace()}
    return next(
        (path for path in _font_paths() if codes <= _codes(path)),
        next(_font_paths()))


@cache
def _codes(path: str) -> frozenset[int]:
    """Read which characters a font has."""
    from matplotlib.ft2font import FT2Font
    try:
        return frozenset(FT2Font(path).get_charmap())
    except (OSError, RuntimeError):  # a font that cannot be read
        return frozenset()


def _font_paths() -> Iterator[str]:
    yield str(Path(matplotlib.get_data_path(), 'fonts/ttf/DejaVuSans.ttf'))
    # Searching the system takes a second, and few names need it.
    from matplotlib.font_manager import fontManager
    yield from sorted({font.fname for font in fontManager.ttflist})


def text_width(text: str, size: int) -> int:
    """Measure a line of text, in pixels."""
    return int(font_for(text, size).getlength(text) + 0.999)


def one_line(text: str) -> str:
    """Replace what cannot be shown in a line, such as line breaks."""
    return ''.join(
        letter if letter.isprintable() else ' ' for letter in text)


def fitted_text(text: str, size: int, width: int) -> str:
    """Shorten a line of text to a width.

    Args:
        text (str): One line.
        size (int): Height of the font, in pixels.
        width (int): Pixels that there are.

    Returns:
        str: The text, or its beginning and its end around an ellipsis: the
        ends of names often are what distinguishes them.
    """
    if text_width(text, size) <= width:
        return text
    low, high = 0, len(text)
    while low < high:  # the most letters that fit
        middle = (low + high + 1) // 2
        fits = text_width(_shortened(text, middle), size) <= width
        low, high = (middle, high) if fits else (low, middle - 1)
    return _shortened(text, low)


def text_line(text: str, width: int,
              colour: tuple[int, int, int] = (0, 0, 0)) -> np.ndarray:
    """Plot a line of text on white.

    Args:
        text (str): Text, which is shortened to the width.
        width (int): Width of the line, in pixels.
        colour (tuple[int, int, int]): RGB. Defaults to black.

    Returns:
        np.ndarray: (22, width, 3) uint8 RGB.
    """
    picture = Image.new('RGB', (width, LINE_HEIGHT), (255, 255, 255))
    text = fitted_text(one_line(text), _LINE_SIZE, width - 4)
    ImageDraw.Draw(picture).text(
        (2, LINE_HEIGHT // 2), text, colour, font_for(text, _LINE_SIZE),
        anchor='lm')
    return np.asarray(picture)


def _shortened(text: str, letters: int) -> str:
    end = letters // 3
    return text[:letters - end] + ELLIPSIS + text[len(text) - end:]
