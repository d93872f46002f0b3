"""Writing of videos, frame by frame."""
import errno
import math
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path

import cv2
import numpy as np

from ..errors import InputError, WriteError
from ..files import atomic_path

VIDEO_FORMATS = ('mp4', 'webm')
"""Formats that OpenCV writes on all systems: MPEG-4 in .mp4 for players, and
VP8 in .webm, which browsers play, too. H.264 needs an encoder that OpenCV's
wheels do not have."""
_CHECKED = 100
"""Frames after which the space on the disk is checked again."""
_LEAST_SPACE = 1 << 20
"""Bytes that must be free."""
_FINEST = 65535
"""Ticks of a second that MPEG-4 allows; OpenCV refuses 120.0046 frames per
second, which it would count in more."""
_SLOWEST_WEBM = 0.2
"""Frames per second below which OpenCV writes an empty file."""
_CODECS = dict(zip(VIDEO_FORMATS, ('mp4v', 'VP80'), strict=True))


def write_video(path: Path, frames: Iterable[np.ndarray],
                rate: float) -> int:
    """Write a video atomically, with one frame at a time in memory.

    Args:
        path (Path): Path of the file, whose suffix is one of
            :data:`VIDEO_FORMATS`. Its folder is created.
        frames (Iterable[np.ndarray]): (H, W, 3) uint8 RGB each, of one size.
            An odd height or width is made even by repeating the last row or
            column, as the codecs require it.
        rate (float): Frames per second.

    Returns:
        int: Number of frames. Without one, no file is written.

    Raises:
        InputError: If OpenCV cannot write such a video.
        WriteError: If the file could not be written completely.
    """
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        return 0
    written = 0
    with atomic_path(path, suffix=path.suffix) as part:
        height, width = first.shape[:2]
        size = width + width % 2, height + height % 2
        codec = _CODECS[path.suffix[1:]]
        rate = round(rate, int(math.log10(_FINEST / rate)))
        with _quiet():
            writer = cv2.VideoWriter(
                str(part), cv2.VideoWriter.fourcc(*codec), rate, size)
        if not writer.isOpened() or (
                codec == 'VP80' and rate < _SLOWEST_WEBM):
            others = ' or '.join(
                one for one in VIDEO_FORMATS if one != path.suffix[1:])
            raise InputError(
                f'{path} could not be written: this OpenCV has no encoder '
                f'{codec} for {size[0]}x{size[1]} pixels and {rate:g} frames '
                f'per second; choose {others}, or install opencv-python from '
                'PyPI')
        try:
            for frame in chain([first], frames):
                if written % _CHECKED == 0:
                    _check_space(path)
                writer.write(_even(frame))
                written += 1
        finally:
            writer.release()
        _check_written(path, part, written)
    return written


def _even(frame: np.ndarray) -> np.ndarray:
    height, width = frame.shape[:2]
    return cv2.copyMakeBorder(
        frame[..., ::-1], 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)


def _check_space(path: Path) -> None:
    """Stop early on a full disk, of which OpenCV only warns."""
    if shutil.disk_usage(path.parent).free < _LEAST_SPACE:
        raise _incomplete(path)


def _check_written(path: Path, part: Path, written: int) -> None:
    """Count the frames, as OpenCV does not report errors of writing."""
    with _quiet():
        capture = cv2.VideoCapture(str(part))
        found = sum(1 for _ in iter(capture.grab, False))
        capture.release()
    if found < written:
        raise _incomplete(path)


def _incomplete(path: Path) -> WriteError:
    return WriteError(
        f'{path} could not be written completely; free some space on the '
        'disk, then start again', errno.ENOSPC)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide what FFmpeg prints on standard error, such as a missing tag."""
    try:
        number = sys.__stderr__.fileno()  # type: ignore[union-attr]
        before = os.dup(number)
    except (AttributeError, OSError, ValueError):  # there is none
        yield
        return
    with open(os.devnull, 'wb') as nowhere:
        os.dup2(nowhere.fileno(), number)
    try:
        yield
    finally:
        with suppress(OSError):
            os.dup2(before, number)
        os.close(before)
