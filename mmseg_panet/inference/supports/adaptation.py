"""The adaptation of a bank to images without labels."""
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ...files import StrPath
from ...images.decoder import PLAIN
from ...images.reading import ImageReading
from ...models.adapted import CertainCellFinder, certain_statistics
from ...models.bank.banked_image import BankedAdapted
from ...models.bank.prototype_bank import NO_CLASS, PrototypeBank
from ...models.resize import pooling
from ...progress import progress_bar
from ..images.image_list import ImageItem, list_images, read_named
from .support_encoder import encode_images

_BEST = 0.3
"""Share of the images that are used for a class, the best ones."""
_LEAST_PIXELS = 0.1
"""Least pixels of a cell, as a share of the largest; padding has none."""
_MOST = 100
"""Most images of a class, as each takes as much memory as a support."""


@torch.no_grad()
def adapted_bank(model: Any, pipeline: Callable, bank: PrototypeBank,
                 images: Any, leave_out: StrPath | None, batch_size: int,
                 show_progress: bool, channel_order: str = 'bgr',
                 reading: ImageReading = PLAIN
                 ) -> tuple[PrototypeBank, list[str]]:
    """Choose the images and cells that are added to each class.

    Args:
        model (nn.Module): See :func:`encode_images`; its head has fitted the
            bank.
        pipeline (Callable): See :func:`encode_images`.
        bank (PrototypeBank): A bank without an adaptation.
        images (Any): See :func:`list_images`.
        leave_out (str | os.PathLike, optional): See :func:`list_images`.
        batch_size (int): See :func:`encode_images`.
        show_progress (bool): Whether to show a progress bar.
        channel_order (str): See :func:`list_images`. Defaults to 'bgr'.
        reading (ImageReading): See :func:`read_image`.

    Returns:
        tuple[PrototypeBank, list[str]]: The bank with the adaptation, and a
        sentence for each image that cannot be read and for each class that
        no image shows for certain.

    Raises:
        InputError: If no class is registered, the classifier does not use
            second moments, or no image can be read.
    """
    if not bank.classes:
        raise InputError(NO_CLASS)
    head = model.decode_head
    if 'moments' not in head.classifier.needs:
        raise InputError(
            'expected a classifier that uses second moments to adapt, got '
            f"{type(head.classifier).__name__}; use classifier='auto'")
    items = list_images(images, leave_out, channel_order=channel_order)
    images_read = _Images(items, bank, reading)
    like = next(model.parameters())
    finder = CertainCellFinder(
        bank.statistics().each(lambda one: one.to(like)), bank.shots)
    best = [_Best(_limit(len(items))) for _ in bank.classes]
    with progress_bar(show_progress) as bar:
        for index, features, metainfo in bar.track(
                encode_images(model, pipeline, iter(images_read), batch_size),
                len(items), description='Adapting'):
            logits = head.match(features[None], head.fitted)[0]
            name, sha256 = images_read.names[index]
            for cells in finder.find(
                    features, logits, _valid(head, features, metainfo)):
                of_way, place = best[cells.way], (-cells.reach, sha256)
                if of_way.takes(place):
                    statistics = certain_statistics(
                        head.classifier, features, cells.weights)
                    of_way.add(place, BankedAdapted(
                        bank.classes[cells.way],
                        statistics.each(lambda one: one.cpu()), name, sha256))
    if len(images_read.notes) == len(items):
        raise InputError(
            'expected an image to adapt to, got none that can be read: '
            f'{images_read.notes[0]}')
    most = _limit(len(images_read.names))
    return bank.copy(adapted=[
        one for of_way in best for one in of_way.banked[:most]
    ]), images_read.notes + [
        f'no image shows {class_name!r} for certain: it stays as it was'
        for class_name, of_way in zip(bank.classes, best, strict=True)
        if not of_way.banked]


def _valid(head: Any, features: Tensor, metainfo: dict) -> Tensor:
    """Find the cells (h, w) that are not padding."""
    pixels = pooling(
        features.shape[-2:], metainfo, head.pool_at, head.align_corners,
        like=features).adjoint(
            features.new_ones(1, *metainfo['ori_shape'][:2]))[0]
    return pixels > _LEAST_PIXELS * pixels.amax()


def _limit(number: int) -> int:
    """Return how many of a number of images a class uses at most."""
    return min(_MOST, max(1, int(_BEST * number)))


class _Best:
    """The best images of a class so far; the others are dropped."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._places: list[tuple[float, str]] = []
        self.banked: list[BankedAdapted] = []

    def takes(self, place: tuple[float, str]) -> bool:
        """Tell whether an image in this place is among the best."""
        return len(self.banked) < self._most or place < self._places[-1]

    def add(self, place: tuple[float, str], one: BankedAdapted) -> None:
        """Add an image that is among the best."""
        index = bisect(self._places, place)
        self._places.insert(index, place)
        self.banked.insert(index, one)
        del self._places[self._most:], self.banked[self._most:]


class _Images:
    """Reads images that are neither supports nor negatives, each once.

    Attributes:
        names (list[tuple[str, str]]): Name and hash of each image read.
        notes (list[str]): A sentence for each image that cannot be read.
    """

    def __init__(self, items: Sequence[ImageItem],
                 bank: PrototypeBank, reading: ImageReading) -> None:
        self._items, self._reading = items, reading
        self._known = {
            *(one.image_sha256 for one in bank.supports),
            *(one.image_sha256 for one in bank.negatives)}
        self.names: list[tuple[str, str]] = []
        self.notes: list[str] = []

    def __iter__(self) -> Iterator[np.ndarray]:
        for item in self._items:
            try:
                image, name, sha256 = read_named(item, self._reading)
            except InputError as error:
                self.notes.append(f'not adapted to {item.name}: {error}')
                continue
            if sha256 not in self._known:
                self._known.add(sha256)
                self.names.append((name, sha256))
                yield image
