"""Reading images while earlier ones are segmented."""
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice

import numpy as np

from ...errors import InputError
from ...images.decoder import PLAIN
from ...images.reading import ImageReading
from .image_list import ImageItem
from .image_source import read_image

_AHEAD = 2
"""Number of batches that are read in advance."""


def read_ahead(
    batches: Iterable[Sequence[ImageItem]], reading: ImageReading = PLAIN,
) -> Iterator[tuple[Sequence[ImageItem], list[np.ndarray | InputError]]]:
    """Read images in a thread while earlier ones are segmented.

    Args:
        batches (Iterable[Sequence[ImageItem]]): Batches in their order.
        reading (ImageReading): See :func:`read_image`.

    Yields:
        tuple: A batch, and for each of its images the pixels,
        (H, W, 3) uint8 BGR, or the error.
    """
    thread = ThreadPoolExecutor(1)
    read = partial(_read, reading=reading)
    coming = (
        (batch, thread.submit(list, map(read, batch))) for batch in batches)
    try:
        waiting = deque(islice(coming, _AHEAD))
        while waiting:
            waiting.extend(islice(coming, 1))
            batch, images = waiting.popleft()
            yield batch, images.result()
    finally:
        thread.shutdown(cancel_futures=True)


def _read(item: ImageItem, reading: ImageReading) -> np.ndarray | InputError:
    try:
        return read_image(item.source, reading)
    except InputError as error:
        return error
