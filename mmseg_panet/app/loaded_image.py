"""An uploaded image: its file, and the smaller image that is shown."""
import math
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import cv2
import numpy as np

from ..errors import InputError
from ..images.decoder import decode_image, stored_size
from ..images.reading import ImageReading
from ..wording import is_unsafe
from .limits import SessionLimits

_LONGEST = 200
"""Bytes of the longest name; file systems allow 255 with those of masks."""


class LoadedImage(NamedTuple):
    """An uploaded image.

    Attributes:
        id (str): Key of the image in its session.
        name (str): Name of its file, which no other image of the session
            has.
        path (Path): Path of the file in the folder of the session.
        size (tuple[int, int]): H and W of the file, oriented.
        bgr (np.ndarray): (h, w, 3) uint8 BGR, the preview, which has at most
            ``preview_pixels`` pixels.
    """

    id: str
    name: str
    path: Path
    size: tuple[int, int]
    bgr: np.ndarray

    @property
    def pixels(self) -> np.ndarray:
        """The preview as (h, w, 3) uint8 RGB."""
        return self.bgr[..., ::-1]

    @property
    def is_reduced(self) -> bool:
        """Whether the preview is smaller than the file."""
        return self.size != self.bgr.shape[:2]


def safe_name(given: object, taken: Collection[str]) -> str:
    r"""Turn the name of an upload into the name of a file.

    Folders, characters that :func:`is_unsafe` describes and leading dots are
    removed, and a number is added to a name that is taken. All other
    characters stay, also those of HTML.

    Args:
        given (object): The name as the browser sent it.
        taken (Collection[str]): Names of the other images.

    Example:
        >>> safe_name('../../a\x00.jpg', ['a_.jpg'])
        'a__2.jpg'
    """
    last = str(given).replace('\\', '/').rstrip('/').rpartition('/')[2]
    clean = ''.join('_' if is_unsafe(one) else one for one in last)
    path = PurePosixPath(clean.lstrip('. ').rstrip('. ') or 'image')
    suffix = _cut(path.suffix, 20)
    stem = _cut(path.stem, _LONGEST - len(suffix.encode()))
    # File systems may not distinguish upper case.
    used = {one.casefold() for one in taken}
    name, number = f'{stem}{suffix}', 1
    while name.casefold() in used:
        number += 1
        name = f'{stem}_{number}{suffix}'
    return name


def _cut(text: str, most: int) -> str:
    """Cut a text to a number of bytes."""
    return text.encode()[:most].decode(errors='ignore')


def decode_limited(content: bytes, name: str, limits: SessionLimits,
                   reading: ImageReading) -> np.ndarray:
    """Decode an image that is not too large.

    Args:
        content (bytes): The file.
        name (str): Its name, for messages.
        limits (SessionLimits): The limits of bytes and pixels.
        reading (ImageReading): See :func:`decode_image`.

    Returns:
        np.ndarray: (H, W, 3) uint8 BGR.

    Raises:
        InputError: If it is too large, or no image, whatever its suffix.
    """
    check_megabytes(len(content), name, limits)
    # What is no image is refused by the decoder.
    _check_pixels(stored_size(content, name) or (0, 0), name, limits)
    image = decode_image(content, name, reading)
    _check_pixels(image.shape[:2], name, limits)
    return image


def check_megabytes(size: int, name: str, limits: SessionLimits) -> None:
    """Refuse a file that is too large.

    Args:
        size (int): Its size in bytes.
        name (str): Its name, for the message.
        limits (SessionLimits): The limits.

    Raises:
        InputError: If it is too large.
    """
    if size > limits.max_megabytes * 1e6:
        raise InputError(
            f'expected a file of at most {limits.max_megabytes:g} MB, got '
            f'{name} of {size / 1e6:.1f} MB; save it smaller')


def preview(image: np.ndarray, most_pixels: int) -> np.ndarray:
    """Reduce an image (H, W, 3) to a number of pixels, if it has more."""
    height, width = image.shape[:2]
    ratio = math.sqrt(most_pixels / (height * width))
    if ratio >= 1:
        return image
    size = max(1, int(ratio * width)), max(1, int(ratio * height))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _check_pixels(size: tuple[int, ...], name: str, limits: SessionLimits
                  ) -> None:
    if size[0] * size[1] > limits.max_megapixels * 1e6:
        raise InputError(
            f'expected an image of at most {limits.max_megapixels:g} '
            f'megapixels, got {name} of {size[1]}x{size[0]}; make it smaller, '
            'or cut it into tiles')
