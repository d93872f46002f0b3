"""From supports to what a bank keeps of them."""
import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.fileio import get
from torch import Tensor, nn

from ...errors import InputError
from ...models import SupportStatistics
from ..bank.prototype_bank import BankedSupport
from ..images.image_source import read_image
from . import Support, SupportLabels


@torch.no_grad()
def encode_images(model: nn.Module, pipeline: Callable,
                  images: Iterator[np.ndarray],
                  batch_size: int) -> Iterator[tuple[int, Tensor, dict]]:
    """Features of images of any sizes, in batches of equal sizes.

    Args:
        model (nn.Module): A segmentor with a :class:`PANetHead`.
        pipeline (Callable): See :func:`build_pipeline`.
        images (Iterator[np.ndarray]): (H, W, 3) uint8 BGR each; no more than
            a batch of every size is held at once.
        batch_size (int): Images that the backbone sees at once.

    Yields:
        tuple[int, Tensor, dict]: Index of the image, features (C, h, w) and
        metainfo, in the order in which batches become full.
    """
    waiting: dict[tuple, list[tuple[int, dict]]] = {}
    for index, image in enumerate(images):
        data = pipeline(dict(img=image))
        group = waiting.setdefault(tuple(data['inputs'].shape), [])
        group.append((index, data))
        if len(group) == batch_size:
            yield from _encode(model, group)
            group.clear()
    for group in waiting.values():
        yield from _encode(model, group)


def encode_supports(model: nn.Module, pipeline: Callable,
                    supports: Sequence[Support], batch_size: int,
                    advance: Callable[[], object] = lambda: None
                    ) -> list[BankedSupport]:
    """Measure the features of supports under their labels.

    An image passes the network once, however many supports it serves. Images
    of different classes are in different batches, so that the rounding of no
    class depends on another.

    Args:
        model (nn.Module): See :func:`encode_images`.
        pipeline (Callable): See :func:`encode_images`.
        supports (Sequence[Support]): Class by class; their images are read
            one after the other.
        batch_size (int): See :func:`encode_images`.
        advance (Callable): Called for every support that is done.

    Returns:
        list[BankedSupport]: One a support, in order.

    Raises:
        InputError: If an image cannot be read, or its labels do not fit it
            or show nothing of its class.
    """
    of_image: dict[object, dict[int, Support]] = {}
    for index, support in enumerate(supports):
        image = support.image
        key = image if isinstance(image, str) else id(image)
        of_image.setdefault(key, {})[index] = support
    banked: dict[int, BankedSupport] = {}
    for _, images in groupby(
            of_image.values(),
            lambda some: next(iter(some.values())).class_name):
        for index, one in _encode_group(
                model, pipeline, list(images), batch_size):
            banked[index] = one
            advance()
    return [banked[index] for index in range(len(supports))]


def _encode_group(model: Any, pipeline: Callable,
                  images: Sequence[dict[int, Support]], batch_size: int
                  ) -> Iterator[tuple[int, BankedSupport]]:
    """Encode images, each with its supports by their index."""
    labels: dict[int, dict[object, SupportLabels]] = {}

    def read() -> Iterator[np.ndarray]:
        for number, of_image in enumerate(images):
            image = read_image(next(iter(of_image.values())).image)
            labels[number] = {}
            for support in of_image.values():
                if support.labels_key not in labels[number]:
                    labels[number][support.labels_key] = support.rasterize(
                        image.shape[:2])
            yield image

    for number, features, metainfo in encode_images(
            model, pipeline, read(), batch_size):
        # A label map is as large as its image, and not needed again.
        measured = {
            key: _Measured.of(model.decode_head, features, metainfo, *one)
            for key, one in labels.pop(number).items()}
        image_sha256 = _image_sha256(next(iter(images[number].values())).image)
        for index, support in images[number].items():
            yield index, measured[support.labels_key].banked(
                support, image_sha256)


class _Measured(NamedTuple):
    """The statistics of an image under one label map."""

    names: list[str]
    statistics: SupportStatistics
    labels_sha256: str

    @classmethod
    def of(cls, head: Any, features: Tensor, metainfo: dict,
           labels: np.ndarray, names: Sequence[str]) -> '_Measured':
        """Measure the classes that the labels show."""
        found = [i for i in np.unique(labels).tolist() if 0 < i < 255]
        table = np.zeros(256, np.uint8)
        table[255] = 255
        table[found] = range(1, 1 + len(found))
        statistics = head.class_statistics(
            features[None].cpu(), torch.from_numpy(table[labels])[None],
            len(found), metainfo)
        # Not of the names, which may change.
        digest = hashlib.sha256(str(labels.shape).encode() + labels.tobytes())
        return cls([names[i - 1] for i in found],
                   statistics.each(lambda one: one[0]), digest.hexdigest())

    def banked(self, support: Support, image_sha256: str) -> BankedSupport:
        """What a bank keeps of a support, its own class first."""
        name, image = support.class_name, _file_name(support.image)
        if name not in self.names:
            raise InputError(
                f"expected labels that show '{name}', got those of "
                f'{self.names}; give another mask')
        own = 1 + self.names.index(name)
        rows = [own, *(
            i for i in range(1, 1 + len(self.names)) if i != own)]
        statistics = self.statistics.masks([0, *rows])
        if not statistics.areas[1] > 0:
            raise InputError(
                f"the object '{name}' of {image} falls between the cells of "
                "the feature map; mark a larger one, or set pool_at='image' "
                'of the head')
        return BankedSupport(
            name, tuple(self.names[i - 1] for i in rows), statistics, image,
            image_sha256, self.labels_sha256, support)


def _encode(model: Any, group: list[tuple[int, dict]]
            ) -> Iterator[tuple[int, Tensor, dict]]:
    if not group:
        return
    batch = model.data_preprocessor(
        pseudo_collate([data for _, data in group]))
    features = model.decode_head.features(
        model.extract_feat(batch['inputs']))
    for (index, _), of_image, sample in zip(
            group, features, batch['data_samples'], strict=True):
        yield index, of_image, sample.metainfo


def _file_name(image: str | np.ndarray) -> str:
    return 'array' if isinstance(image, np.ndarray) else (
        image.replace('\\', '/').rsplit('/', 1)[-1])


def _image_sha256(image: str | np.ndarray) -> str:
    if isinstance(image, np.ndarray):
        return hashlib.sha256(
            str(image.shape).encode() + image.tobytes()).hexdigest()
    return hashlib.sha256(get(image)).hexdigest()
