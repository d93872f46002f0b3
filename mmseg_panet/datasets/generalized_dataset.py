"""The data of a test of generalized few-shot segmentation."""
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mmseg.registry import DATASETS

from ..errors import InputError
from .closed_set_dataset import ClosedSetDataset, hide_classes
from .episodic_dataset import EpisodicDataset
from .folds import hold_out, named_folds, split_classes
from .sampling import Episode


@DATASETS.register_module()
class GeneralizedDataset(EpisodicDataset):
    """All images of a pool, and supports of all novel classes from another.

    The setting is that of Tian et al. (Generalized few-shot semantic
    segmentation, CVPR 2022): every image is labelled with the background,
    the base classes and the novel classes at once. Each run samples
    ``num_shots`` supports of every novel class from the training pool, as an
    :class:`EpisodicDataset` samples an episode with all novel classes as
    ways. Item ``run * num_images + i`` is image i of the test.

    Args:
        support_pipeline (Sequence[dict]): Transforms of the supports and of
            the images of the base classes, to ``PackEpisodeInputs``.
        query_pipeline (Sequence[dict]): Transforms of the images to segment,
            to ``PackEpisodeInputs``.
        pools (dict[str, dict]): Data sets by name. Those that are used must
            have no image in common.
        folds (str | Sequence[Sequence[str]]): Folds, see
            :class:`EpisodicDataset`.
        fold (int): Index of the fold whose classes are novel. Defaults to 0.
        pool (str): Pool of the supports and of the images of the base
            classes. Defaults to 'train'.
        query_pool (str): Pool of the images to segment. Defaults to 'val'.
        novel_pixels (str): Treatment of novel classes' pixels in the
            statistics of base classes, see :class:`EpisodicDataset`. It
            should be that of the training. Defaults to 'background'.
        num_ways (int, optional): Number of novel classes of the fold, which
            is the only value that is accepted.
        **kwargs (Any): ``num_shots``, ``num_runs``, ``episodes_seed``,
            ``repeat_supports``, ``min_area``, ``protocol``, ``cache_dir`` and
            ``cache_images`` of :class:`EpisodicDataset`.

    Attributes:
        queries (ClosedSetDataset): Images to segment, with all classes.
        base_ids (list[int]): Ids of the base classes.
        base_images (list[int]): Images of ``images`` for the statistics of
            base classes.

    Raises:
        InputError: If the pools have an image in common, if ``num_ways`` is
            another number than that of the novel classes, or as for
            :class:`EpisodicDataset`.
    """

    def __init__(self, support_pipeline: Sequence[dict],
                 query_pipeline: Sequence[dict], pools: dict[str, dict],
                 folds: str | Sequence[Sequence[str]], fold: int = 0,
                 pool: str = 'train', query_pool: str = 'val',
                 novel_pixels: str = 'background',
                 num_ways: int | None = None, **kwargs: Any) -> None:
        novel = split_classes(folds, fold, 'novel')
        if not hold_out(folds):
            raise InputError(
                'expected classes in two or more folds for a '
                'GeneralizedDataset, which tests base and novel classes '
                f'together, got {named_folds(folds)}; split them, or test an '
                'EpisodicDataset')
        if num_ways not in (None, len(novel)):
            raise InputError(
                f'expected all {len(novel)} novel classes of fold {fold} as '
                f'ways of a GeneralizedDataset, got num_ways={num_ways!r}; '
                'remove it')
        super().__init__(
            support_pipeline=support_pipeline, query_pipeline=query_pipeline,
            pools=pools, pool=pool, folds=folds, fold=fold, split='novel',
            num_episodes=1, num_ways=len(novel), **kwargs)
        self.queries = ClosedSetDataset(
            pools=pools, pool=query_pool, pipeline=query_pipeline,
            folds=folds, fold=fold, split='all',
            cache_dir=kwargs.get('cache_dir'))
        # The same file may have another path in each pool.
        common = set.intersection(*(
            {os.path.realpath(one['img_path']) for one in pool.infos()}
            for pool in (self.images, self.queries.images)))
        if common:
            raise InputError(
                f'expected no image in both pools {pool!r} and '
                f'{query_pool!r}, got {len(common)}, such as {min(common)}; '
                'a support must not be tested: split the images')
        self.base_names = split_classes(folds, fold, 'base')
        self.base_ids = self.images.class_ids(self.base_names)
        self.base_images, self._hidden = hide_classes(
            self.images, novel, novel_pixels)

    def __len__(self) -> int:
        return self.rules.num_runs * len(self.queries)

    def __getitem__(self, index: int) -> list[dict]:
        """Load an image to segment, with all classes as its ways.

        Args:
            index (int): ``run * num_images + i``.
        """
        run, image = divmod(index, len(self.queries))
        return [self.queries.load(image, run=run, episode=image)]

    def episode(self, index: int) -> Episode:
        """Return the supports of a run, in the order of the novel classes."""
        episode = self.episodes[index]
        ways = [episode.class_ids.index(one) for one in self.rules.class_ids]
        return replace(
            episode, class_ids=tuple(self.rules.class_ids),
            supports=tuple(episode.supports[way] for way in ways))

    def labelled_image(self, image: int, class_ids: Sequence[int],
                       role: str) -> dict:
        """Load an image that is not part of an episode.

        Args:
            image (int): Index of the image in ``queries`` if the role is
                'query', or else in ``images``.
            class_ids (Sequence[int]): Ids of classes of a support or of a
                'base' image. Element i gets the label 1 + i.
            role (str): 'support', 'base' or 'query'.
        """
        if role == 'query':
            return self.queries[image]
        if role == 'support':
            return super().labelled_image(image, class_ids, role)
        part = self._labels_of(class_ids) | dict(ignored_ids=self._hidden)
        return self._load(image, self.support_pipeline, part, (0,))

    @property
    def header(self) -> dict:
        """The rules of the supports, with all classes that are scored."""
        return dict(
            super().header, classes=list(self.queries.class_names),
            class_ids=self.queries.class_ids)

    @property
    def metainfo(self) -> dict:
        """The data set's metainfo with the names of all and base classes."""
        return dict(
            super().metainfo, class_names=list(self.queries.class_names),
            base_names=self.base_names)
