"""The distinct images of many episodes, each loaded once."""
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from mmengine.dataset import pseudo_collate
from mmengine.dist import get_dist_info
from torch.utils.data import DataLoader, Dataset

from ..datasets import EpisodicDataset
from ..datasets.sampling import Episode


class LabelledImage(NamedTuple):
    """An image and the classes that its labels tell apart.

    Attributes:
        image (int): Its index in the data set.
        class_ids (tuple[int, ...]): Class i of it has the label 1 + i.
    """

    image: int
    class_ids: tuple[int, ...]


def supports_of(episode: Episode) -> list[tuple[int, int]]:
    """The image and the class of every support, way by way."""
    return [
        (image, class_id) for class_id, images in zip(
            episode.class_ids, episode.supports, strict=True)
        for image in images]


def distinct_images(asked: Iterable[tuple[int, Sequence[int]]],
                    counts: np.ndarray) -> list[LabelledImage]:
    """Find the distinct images, with all classes asked of each.

    Args:
        asked (Iterable[tuple[int, Sequence[int]]]): An image, and classes
            that it may show.
        counts (np.ndarray): (N, num_classes), pixels of the class index.
    """
    classes: dict[int, set[int]] = {}
    for image, class_ids in asked:
        classes.setdefault(image, set()).update(class_ids)
    return [
        LabelledImage(image, tuple(
            c for c in sorted(classes[image]) if counts[image, c] > 0))
        for image in sorted(classes)]


class _Images(Dataset):
    """Loads images through one of the pipelines of an episodic data set."""

    def __init__(self, dataset: EpisodicDataset,
                 images: Sequence[LabelledImage], role: str) -> None:
        self.dataset = dataset
        self.images = images
        self.role = role

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict:
        return self.dataset.labelled_image(*self.images[index], self.role)


def load_images(images: Sequence[LabelledImage], role: str,
                loader: DataLoader, images_per_batch: int
                ) -> Iterator[tuple[list[int], dict]]:
    """Load this process's share of the images.

    Batches are the same whatever the number of processes, so that they
    round alike.

    Args:
        images (Sequence[LabelledImage]): Of the whole test.
        role (str): 'support' or 'query'.
        loader (DataLoader): Of the episodes; its data set, its workers with
            their settings and ``pin_memory`` are taken over.
        images_per_batch (int): Images that the backbone sees at once.

    Yields:
        tuple[list[int], dict]: Indices of the images, and a batch with
        ``inputs`` and ``data_samples`` for the data preprocessor.
    """
    rank, world_size = get_dist_info()
    starts = range(0, len(images), images_per_batch)[rank::world_size]
    batches = [
        list(range(len(images))[i:i + images_per_batch]) for i in starts]
    workers = {name: getattr(loader, name) for name in (
        'num_workers', 'prefetch_factor', 'multiprocessing_context',
        'worker_init_fn', 'timeout')}
    dataset: Any = loader.dataset
    yield from zip(batches, DataLoader(
        _Images(dataset, images, role), batch_sampler=batches,
        collate_fn=pseudo_collate, pin_memory=loader.pin_memory,
        **(workers if batches else {})), strict=True)
