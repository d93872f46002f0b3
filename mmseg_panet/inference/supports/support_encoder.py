"""From supports to what a bank keeps of them."""
import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.fileio import get
from torch import Tensor, nn

from ...errors import InputError
from ...models.own_size_sums import own_size_sums
from ..bank.prototype_bank import BankedSupport
from ..images.image_list import read_image
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
    """Sum the features of supports under their labels.

    Args:
        model (nn.Module): See :func:`encode_images`.
        pipeline (Callable): See :func:`encode_images`.
        supports (Sequence[Support]): Read one after the other.
        batch_size (int): See :func:`encode_images`.
        advance (Callable): Called for every support that is done.

    Returns:
        list[BankedSupport]: One a support, in order.

    Raises:
        InputError: If an image cannot be read, or its labels do not fit it
            or show nothing of its class.
    """
    head: Any = model.decode_head
    drawn: list[SupportLabels] = []

    def read() -> Iterator[np.ndarray]:
        for support in supports:
            image = read_image(support.image)
            drawn.append(support.rasterize(image.shape[:2]))
            yield image

    banked: dict[int, BankedSupport] = {}
    for index, features, metainfo in encode_images(
            model, pipeline, read(), batch_size):
        support, (labels, names) = supports[index], drawn[index]
        # The label map is as large as the image, and not needed again.
        drawn[index] = SupportLabels(np.empty(0), ())
        shown, compact = _compact(labels, names, support.class_name)
        sums = own_size_sums(
            features.cpu(), torch.from_numpy(compact), len(shown), metainfo,
            head.pool_at, head.align_corners)
        if not sums[1, -1] > 0:
            raise InputError(
                f"the object '{support.class_name}' of "
                f'{_file_name(support.image)} falls between the cells of the '
                "feature map; mark a larger one, or set pool_at='image' of "
                'the head')
        banked[index] = BankedSupport(
            support.class_name, shown, sums, _file_name(support.image),
            _image_sha256(support.image), _labels_sha256(labels),
            support)
        advance()
    return [banked[index] for index in range(len(supports))]


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


def _compact(labels: np.ndarray, names: Sequence[str],
             own: str) -> tuple[tuple[str, ...], np.ndarray]:
    """Only the classes that are there, the own one first."""
    found = np.unique(labels).tolist()
    shown = [name for i, name in enumerate(names, start=1) if i in found]
    if own not in shown:
        raise InputError(
            f"expected labels that show '{own}', got those of {shown}; give "
            'another mask')
    shown = [own, *(name for name in shown if name != own)]
    table = np.zeros(256, np.uint8)
    table[255] = 255
    for i, name in enumerate(names, start=1):
        if name in shown:
            table[i] = 1 + shown.index(name)
    return tuple(shown), table[labels]


def _file_name(image: str | np.ndarray) -> str:
    return 'array' if isinstance(image, np.ndarray) else (
        image.replace('\\', '/').rsplit('/', 1)[-1])


def _image_sha256(image: str | np.ndarray) -> str:
    if isinstance(image, np.ndarray):
        return hashlib.sha256(
            str(image.shape).encode() + image.tobytes()).hexdigest()
    return hashlib.sha256(get(image)).hexdigest()


def _labels_sha256(labels: np.ndarray) -> str:
    """Not of the names, which may change."""
    return hashlib.sha256(
        str(labels.shape).encode() + labels.tobytes()).hexdigest()
