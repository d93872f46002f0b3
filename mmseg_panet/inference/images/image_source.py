"""Where an image comes from: a file, an array or a frame of a video."""
import hashlib
import os
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import mmcv
import numpy as np
from mmengine.fileio import get

from ...errors import InputError
from .image_array import image_array

_VIDEO_SUFFIXES = (
    '.mp4', '.m4v', '.mov', '.avi', '.mkv', '.webm', '.mpg', '.mpeg', '.wmv')
_ENDS = 65536
"""Bytes that are read at either end: an image's header and its last rows."""


def is_video(path: str) -> bool:
    """Whether a file has the suffix of a video."""
    return Path(path).suffix.lower() in _VIDEO_SUFFIXES


class Video:
    """A video that is read forwards, without seeking.

    Where a seek ends depends on the codec; a frame that is reached by
    decoding those before it is the same in every process and after every
    restart.

    Args:
        path (str): The file.

    Raises:
        InputError: If OpenCV cannot decode it.
    """

    _reading: 'Video | None' = None
    """The one that is open: a folder can hold many."""
    _capture: Any = None
    _next = 0
    """The frame that comes next where it is open."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._length = _count_frames(path)
        if self._length < 1:
            raise InputError(
                f'{path} could not be read as a video; convert it, for '
                'example to MP4 with H.264')

    def __len__(self) -> int:
        """How many frames can be read."""
        return self._length

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the open file, which cannot be pickled."""
        return {'path': self.path, '_length': self._length}

    def read(self, number: int) -> np.ndarray:
        """Decode a frame; fast for the one after the last that was read.

        Args:
            number (int): From 0.

        Returns:
            np.ndarray: (H, W, 3) uint8 BGR.

        Raises:
            InputError: If the video is damaged there.
        """
        if Video._reading is not self or number < self._next:
            if Video._reading is not None:
                Video._reading._capture = None
            Video._reading = self
            self._capture, self._next = cv2.VideoCapture(self.path), 0
        for _ in range(self._next, number):
            self._capture.grab()
        found, frame = self._capture.read()
        self._next = number + 1
        if self._next >= self._length:
            Video._reading = self._capture = None
        if not found:
            raise InputError(
                f'frame {number} of {self.path} could not be read: the video '
                'is damaged or cut short there; replace it, or leave it out')
        return frame


def _count_frames(path: str) -> int:
    """Count the frames, and one more where the file is cut short.

    That one cannot be read, so that a cut file is noticed. The number that a
    file announces is often off by a few.
    """
    capture = cv2.VideoCapture(path)
    announced = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    if announced > 0 and capture.set(
            cv2.CAP_PROP_POS_FRAMES, announced - 1) and capture.grab():
        return announced
    length = sum(1 for _ in iter(cv2.VideoCapture(path).grab, False))
    cut = length and announced - length > max(2, announced // 100)
    return length + 1 if cut else length


class VideoFrame(NamedTuple):
    """Where an image is found in a video."""

    video: Video
    number: int


Source = str | np.ndarray | VideoFrame


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
        return image_array(source)
    if is_video(source):
        return Video(source).read(0)
    try:
        image = mmcv.imread(source, flag='color', backend='cv2')
    except (OSError, cv2.error) as error:
        reason = error if isinstance(
            error, OSError) else 'it is empty, or larger than OpenCV allows'
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


def name_and_sha256(image: str | np.ndarray) -> tuple[str, str]:
    """Say how messages call an image, and hash its file or its pixels."""
    if isinstance(image, np.ndarray):
        return 'array', array_sha256(image)
    return Path(image).name, hashlib.sha256(get(image)).hexdigest()


def array_sha256(array: np.ndarray) -> str:
    """Hash the shape and the values of an image or a label map."""
    return hashlib.sha256(
        str(array.shape).encode() + array.tobytes()).hexdigest()
