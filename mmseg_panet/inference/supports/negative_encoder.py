"""The encoder of negatives, images without any of the classes."""
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from ...images.decoder import PLAIN
from ...images.reading import ImageReading
from ...models.bank.banked_image import BankedNegative
from ...models.bank.prototype_bank import PrototypeBank
from ...progress import progress_bar
from ..images.image_list import list_images, read_named
from .support_encoder import encode_images


def measure_negatives(model: Any, pipeline: Callable, bank: PrototypeBank,
                      images: Any, batch_size: int,
                      show_progress: bool,
                      channel_order: str = 'bgr',
                      reading: ImageReading = PLAIN) -> list[str]:
    """Read and measure images without any of the classes, and add them.

    Args:
        model (nn.Module): See :func:`encode_images`.
        pipeline (Callable): See :func:`encode_images`.
        bank (PrototypeBank): Changed in place.
        images (Any): See :func:`list_images`.
        batch_size (int): See :func:`encode_images`.
        show_progress (bool): Whether to show a progress bar.
        channel_order (str): See :func:`list_images`. Defaults to 'bgr'.
        reading (ImageReading): See :func:`read_image`.

    Returns:
        list[str]: A sentence for each image that adds nothing.

    Raises:
        InputError: If there is no image, or one cannot be read.
    """
    items = list_images(images, channel_order=channel_order)
    names: list[tuple[str, str]] = []

    def read() -> Iterator[np.ndarray]:
        for item in items:
            image, *name = read_named(item, reading)
            names.append((name[0], name[1]))
            yield image

    found: dict[int, BankedNegative] = {}
    with progress_bar(show_progress) as bar:
        for index, features, metainfo in bar.track(
                encode_images(model, pipeline, read(), batch_size),
                len(items), description='Negatives'):
            nothing = torch.zeros(
                1, *metainfo['ori_shape'][:2], dtype=torch.uint8)
            statistics = model.decode_head.class_statistics(
                features[None].cpu(), nothing, 0, metainfo)
            found[index] = BankedNegative(
                statistics.each(lambda one: one[0]), *names[index])
    # Batches are filled in another order.
    in_order = [found[index] for index in range(len(items))]
    return [
        f'{one.image} is a negative already: it counts once'
        for one in in_order if not bank.add_negative(one)]
