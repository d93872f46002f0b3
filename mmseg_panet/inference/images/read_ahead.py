"""Images read while those before them are segmented."""
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from ...errors import InputError
from .image_list import ImageItem, read_image

_AHEAD = 2
"""Batches that are read before the network needs them."""


def read_ahead(
    batches: Iterable[Sequence[ImageItem]],
) -> Iterator[tuple[Sequence[ImageItem], list[np.ndarray | InputError]]]:
    """Read images in a thread while those before them are computed.

    Args:
        batches (Iterable[Sequence[ImageItem]]): In order.

    Yields:
        tuple: A batch, and for each of its images (H, W, 3) uint8 BGR, or
        the error.
    """
    waiting: deque[tuple[Sequence[ImageItem], Future]] = deque()
    with ThreadPoolExecutor(1) as thread:
        try:
            for batch in batches:
                waiting.append((batch, thread.submit(_read, batch)))
                if len(waiting) > _AHEAD:
                    first, images = waiting.popleft()
                    yield first, images.result()
            while waiting:
                first, images = waiting.popleft()
                yield first, images.result()
        finally:
            for _, images in waiting:
                images.cancel()


def _read(batch: Sequence[ImageItem]) -> list[np.ndarray | InputError]:
    results: list[np.ndarray | InputError] = []
    for item in batch:
        try:
            results.append(read_image(item.source))
        except InputError as error:
            results.append(error)
    return results
