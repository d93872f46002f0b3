"""The loop that segments images, batch by batch."""
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from ..errors import InputError, is_out_of_memory, out_of_memory
from ..images.decoder import PLAIN
from ..images.reading import ImageReading
from .images.image_list import ImageItem
from .images.read_ahead import read_ahead
from .results.prediction import Prediction

Segmented = tuple[ImageItem, np.ndarray | None, Prediction | InputError]
"""An image, its pixels (H, W, 3) uint8 BGR or None, and its prediction or the
error."""


def cut_batches(items: Sequence[ImageItem],
                batch_size: int) -> list[Sequence[ImageItem]]:
    """Cut a list into batches, of which the last may be smaller.

    Raises:
        InputError: If the batch size is not a positive integer.
    """
    if not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
        raise InputError(
            f'expected batch_size of 1 or more, got {batch_size!r}')
    return [
        items[start:start + batch_size]
        for start in range(0, len(items), batch_size)]


def segment(predict: Callable[[list[np.ndarray]], list[Prediction]],
            batches: Iterable[Sequence[ImageItem]],
            reading: ImageReading = PLAIN) -> Iterator[Segmented]:
    """Segment the images of batches that can be read.

    After an error, each image of a batch is segmented alone, so that one
    which does not fit into memory, or is refused, is the only one that fails.

    Args:
        predict (Callable): Function that segments images (H, W, 3) uint8 BGR
            of any sizes, see :meth:`FewShotInferencer.predict`.
        batches (Iterable[Sequence[ImageItem]]): Batches, which are read
            ahead.
        reading (ImageReading): See :func:`read_image`.

    Yields:
        Segmented: One for each image, in order.
    """
    for batch, images in read_ahead(batches, reading):
        readable = [one for one in images if not isinstance(one, InputError)]
        predictions = predict_each(predict, readable, [
            item for item, image in zip(batch, images, strict=True)
            if not isinstance(image, InputError)])
        for item, image in zip(batch, images, strict=True):
            if isinstance(image, InputError):
                yield item, None, image
                continue
            # Removed from the list, to free each one after its turn.
            yield item, image, predictions.pop(0)


def predict_each(predict: Callable[[list[np.ndarray]], list[Prediction]],
                 images: list[np.ndarray], items: Sequence[ImageItem]
                 ) -> list[Prediction | InputError]:
    """Segment images, and turn errors into sentences with their names.

    Args:
        predict (Callable): See :func:`segment`.
        images (list[np.ndarray]): (H, W, 3) uint8 BGR each.
        items (Sequence[ImageItem]): What the images are.
    """
    return [
        out_of_memory(item.name) if found is None
        else InputError(f'{item.name}: {found}')
        if isinstance(found, InputError) else found
        for item, found in zip(
            items, _predict(predict, images), strict=True)]


def _predict(predict: Callable[[list[np.ndarray]], list[Prediction]],
             images: list[np.ndarray]) -> list[Prediction | InputError | None]:
    """Segment a batch; None stands for an image that does not fit."""
    if not images:
        return []
    try:
        return [*predict(images)]
    except Exception as error:
        if not isinstance(error, InputError) and not is_out_of_memory(error):
            raise
        if len(images) == 1:
            # Without the traceback, which would keep the tensors.
            return [InputError(error) if isinstance(
                error, InputError) else None]
    # It may be the fault of one image of the batch.
    return [one for image in images for one in _predict(predict, [image])]
