"""The distinct images of many episodes, each loaded once."""
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, cast

import numpy as np
from mmengine.dataset import pseudo_collate
from mmengine.dist import get_dist_info
from torch.utils.data import BatchSampler, DataLoader

from ..datasets import EpisodicDataset


class LabelledImage(NamedTuple):
    """An image and the classes that its labels distinguish.

    Attributes:
        image (int): Index of the image in the data set.
        class_ids (tuple[int, ...]): Ids of the classes. The class at index i
            has the label 1 + i.
    """

    image: int
    class_ids: tuple[int, ...]


def distinct_images(asked: Iterable[tuple[int, Sequence[int]]],
                    counts: np.ndarray) -> list[LabelledImage]:
    """Find the distinct images and the classes that each of them shows.

    Args:
        asked (Iterable[tuple[int, Sequence[int]]]): Pairs of an image and the
            classes that it is used for. Images may repeat.
        counts (np.ndarray): Pixels of each class in each image,
            (N, num_classes).

    Returns:
        list[LabelledImage]: Each image once, in ascending order, with those
        of its classes that have pixels in it.

    Example:
        >>> counts = np.array([[90, 10, 0], [50, 30, 20]])
        >>> for one in distinct_images([(1, [1]), (0, [1, 2]), (1, [2])],
        ...                            counts):
        ...     print(one)
        LabelledImage(image=0, class_ids=(1,))
        LabelledImage(image=1, class_ids=(1, 2))
    """
    classes: dict[int, set[int]] = {}
    for image, class_ids in asked:
        classes.setdefault(image, set()).update(class_ids)
    return [
        LabelledImage(image, tuple(
            c for c in sorted(classes[image]) if counts[image, c] > 0))
        for image in sorted(classes)]


def _load(dataset: EpisodicDataset, role: str,
          images: Sequence[LabelledImage]) -> dict:
    return pseudo_collate(
        [dataset.labelled_image(*one, role) for one in images])


def load_images(images: Sequence[LabelledImage], role: str,
                loader: DataLoader, images_per_batch: int
                ) -> Iterator[tuple[list[int], dict]]:
    """Load this process's share of the images.

    The batches do not depend on the number of processes, so that features
    are rounded equally.

    Args:
        images (Sequence[LabelledImage]): All images of the test.
        role (str): 'support' or 'query'.
        loader (DataLoader): Data loader of the episodes. Its data set, the
            settings of its workers and its ``pin_memory`` are used.
        images_per_batch (int): Number of images in a batch.

    Yields:
        tuple[list[int], dict]: Indices of the batch in ``images``, and a
        batch with ``inputs`` and ``data_samples`` for the data preprocessor.
    """
    rank, world_size = get_dist_info()
    batches = list(BatchSampler(
        range(len(images)), images_per_batch, False))[rank::world_size]
    workers = {name: getattr(loader, name) for name in (
        'num_workers', 'prefetch_factor', 'multiprocessing_context',
        'worker_init_fn', 'timeout')}
    yield from zip(batches, DataLoader(
        cast(Any, images), batch_sampler=batches,
        collate_fn=partial(_load, cast(Any, loader.dataset), role),
        pin_memory=loader.pin_memory, **(workers if batches else {})),
        strict=True)
