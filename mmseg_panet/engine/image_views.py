"""The distinct images of many episodes, each loaded once."""
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from mmengine.dataset import pseudo_collate
from mmengine.dist import get_dist_info
from torch.utils.data import DataLoader, Dataset

from ..datasets import EpisodicDataset
from ..datasets.episodes import Episode


class ImageView(NamedTuple):
    """An image and the classes that its labels tell apart.

    Attributes:
        image (int): Its index in the data set.
        class_ids (tuple[int, ...]): Class i of it has the label 1 + i.
    """

    image: int
    class_ids: tuple[int, ...]


def support_views(episodes: Sequence[Episode], counts: np.ndarray,
                  by_class: bool) -> list[ImageView]:
    """Views of all supports.

    Args:
        episodes (Sequence[Episode]): All of a test.
        counts (np.ndarray): (N, num_classes), pixels of the class index.
        by_class (bool): Whether an image has a view for each class that it
            is a support of, instead of one for all classes.
    """
    if by_class:
        return [ImageView(image, (class_id,)) for image, class_id in sorted({
            (image, class_id) for episode in episodes
            for class_id, images in zip(
                episode.class_ids, episode.supports, strict=True)
            for image in images})]
    return _views(
        ((image, episode.class_ids) for episode in episodes
         for images in episode.supports for image in images), counts)


def query_views(episodes: Sequence[Episode],
                counts: np.ndarray) -> list[ImageView]:
    """Views of all queries, as :func:`support_views`."""
    return _views(
        ((image, episode.class_ids) for episode in episodes
         for image in episode.queries), counts)


def _views(asked: Iterator[tuple[int, tuple[int, ...]]],
           counts: np.ndarray) -> list[ImageView]:
    classes: dict[int, set[int]] = {}
    for image, class_ids in asked:
        classes.setdefault(image, set()).update(class_ids)
    return [
        ImageView(image, tuple(
            c for c in sorted(classes[image]) if counts[image, c] > 0))
        for image in sorted(classes)]


class _ViewDataset(Dataset):
    """Loads views through one of the pipelines of an episodic data set."""

    def __init__(self, dataset: EpisodicDataset, views: Sequence[ImageView],
                 role: str) -> None:
        self.dataset = dataset
        self.views = views
        self.role = role

    def __len__(self) -> int:
        return len(self.views)

    def __getitem__(self, index: int) -> dict:
        return self.dataset.view(*self.views[index], self.role)


def load_views(views: Sequence[ImageView], role: str, loader: DataLoader,
               images_per_batch: int) -> Iterator[tuple[list[int], dict]]:
    """Load this process's share of the views.

    Batches are the same whatever the number of processes, so that they
    round alike.

    Args:
        views (Sequence[ImageView]): Of the whole test.
        role (str): 'support' or 'query'.
        loader (DataLoader): Of the episodes; its settings are taken over.
        images_per_batch (int): Images that the backbone sees at once.

    Yields:
        tuple[list[int], dict]: Indices of the views, and a batch with
        ``inputs`` and ``data_samples`` for the data preprocessor.
    """
    rank, world_size = get_dist_info()
    dataset: Any = loader.dataset
    indices = list(range(len(views)))
    batches = [
        indices[i:i + images_per_batch]
        for i in range(0, len(views), images_per_batch)][rank::world_size]
    workers = min(loader.num_workers, len(batches))
    yield from zip(batches, DataLoader(
        _ViewDataset(dataset, views, role),
        batch_sampler=batches,
        collate_fn=pseudo_collate,
        num_workers=workers,
        multiprocessing_context=(
            loader.multiprocessing_context if workers else None),
        worker_init_fn=loader.worker_init_fn,
        pin_memory=loader.pin_memory), strict=True)
