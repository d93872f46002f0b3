"""Which image a mask is of."""
import hashlib
import os

import numpy as np

from .video import VideoFrame

_ENDS = 65536
"""Bytes that are read at either end: an image's header and its last rows."""


def source_key(source: str | np.ndarray | VideoFrame) -> str:
    """A short name of an image's content; next to no other image has it.

    Of a file it is made from its size and both its ends, which is fast
    however large it is, and does not change when the file is moved.

    Args:
        source (str | np.ndarray | VideoFrame): Of an :class:`ImageItem`.

    Returns:
        str: 16 hexadecimal digits, for a frame followed by its number.

    Raises:
        OSError: If a file cannot be read.
    """
    if isinstance(source, VideoFrame):
        return f'{source_key(source.video.path)}-{source.number}'
    digest = hashlib.sha256()
    if isinstance(source, np.ndarray):
        digest.update(str(source.shape).encode() + source.tobytes())
        return digest.hexdigest()[:16]
    with open(source, 'rb') as file:
        size = os.fstat(file.fileno()).st_size
        digest.update(str(size).encode() + file.read(_ENDS))
        file.seek(max(0, size - _ENDS))
        digest.update(file.read(_ENDS))
    return digest.hexdigest()[:16]
