"""The limit of the pixels of an image, which is checked by its header."""
import os
import threading
from collections.abc import Sequence
from typing import IO

from PIL import Image

from ..errors import InputError, abbreviate
from ..files import StrPath, check_regular
from ..image_limit import MAX_PIXELS, VARIABLE

_LONGEST = 1 << 20
"""Pixels of the longest side of an image that OpenCV reads."""
_FORMATS = (
    'AVIF', 'BMP', 'GIF', 'JPEG', 'JPEG2000', 'PNG', 'PPM', 'TIFF', 'WEBP')
"""Formats that Pillow reads without another program."""
_opening = threading.Lock()
"""Lock of Pillow's own limit, which belongs to the process."""


class TooManyPixelsError(InputError):
    """An image that is larger than the limit."""


def open_limited(file: StrPath | IO[bytes], name: StrPath = '',
                 formats: tuple[str, ...] = _FORMATS) -> Image.Image:
    """Open an image with Pillow, unless it has too many pixels.

    A small file may have as many pixels as do not fit into memory. The limit
    is :data:`MAX_PIXELS`, or the environment variable
    ``MMSEG_PANET_MAX_PIXELS``. Pillow's own limit, which many photographs
    exceed, does not apply.

    Args:
        file (str | os.PathLike | IO): Path of the file, or an open file.
        name (str | os.PathLike): Name of an open file, for the message.
        formats (tuple[str, ...]): Pillow's names of the formats to read.
            Defaults to those that need no other program.

    Returns:
        Image.Image: The open image. Its pixels are decoded when they are
        first used.

    Raises:
        TooManyPixelsError: If the image has more pixels, by its header.
        OSError: If the file cannot be opened; or another error of Pillow.
    """
    if isinstance(file, str | os.PathLike):
        check_regular(file)
    picture = open_unlimited(file, formats)
    try:
        check_pixels(picture.size[::-1], name or file)
    except InputError:
        picture.close()
        raise
    return picture


def open_unlimited(file: StrPath | IO[bytes],
                   formats: tuple[str, ...]) -> Image.Image:
    """Open an image with Pillow, however many pixels it has.

    Args:
        file (str | os.PathLike | IO): Path of the file, or an open file.
        formats (tuple[str, ...]): Pillow's names of the formats to read.

    Raises:
        OSError: If the file cannot be opened; or another error of Pillow.
    """
    # Pillow 11 takes only names of formats that it has loaded, and reads MPO
    # as JPEG.
    Image.init()
    formats = tuple(one for one in formats if one in Image.OPEN)
    with _opening:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(file, formats=formats)
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def check_pixels(size: Sequence[int], where: object) -> None:
    """Check the size of an image, or of an annotation without its image.

    Args:
        size (Sequence[int]): H and W, positive integers.
        where (object): Start of the message: the file, and the place in it.

    Raises:
        TooManyPixelsError: If there are more pixels than the limit of
            :func:`open_limited`, or more on a side than OpenCV reads.
    """
    height, width = size
    shown = f'{where} has {abbreviate(width)}x{abbreviate(height)} pixels'
    if max(size) > _LONGEST:
        raise TooManyPixelsError(
            f'{shown}, expected at most {_LONGEST:,} on a side; correct its '
            'size, or cut it into tiles')
    if width * height > (most := _max_pixels()):
        raise TooManyPixelsError(
            f'{shown}, expected at most {most:,}; make it smaller, cut it '
            f'into tiles, or set {VARIABLE} to a larger number if there is '
            'enough memory')


def _max_pixels() -> int:
    value = os.environ.get(VARIABLE, str(MAX_PIXELS))
    if not value.isdecimal():
        raise InputError(
            f'expected {VARIABLE} as a number of pixels, got {value!r}; '
            'correct the environment variable, or unset it')
    return int(value)
