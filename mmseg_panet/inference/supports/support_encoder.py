"""The encoder of supports, which measures what a bank keeps."""
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, groupby
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor, nn

from ...annotations.label_type import IGNORED, ignored_of
from ...annotations.object_mask import assumption_notes
from ...errors import InputError
from ...files import StrPath
from ...images.decoder import PLAIN
from ...images.reading import ImageReading
from ...models.bank.banked_image import BankedSupport
from ...models.bank.prototype_bank import PrototypeBank
from ...models.device_checks import checked_at_end
from ...progress import progress_bar
from ..images.image_source import array_sha256, name_and_sha256, read_image
from . import Support, read_supports
from .support import NotShownError, left_out_note


@torch.no_grad()
def encode_images(model: nn.Module, pipeline: Callable,
                  images: Iterator[np.ndarray],
                  batch_size: int) -> Iterator[tuple[int, Tensor, dict]]:
    """Compute features of images of any sizes, in batches of equal sizes.

    Args:
        model (nn.Module): A segmentor with a :class:`PANetHead`.
        pipeline (Callable): See :func:`build_pipeline`.
        images (Iterator[np.ndarray]): (H, W, 3) uint8 BGR each. At most one
            batch of each size is held in memory.
        batch_size (int): Images in a batch of the backbone.

    Yields:
        tuple[int, Tensor, dict]: Index of the image, features (C, h, w) and
        metainfo, in the order in which batches become full.
    """
    waiting: dict[tuple, list[tuple[int, dict]]] = {}
    for index, image in enumerate(images):
        data = pipeline(dict(img=image))
        size = tuple(data['inputs'].shape)
        waiting.setdefault(size, []).append((index, data))
        if len(waiting[size]) == batch_size:
            yield from _encode(model, waiting.pop(size))
    for group in waiting.values():
        yield from _encode(model, group)


def encode_supports(model: nn.Module, pipeline: Callable,
                    supports: Sequence[Support], batch_size: int,
                    advance: Callable[[], object] = lambda: None,
                    left_out: dict[Support, NotShownError] | None = None,
                    reading: ImageReading = PLAIN) -> list[BankedSupport]:
    """Measure the features of supports under their labels.

    An image passes the network once, even if it has several supports. Images
    of different classes are in different batches, so that the rounding of a
    class does not depend on the other classes.

    Args:
        model (nn.Module): See :func:`encode_images`.
        pipeline (Callable): See :func:`encode_images`.
        supports (Sequence[Support]): Supports, class by class.
        batch_size (int): See :func:`encode_images`.
        advance (Callable): Called after each support.
        left_out (dict[Support, NotShownError], optional): It gets the
            optional supports whose labels do not show their class, which are
            left out. Defaults to None: none is left out.
        reading (ImageReading): See :func:`read_image`.

    Returns:
        list[BankedSupport]: One for each support that is not left out, in the
        same order.

    Raises:
        InputError: If an image cannot be read, its labels do not fit it or
            do not show its class.
    """
    of_image: dict[object, list[Support]] = {}
    for support in supports:
        image = support.image
        of_image.setdefault(
            image if isinstance(image, str) else id(image), []).append(support)
    banked: dict[Support, BankedSupport] = {}
    for _, of_class in groupby(
            of_image.values(), lambda those: those[0].class_name):
        images = list(of_class)
        for number, features, metainfo in encode_images(
                model, pipeline,
                (read_image(those[0].image, reading) for those in images),
                batch_size):
            measured: dict[object, BankedSupport] = {}
            for support in images[number]:
                key = support.labels_key
                try:
                    if key not in measured:
                        measured[key] = _measure(
                            model.decode_head, features, metainfo, support)
                    banked[support] = _of_class(measured[key], support)
                except NotShownError as error:
                    if left_out is None or not support.optional:
                        raise
                    left_out[support] = error
                advance()
    return [banked[support] for support in supports if support in banked]


def add_supports(model: nn.Module, pipeline: Callable, bank: PrototypeBank,
                 source: Any, image_dir: StrPath | None, batch_size: int,
                 show_progress: bool,
                 channel_order: str = 'bgr',
                 reading: ImageReading = PLAIN) -> list[str]:
    """Read and measure supports, and add them to a bank.

    Args:
        model (nn.Module): See :func:`encode_images`.
        pipeline (Callable): See :func:`encode_images`.
        bank (PrototypeBank): Changed in place.
        source (Any): See :func:`read_supports`.
        image_dir (str | os.PathLike, optional): See :func:`read_supports`.
        batch_size (int): See :func:`encode_images`.
        show_progress (bool): Whether to show a progress bar.
        channel_order (str): See :func:`read_supports`. Defaults to 'bgr'.
        reading (ImageReading): See :func:`read_image`.

    Returns:
        list[str]: A sentence on masks whose values leave room for doubt,
        see :func:`assumption_notes`, one for all supports that are left out,
        and one for each support that adds nothing.

    Raises:
        InputError: See :func:`read_supports`, :func:`encode_supports` and
            :meth:`PrototypeBank.add`.
    """
    supports = list(chain(
        *read_supports(source, image_dir, channel_order).values()))
    with progress_bar(show_progress) as bar:
        task = bar.add_task('Fitting', total=len(supports))
        left_out: dict[Support, NotShownError] = {}
        found = encode_supports(
            model, pipeline, supports, batch_size, lambda: bar.advance(task),
            left_out, reading)
    notes = []
    if left_out:
        if not found:
            raise next(iter(left_out.values()))
        notes = [left_out_note(left_out, {one.class_name for one in found})]
    assumed: dict[str, str] = {}
    for support in supports:
        assumed |= support.assumed
    return assumption_notes(assumed) + notes + [
        f"{one.image} is an example of '{one.class_name}' with the same "
        'labels already: it counts once'
        for one in found if not bank.add(one)]


def _measure(head: Any, features: Tensor, metainfo: dict,
             support: Support) -> BankedSupport:
    """Measure all classes that the labels show, in the order of labels."""
    labels = support.rasterize(metainfo['ori_shape'])
    unknown = ignored_of(labels.dtype)
    found = np.setdiff1d(labels, [0, unknown])
    if len(found) >= IGNORED:
        raise InputError(
            f'{support.where}: expected at most {IGNORED - 1} classes in one '
            f'image, got {len(found)}; leave some of them out of its labels')
    table = np.zeros(1 + unknown, np.uint8)
    table[unknown] = IGNORED
    table[found] = range(1, 1 + len(found))
    statistics = head.class_statistics(
        features[None].cpu(), torch.from_numpy(table[labels])[None],
        len(found), metainfo)
    # The labels are hashed without the names, which may change.
    return BankedSupport(
        support.class_name, tuple(support.names[i - 1] for i in found),
        statistics.each(lambda one: one[0]), *name_and_sha256(support.image),
        array_sha256(labels), support)


def _of_class(measured: BankedSupport, support: Support) -> BankedSupport:
    """Select what a bank keeps of a support, with its class first."""
    name, names = support.class_name, measured.names
    if name not in names:
        raise NotShownError(
            f"{support.where}: expected labels that show '{name}', got those "
            f'of {list(names)}; give another mask')
    # The sort is stable: the others keep their order.
    rows = sorted(range(len(names)), key=lambda row: names[row] != name)
    statistics = measured.statistics.masks([0, *(1 + row for row in rows)])
    if not statistics.areas[1] > 0:
        raise NotShownError(
            f"the object '{name}' of {measured.image} falls between the cells "
            "of the feature map; mark a larger one, or set pool_at='image' of "
            'the head')
    return measured._replace(
        class_name=name, names=tuple(names[row] for row in rows),
        statistics=statistics, source=support)


def _encode(model: Any, group: list[tuple[int, dict]]
            ) -> Iterator[tuple[int, Tensor, dict]]:
    batch = model.data_preprocessor(
        pseudo_collate([data for _, data in group]))
    with checked_at_end():
        features = model.decode_head.features(
            model.extract_feat(batch['inputs']))
    for (index, _), of_image, sample in zip(
            group, features, batch['data_samples'], strict=True):
        yield index, of_image, sample.metainfo
