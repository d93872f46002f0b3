"""The smoothing of predictions over the frames of a video."""
import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import NamedTuple

import numpy as np

from ..errors import InputError, check_number
from ..images.decoder import PLAIN
from ..images.reading import ImageReading
from .images.image_list import ImageItem
from .images.image_source import VideoFrame
from .images.read_ahead import read_ahead
from .results.prediction import Prediction
from .segmentation import Segmented, predict_each

_LONGEST = 256
"""Frames of a run: as many are computed again after an interruption."""
_REST = 0.01
"""Weight of the frames before the warm-up of a run, which are left out."""


class Run(NamedTuple):
    """Images that one process segments in their order.

    Attributes:
        warm_up (Sequence[ImageItem]): Frames before it, which it needs.
        items (Sequence[ImageItem]): Its images.
    """

    warm_up: Sequence[ImageItem]
    items: Sequence[ImageItem]


def check_smooth(smooth: float) -> None:
    """Check the weight of earlier frames.

    Raises:
        InputError: If it is not 0 to 0.95.
    """
    check_number('smooth (--smooth)', smooth, least=0, most=0.95)


def cut_runs(items: Sequence[ImageItem], smooth: float) -> list[Run]:
    """Cut a list into runs of up to 256 consecutive frames of a video.

    A run starts with as many earlier frames as have 99% of the weight. What
    it computes therefore depends on the list alone, and not on interruptions
    or on the number of processes. An image that is no frame is its own run.

    Args:
        items (Sequence[ImageItem]): The images.
        smooth (float): Weight of the earlier frame.
    """
    needed = math.ceil(math.log(_REST) / math.log(smooth))
    runs = []
    start = 0
    for end in range(1, len(items) + 1):
        if end < len(items) and _video(items[end]) is not None and (
                _video(items[end]) is _video(items[start])):
            continue
        runs += [
            Run(items[max(start, first - needed):first],
                items[first:min(end, first + _LONGEST)])
            for first in range(start, end, _LONGEST)]
        start = end
    return runs


def smoothed_fingerprint(fingerprint: str, items: Sequence[ImageItem],
                         smooth: float) -> str:
    """Hash the smoothing and the steps between frames, too.

    Args:
        fingerprint (str): Hash of all else that a prediction depends on.
        items (Sequence[ImageItem]): The images.
        smooth (float): Weight of the earlier frame; 0 changes nothing.
    """
    if not smooth:
        return fingerprint
    steps = {
        two.source.number - one.source.number
        for one, two in zip(items, items[1:], strict=False)
        if isinstance(one.source, VideoFrame)
        and isinstance(two.source, VideoFrame)
        and one.source.video is two.source.video}
    # Photographs alone have none: videos with all frames may follow.
    text = (f'{fingerprint} smoothed by {smooth!r} in steps '
            f'{sorted(steps) or [1]}')
    return hashlib.sha256(text.encode()).hexdigest()


def segment_runs(
    predict_next: Callable[[np.ndarray, Prediction | None], Prediction],
    runs: Sequence[Run], reading: ImageReading = PLAIN,
) -> Iterator[Segmented]:
    """Segment the images of runs, each smoothed by those before it.

    Args:
        predict_next (Callable): Function that segments a frame (H, W, 3)
            uint8 BGR with what it returned for the one before.
        runs (Sequence[Run]): The runs, whose images are read ahead.
        reading (ImageReading): See :func:`read_image`.

    Yields:
        Segmented: One for each image, in order, without those of warm-ups.
    """
    read = read_ahead(
        ([item] for run in runs for item in chain(*run)), reading)
    for run in runs:
        earlier: Prediction | None = None
        for number in range(-len(run.warm_up), len(run.items)):
            (item,), (image,) = next(read)
            if isinstance(image, InputError):
                found: Prediction | InputError = image
            else:
                found, = predict_each(
                    partial(_predict_next, predict_next, earlier), [image],
                    [item])
            if isinstance(found, Prediction):
                earlier = found
            if number >= 0:
                yield (item, None if isinstance(image, InputError) else image,
                       found)


def _predict_next(predict_next: Callable, earlier: Prediction | None,
                  images: list[np.ndarray]) -> list[Prediction]:
    return [predict_next(images[0], earlier)]


def _video(item: ImageItem) -> object:
    return item.source.video if isinstance(item.source, VideoFrame) else None
