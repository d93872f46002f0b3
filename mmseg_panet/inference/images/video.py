"""A video file, and the frames in it."""
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from ...errors import InputError

_SUFFIXES = (
    '.mp4', '.m4v', '.mov', '.avi', '.mkv', '.webm', '.mpg', '.mpeg', '.wmv')


def is_video(path: str) -> bool:
    """Whether a file has the suffix of a video."""
    return Path(path).suffix.lower() in _SUFFIXES


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
        while self._next < number:
            self._capture.grab()
            self._next += 1
        found, frame = self._capture.read()
        self._next += 1
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
