"""The source of an image: a file, an array or a frame of a video."""
import hashlib
import os
from typing import Any, NamedTuple

import cv2
import numpy as np

from ...errors import InputError
from ...files import check_regular
from ...images.decoder import PLAIN, decode_image
from ...images.file_bytes import file_name, is_url, read_bytes
from ...images.reading import ImageReading
from ...images.suffixes import VIDEO_SUFFIXES, suffix_of
from .image_array import image_array

_ENDS = 65536
"""Bytes that are read at each end: an image's header and its last rows."""


def is_video(path: str) -> bool:
    """Tell whether a file has the suffix of a video."""
    return suffix_of(file_name(path)) in VIDEO_SUFFIXES


class Video:
    """A video that is read forwards, without seeking.

    The frame that a seek reaches depends on the codec. A frame that is
    reached by decoding all frames before it is the same in every process and
    after every restart.

    Args:
        path (str): Path of the file.

    Raises:
        InputError: If OpenCV cannot decode it.
    """

    _reading: 'Video | None' = None
    """The only video that is open, as a folder may contain many."""
    _open: tuple[list[Any], ...] = ()
    """Captures of the open file, each with the number of its next frame.

    There are two, as each run of :func:`cut_runs` begins before the end of
    the last one: they take turns, and neither begins from the start again.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._length = _count_frames(path)
        if self._length < 1:
            raise InputError(
                f'{path} could not be read as a video; convert it, for '
                'example to MP4 with H.264')

    def __len__(self) -> int:
        """Return the number of frames that can be read."""
        return self._length

    @property
    def rate(self) -> float:
        """Frames per second; the mean if the rate varies."""
        rate = cv2.VideoCapture(self.path).get(cv2.CAP_PROP_FPS)
        return float(rate) if 0 < rate <= 1000 else 25.0

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the open file, which cannot be pickled."""
        return {'path': self.path, '_length': self._length}

    def read(self, number: int) -> np.ndarray:
        """Decode a frame, which is fast if it follows the last one.

        Args:
            number (int): Number of the frame, from 0.

        Returns:
            np.ndarray: (H, W, 3) uint8 BGR.

        Raises:
            InputError: If the video is damaged at this frame.
        """
        found, frame = self._decode(number)
        if not found:
            raise InputError(
                f'frame {number} of {self.path} could not be read: the video '
                'is damaged or cut short there; replace it or leave it out')
        return frame

    def _decode(self, number: int) -> tuple[bool, np.ndarray]:
        """Decode a frame; an error of :meth:`read` holds no capture open."""
        if Video._reading is not self:
            if Video._reading is not None:
                Video._reading._open = ()
            Video._reading = self
        place = max((one for one in self._open if one[1] <= number),
                    key=lambda one: one[1], default=None)
        if place is None:
            place = [cv2.VideoCapture(self.path), 0]
            # Upright, as players show it; OpenCV 4.11 does not do so itself.
            place[0].set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
            self._open = (*self._open[-1:], place)
        capture, first = place
        for _ in range(first, number):
            capture.grab()
        result = capture.read()
        place[1] = number + 1
        if place[1] >= self._length:
            Video._reading, self._open = None, ()
        return result


def _count_frames(path: str) -> int:
    """Count the frames, and one more if the file is cut short.

    The additional frame cannot be read, so that a file that is cut short is
    noticed. The number in the header is often wrong by a few.
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
    """The place of an image in a video."""

    video: Video
    number: int


Source = str | np.ndarray | VideoFrame


def read_image(source: Source, reading: ImageReading = PLAIN) -> np.ndarray:
    """Read an image as a viewer shows it, see :func:`decode_image`.

    Args:
        source (str | np.ndarray | VideoFrame): Source of an
            :class:`ImageItem`.
        reading (ImageReading): Bands and stretch of files. Defaults to all
            bands, of 8 or 16 bits.

    Returns:
        np.ndarray: (H, W, 3) uint8 BGR.

    Raises:
        InputError: If the image cannot be read.
    """
    if isinstance(source, VideoFrame):
        return source.video.read(source.number)
    if isinstance(source, np.ndarray):
        return image_array(source)
    if is_video(source):
        if is_url(source):
            raise InputError(
                f'{source}: expected the URL of an image, got that of a '
                'video; download it')
        return Video(source).read(0)
    return decode_image(read_bytes(source), source, reading)


def source_key(source: Source) -> str:
    """Return a short key of an image's content.

    The key of a file is a hash of its size and of both of its ends, which is
    fast for large files and does not change when the file is moved.

    Args:
        source (str | np.ndarray | VideoFrame): Source of an
            :class:`ImageItem`.

    Returns:
        str: 16 hexadecimal digits, followed by its number for a frame.

    Raises:
        OSError: If a file cannot be read.
        InputError: If a URL cannot be read.
    """
    if isinstance(source, VideoFrame):
        return f'{source_key(source.video.path)}-{source.number}'
    if isinstance(source, np.ndarray):
        return array_sha256(source)[:16]
    if is_url(source):
        return hashlib.sha256(read_bytes(source)).hexdigest()[:16]
    check_regular(source)
    with open(source, 'rb') as file:
        size = os.fstat(file.fileno()).st_size
        content = str(size).encode() + file.read(_ENDS)
        file.seek(max(0, size - _ENDS))
        content += file.read(_ENDS)
    return hashlib.sha256(content).hexdigest()[:16]


def name_and_sha256(image: str | np.ndarray) -> tuple[str, str]:
    """Return an image's name in messages, and the hash of its content."""
    if isinstance(image, np.ndarray):
        return 'array', array_sha256(image)
    return file_name(image), hashlib.sha256(read_bytes(image)).hexdigest()


def array_sha256(array: np.ndarray) -> str:
    """Hash the shape and the values of an image or a label map."""
    return hashlib.sha256(
        str(array.shape).encode() + array.tobytes()).hexdigest()
