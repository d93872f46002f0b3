"""Reading images while earlier ones are segmented."""
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np

from ...errors import InputError
from .image_list import ImageItem
from .image_source import read_image

_AHEAD = 2
"""Number of batches that are read in advance."""


def read_ahead(
    batches: Iterable[Sequence[ImageItem]],
) -> Iterator[tuple[Sequence[ImageItem], list[np.ndarray | InputError]]]:
    """Read images in a thread while earlier ones are segmented.

    Args:
        batches (Iterable[Sequence[ImageItem]]): Batches in their order.

    Yields:
        tuple: A batch, and for each of its images the pixels,
        (H, W, 3) uint8 BGR, or the error.
    """
    thread = ThreadPoolExecutor(1)
    reading = (
        (batch, thread.submit(list, map(_read, batch))) for batch in batches)
    try:
        waiting = deque(islice(reading, _AHEAD))
        while waiting:
            waiting.extend(islice(reading, 1))
            batch, images = waiting.popleft()
            yield batch, images.result()
    finally:
        thread.shutdown(cancel_futures=True)


def _read(item: ImageItem) -> np.ndarray | InputError:
    try:
        return read_image(item.source)
    except InputError as error:
        return error
