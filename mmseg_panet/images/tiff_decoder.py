"""The decoder of TIFF files, of any type and any number of channels."""
import io
from contextlib import suppress

import cv2
import numpy as np

from ..errors import InputError
from ..files import StrPath
from ..notices import warn_once
from .orientation import upright
from .pixel_limit import check_pixels, open_unlimited
from .reading import ImageReading
from .tiff_file import TiffFacts
from .tiff_samples import can_read, no_data, tiff_samples

_COMPRESSION, _PHOTOMETRIC, _TILES = 259, 262, 324
_WHITE_IS_ZERO, _PALETTE = 0, 3
_DARK = 16
"""Least of the 8 upper bits of 16, below which at most 12 bits are used."""


def decode_tiff(content: bytes, facts: TiffFacts, name: StrPath,
                reading: ImageReading) -> np.ndarray | None:
    """Decode the first page of a TIFF as a viewer shows it.

    Args:
        content (bytes): The file.
        facts (TiffFacts): Its facts.
        name (str | os.PathLike): Name of the file, for messages.
        reading (ImageReading): Bands and stretch.

    Returns:
        np.ndarray | None: (H, W, 3) uint8 BGR; None if it is damaged.

    Raises:
        InputError: See :func:`decode_image`.
    """
    check_pixels(facts.size, name)
    if facts.pages > 1:
        warn_once(
            f'{name} has {facts.pages} pages, of which only the first is '
            'read; save each page as a file', 'pages')
    if reading or not facts.is_usual or facts.colours not in (1, 3) or (
            facts.bits > 8 and _has_turned_tiles(facts)):
        return _stretched(content, facts, name, reading)
    image = _eight_bits(content, facts)
    if image is None:
        # OpenCV lacks some compressions, and fails for damaged files too.
        return _stretched(content, facts, name, reading) if (
            facts.tags.get(_PHOTOMETRIC) in (0, 1, 2)
            and can_read(facts)) else None
    if facts.bits == 16:
        warn_of_dark(image, name)
    return image


def _has_turned_tiles(facts: TiffFacts) -> bool:
    """Tell whether there are tiles, which OpenCV would turn one by one."""
    return _TILES in facts.tags and facts.orientation != 1


def _eight_bits(content: bytes, facts: TiffFacts) -> np.ndarray | None:
    """Decode a TIFF with its orientation, BGR; None if it is damaged."""
    # OpenCV does not read all numbers of bits.
    if 1 < facts.bits < 8 or _has_turned_tiles(facts):
        with suppress(OSError, SyntaxError, ValueError):
            picture = open_unlimited(io.BytesIO(content), ('TIFF',))
            rgb = np.asarray(upright(picture).convert('RGB'))
            return np.ascontiguousarray(rgb[..., ::-1])
        return None
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)


def warn_of_dark(image: np.ndarray, name: StrPath) -> None:
    """Warn of values of 16 bits that use at most 12 of them.

    Args:
        image (np.ndarray): Their upper 8 bits.
        name (str | os.PathLike): Name of the file.
    """
    if 0 < image.max() < _DARK:
        warn_once(
            f'{name} has 16 bits, of which its values use at most 12, so that '
            'it is read nearly black; say which values become black and '
            'white with --stretch 0 4095 (stretch=(0, 4095))', 'dark')


def _stretched(content: bytes, facts: TiffFacts, name: StrPath,
               reading: ImageReading) -> np.ndarray | None:
    """Read the chosen bands, and stretch them."""
    bits = facts.bits
    photometric = facts.tags.get(_PHOTOMETRIC)
    if can_read(facts) and photometric != _PALETTE and not 1 < bits < 8:
        bands = reading.bands_of(facts.channels, facts.colours, name)
        samples = tiff_samples(content, facts, name, bands)
        if photometric == _WHITE_IS_ZERO and samples.dtype.kind == 'u':
            samples = np.uint64(2**bits - 1).astype(samples.dtype) - samples
        return reading.apply(samples, name, bits, no_data(facts))
    # A palette, JPEG or another compression of pictures.
    image = _eight_bits(content, facts)
    if image is None or facts.bits > 8:
        method = facts.tags.get(_COMPRESSION, 1)
        raise InputError(
            f'{name}: expected a TIFF with LZW, Deflate, PackBits, Zstandard '
            f'or no compression, got {facts.channels} channels of '
            f'{bits} bits with the compression {method}; save it again')
    bands = reading.bands_of(3, 3, name)
    return reading.apply(
        image[..., [3 - band for band in bands]], name, 8)
