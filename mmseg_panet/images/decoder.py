"""The decoder of images, with which every reader of the package sees them."""
import io
from pathlib import PurePath
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from ..errors import InputError, error_context, is_out_of_memory, out_of_memory
from ..files import StrPath
from ..notices import warn_once
from .orientation import is_turned, orientation_of, turn
from .pixel_limit import TooManyPixelsError, open_limited
from .reading import ImageReading
from .suffixes import is_unread
from .tiff_decoder import decode_tiff, warn_of_dark
from .tiff_file import tiff_facts

_BY_PILLOW = ('AVIF', 'GIF')
"""Formats that not every supported version of OpenCV reads."""
PLAIN = ImageReading()
"""All bands, of 8 or 16 bits."""


class _Header(NamedTuple):
    """Pillow's names of a format and a mode, and the orientation to apply.

    ``rgb`` are the stored pixels if Pillow decodes the format.
    """

    format: str
    mode: str
    orientation: int
    rgb: np.ndarray | None


def decode_image(content: bytes, name: StrPath,
                 reading: ImageReading = PLAIN) -> np.ndarray:
    """Decode an image as a viewer shows it.

    The orientation is applied, see :func:`orientation_of`, transparency is
    ignored, 16 bits are scaled to 8, and grey images get three channels. The
    format is that of the content, whatever the suffix. OpenCV returns
    nothing for a file of any format that is cut short, so that no partial
    image is used.

    Args:
        content (bytes): The file.
        name (str | os.PathLike): Name of the file, for messages.
        reading (ImageReading): Bands and stretch. Defaults to all bands, and
            to the range of 8 or 16 bits.

    Returns:
        np.ndarray: (H, W, 3) uint8 BGR.

    Raises:
        InputError: If the image cannot be decoded, has too many pixels, or
            needs a choice of bands or a stretch.
    """
    try:
        image = _decode(content, name, reading) if content else None
    except Exception as error:
        if is_out_of_memory(error):
            raise out_of_memory(str(name)) from error
        if not isinstance(error, cv2.error):
            raise
        raise InputError(
            f'{name} could not be read (it is larger than OpenCV allows); '
            'replace the file or leave it out') from error
    if image is not None:
        return image
    if not content:
        raise InputError(
            f'{name} could not be read (it is empty); replace the file or '
            'leave it out')
    if is_unread(name):
        raise InputError(
            f'{name}: expected an image as JPEG, PNG, WebP, BMP or TIFF, '
            f'got {PurePath(name).suffix}; convert it to JPEG')
    raise InputError(
        f'{name} is no complete image: cut short, damaged, or of a format '
        'that OpenCV does not know; replace the file or leave it out')


def _decode(content: bytes, name: StrPath,
            reading: ImageReading) -> np.ndarray | None:
    """Decode an image; return None if it is damaged or of no known format."""
    # Pillow does not know all TIFF files that OpenCV reads.
    facts = tiff_facts(io.BytesIO(content))
    if facts is not None:
        return decode_tiff(content, facts, name, reading)
    header = _header(content, name)
    if header is None:
        return None
    array = np.frombuffer(content, np.uint8)
    image: np.ndarray | None
    if reading or header.mode == 'F':
        samples = _samples(array) if header.rgb is None else header.rgb
        image = None if samples is None else _stretched(
            samples, name, reading)
    elif header.rgb is not None:
        image = np.ascontiguousarray(header.rgb[..., ::-1])
    else:
        image = cv2.imdecode(
            array, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        if image is not None and header.format == 'PNG' and content[24] == 16:
            warn_of_dark(image, name)
    return None if image is None else turn(image, header.orientation)


def _header(content: bytes, name: StrPath) -> _Header | None:
    """Read the header of an image; return None if its format is unknown.

    Pillow's image is not kept, as that of a WebP slows OpenCV down by 30%.
    """
    # A damaged header may raise any error.
    try:
        picture = open_limited(io.BytesIO(content), name)
    except InputError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        return None
    with picture:
        return _Header(
            str(picture.format), picture.mode,
            1 if is_turned(picture) else orientation_of(picture),
            _by_pillow(picture, name))


def _by_pillow(picture: Image.Image, name: StrPath) -> np.ndarray | None:
    """Decode what OpenCV may not read, RGB; warn of several frames."""
    with error_context(
            f'{name} is no complete image', 'replace the file or leave it '
            'out', (EOFError, OSError, RuntimeError, SyntaxError,
                    ValueError)):
        if getattr(picture, 'is_animated', False):
            warn_once(
                f'{name} has several frames, of which only the first is '
                'read; save each one as a file', 'frames')
        return np.asarray(picture.convert('RGB')) if (
            picture.format in _BY_PILLOW) else None


def _samples(array: np.ndarray) -> np.ndarray | None:
    """Decode the stored samples, (H, W, C) with red first."""
    samples = cv2.imdecode(array, cv2.IMREAD_UNCHANGED)
    if samples is None:
        return None
    samples = samples.reshape(*samples.shape[:2], -1)
    if samples.shape[2] > 2:
        samples = samples[..., [2, 1, 0, 3][:samples.shape[2]]]
    return samples


def _stretched(samples: np.ndarray, name: StrPath,
               reading: ImageReading) -> np.ndarray:
    channels = samples.shape[2]
    bands = reading.bands_of(
        channels, channels - (channels in (2, 4)), name)
    return reading.apply(
        samples[..., [band - 1 for band in bands]], name,
        8 * samples.itemsize)


def stored_size(content: bytes, name: StrPath) -> tuple[int, int] | None:
    """Read the size of an image from its header, without decoding it.

    Args:
        content (bytes): The file.
        name (str | os.PathLike): Name of the file, for messages.

    Returns:
        tuple[int, int] | None: H and W as stored; None if it is no image.

    Raises:
        TooManyPixelsError: See :func:`open_limited`.
    """
    facts = tiff_facts(io.BytesIO(content))
    if facts is not None:
        return facts.size
    try:
        with open_limited(io.BytesIO(content), name) as picture:
            return picture.size[::-1]
    except TooManyPixelsError:
        raise
    except Exception:  # a damaged header may raise any error
        return None
