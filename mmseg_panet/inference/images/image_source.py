"""Where an image comes from, how it is read, and its key."""
import hashlib
import os

import cv2
import mmcv
import numpy as np

from ...errors import InputError
from .video import Video, VideoFrame, is_video

Source = str | np.ndarray | VideoFrame
_ENDS = 65536
"""Bytes that are read at either end: an image's header and its last rows."""


def check_array(array: np.ndarray) -> None:
    """Refuse an array that is no image.

    Raises:
        InputError: If it is not (H, W, 3) or (H, W) of uint8.
    """
    is_array = isinstance(array, np.ndarray)
    if not is_array or array.dtype != np.uint8 or not array.size or (
            array.ndim < 2 or array.shape[2:] not in ((), (3,))):
        got = f'{array.shape} of {array.dtype}' if is_array else (
            type(array).__name__)
        raise InputError(
            f'expected an array (H, W, 3) or (H, W) of uint8, got {got}; '
            'images have the channels last, in the order BGR, and values '
            '0..255')


def read_image(source: Source) -> np.ndarray:
    """Read an image as it is seen.

    The camera's orientation is applied, transparency is left out, 16 bits
    are scaled to 8 and grey is repeated. OpenCV returns nothing for a file
    that is cut short, whatever its format, so that no half image passes.

    Args:
        source (str | np.ndarray | VideoFrame): Of an :class:`ImageItem`.

    Returns:
        np.ndarray: (H, W, 3) uint8 BGR.

    Raises:
        InputError: If it cannot be read; names the file.
    """
    if isinstance(source, VideoFrame):
        return source.video.read(source.number)
    if isinstance(source, np.ndarray):
        return source if source.ndim == 3 else np.stack([source] * 3, axis=2)
    if is_video(source):
        return Video(source).read(0)
    try:
        image = mmcv.imread(source, flag='color', backend='cv2')
    except (OSError, cv2.error) as error:
        reason = (
            error.strerror or error if isinstance(error, OSError)
            else 'it is empty, or larger than OpenCV allows')
        raise InputError(
            f'{source} could not be read ({reason}); replace the file or '
            'leave it out') from error
    if image is None:
        raise InputError(
            f'{source} is no complete image: cut short, damaged, or of a '
            'format that OpenCV does not know; replace the file or leave it '
            'out')
    return image


def source_key(source: Source) -> str:
    """A short name of an image's content, which hardly any other image has.

    For a file it is made from its size and both its ends: that is fast
    however large the file is, and stays the same when it is moved.

    Args:
        source (str | np.ndarray | VideoFrame): Of an :class:`ImageItem`.

    Returns:
        str: 16 hexadecimal digits, for a frame followed by its number.

    Raises:
        OSError: If a file cannot be read.
    """
    if isinstance(source, VideoFrame):
        return f'{source_key(source.video.path)}-{source.number}'
    if isinstance(source, np.ndarray):
        return array_sha256(source)[:16]
    with open(source, 'rb') as file:
        size = os.fstat(file.fileno()).st_size
        content = str(size).encode() + file.read(_ENDS)
        file.seek(max(0, size - _ENDS))
        content += file.read(_ENDS)
    return hashlib.sha256(content).hexdigest()[:16]


def array_sha256(array: np.ndarray) -> str:
    """Hash the shape and the values of an image or a label map."""
    return hashlib.sha256(
        str(array.shape).encode() + array.tobytes()).hexdigest()
