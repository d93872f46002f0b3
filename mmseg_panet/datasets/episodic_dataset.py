"""Episodes over any of mmseg's data sets."""
import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from mmcv.transforms import Compose, LoadAnnotations
from mmengine.dataset import BaseDataset
from mmengine.dist import barrier, is_main_process
from mmseg.registry import DATASETS, TRANSFORMS
from torch.utils.data import Dataset

from ..errors import InputError
from .class_index import ClassIndex, load_class_index
from .episodes import Episode, draw_episode
from .folds import split_classes
from .randomness import seeded

_AUGMENTATION_TRIES = 100
"""Augmentations drawn for a support before its empty mask is an error."""


@DATASETS.register_module()
class EpisodicDataset(Dataset):
    """Draws episodes from a data set; an item is one whole episode.

    Item ``run * num_episodes + i`` is a pure function of
    ``(episodes_seed + run, i)``, its augmentations included, whatever the
    workers. Pixels of classes outside the episode are background.

    Args:
        dataset (dict | BaseDataset): Any of mmseg's data sets, or a
            ``ConcatDataset`` of them; its own pipeline is not used.
        support_pipeline (Sequence[dict]): Transforms of the supports, from
            loading to ``PackEpisodeInputs``.
        query_pipeline (Sequence[dict]): Transforms of the queries.
        num_episodes (int): Of one run.
        num_ways (int): W. Defaults to 1.
        num_shots (int): S. Defaults to 1.
        num_queries (int): Q. Defaults to 1.
        num_runs (int): Runs one after the other, each with its own seed.
            Defaults to 1.
        episodes_seed (int): Seed of the first run. Defaults to 0.
        folds (str | Sequence[Sequence[str]], optional): A benchmark
            ('pascal-5i', 'msrc-7i', 'toy-3i') or the class names of each
            fold. Needed with ``split``.
        fold (int): Which fold's classes are novel. Defaults to 0.
        split (str, optional): 'base' or 'novel'.
        classes (Sequence[str], optional): Names of the classes to draw, in
            place of ``folds`` and ``split``.
        min_area (float): What a class must cover for an image to count as
            holding it: pixels, or below 1 a share of the image. Defaults
            to 1.
        cache_dir (str, optional): Of the class index, see
            :func:`load_class_index`.

    Raises:
        InputError: If a class is unknown or has too few images, or as
            :func:`split_classes` and :func:`load_class_index` say.
    """

    def __init__(
        self,
        dataset: dict | BaseDataset,
        support_pipeline: Sequence[dict],
        query_pipeline: Sequence[dict],
        num_episodes: int,
        num_ways: int = 1,
        num_shots: int = 1,
        num_queries: int = 1,
        num_runs: int = 1,
        episodes_seed: int = 0,
        folds: str | Sequence[Sequence[str]] | None = None,
        fold: int = 0,
        split: str | None = None,
        classes: Sequence[str] | None = None,
        min_area: float = 1,
        cache_dir: str | None = None,
    ) -> None:
        for name, value in (
                ('num_episodes', num_episodes), ('num_ways', num_ways),
                ('num_shots', num_shots), ('num_queries', num_queries),
                ('num_runs', num_runs)):
            if type(value) is not int or value < 1:
                raise InputError(
                    f'expected {name} of 1 or more, got {value!r}')
        if type(episodes_seed) is not int or episodes_seed < 0:
            raise InputError(
                f'expected episodes_seed of 0 or more, got {episodes_seed!r}')
        if not isinstance(min_area, (int, float)) or not min_area > 0:
            raise InputError(
                'expected min_area above 0, in pixels or as a share, got '
                f'{min_area!r}')
        self.dataset = (
            _build(dataset) if isinstance(dataset, dict) else dataset)
        # Once: the host copies all of its metainfo whenever it is asked.
        self._classes = list(self.dataset.metainfo['classes'])
        self.support_pipeline = Compose(
            [TRANSFORMS.build(step) for step in support_pipeline])
        self.query_pipeline = Compose(
            [TRANSFORMS.build(step) for step in query_pipeline])
        self.num_episodes = num_episodes
        self.num_ways = num_ways
        self.num_shots = num_shots
        self.num_queries = num_queries
        self.num_runs = num_runs
        self.episodes_seed = episodes_seed
        self.folds = folds if isinstance(folds, str) else None
        self.fold = None if classes else fold
        self.min_area = min_area
        self.class_names = _class_names(classes, folds, fold, split)
        self.images_of = self._images_of_classes(cache_dir)

    def __len__(self) -> int:
        return self.num_runs * self.num_episodes

    def __getitem__(self, index: int) -> list[dict]:
        """Load one episode.

        Args:
            index (int): run * num_episodes + the episode's index in it.

        Returns:
            list[dict]: W * S supports, way by way, then Q queries, each a
            dict of ``inputs`` (3, H, W) and ``data_samples``.

        Raises:
            InputError: If an image cannot be loaded, or a support's mask is
                empty after the pipeline.
        """
        episode = self.episode(index)
        run = index // self.num_episodes
        task = dict(
            run=run,
            episode=episode.index,
            class_ids=list(episode.class_ids),
            class_names=[self._classes[c] for c in episode.class_ids])
        items: list[dict] = []
        for way, shots in enumerate(episode.supports, start=1):
            for shot, image in enumerate(shots):
                part = dict(role='support', way=way, shot=shot)
                entropy = (episode.seed, episode.index, 1, len(items))
                items.append(self._support(image, task | part, entropy))
        for query, (image, way) in enumerate(
                zip(episode.queries, episode.query_ways, strict=True)):
            part = dict(role='query', way=way)
            entropy = (episode.seed, episode.index, 2, query)
            items.append(self._load(
                image, self.query_pipeline, task | part, entropy))
        return items

    def episode(self, index: int) -> Episode:
        """Which images item ``index`` is made of; nothing is loaded."""
        if not 0 <= index < len(self):
            raise IndexError(f'episode {index} of {len(self)}')
        run, i = divmod(index, self.num_episodes)
        return draw_episode(
            self.images_of, self.episodes_seed + run, i,
            self.num_ways, self.num_shots, self.num_queries)

    @property
    def metainfo(self) -> dict:
        """The data set's own, and the classes drawn as ``class_names``."""
        return dict(
            self.dataset.metainfo,
            class_names=self.class_names,
            num_runs=self.num_runs)

    @cached_property
    def image_ids(self) -> list[str]:
        """Name of every image: its path below the folder of all images."""
        paths = [
            os.path.abspath(self.dataset.get_data_info(i)['img_path'])
            for i in range(len(self.dataset))]
        root = os.path.commonpath([os.path.dirname(path) for path in paths])
        return [Path(path).relative_to(root).as_posix() for path in paths]

    def episodes_sha256(self) -> str:
        """SHA-256 of all episodes, one JSON line each."""
        digest = hashlib.sha256()
        for index in range(len(self)):
            line = self.episode(index).to_json(
                self._classes, self.image_ids)
            digest.update(f'{line}\n'.encode())
        return digest.hexdigest()

    def _images_of_classes(self, cache_dir: str | None) -> dict:
        """Class id to the images that may be drawn for it."""
        known = self._classes
        unknown = [name for name in self.class_names if name not in known]
        if unknown:
            raise InputError(
                f'the classes {unknown} are not in the data set; expected '
                f'names of {known}')
        if len(self.class_names) < self.num_ways:
            raise InputError(
                f'num_ways={self.num_ways} needs as many classes, got the '
                f'{len(self.class_names)} {self.class_names}')
        index = self._class_index(len(known), cache_dir)
        needed = self.num_shots + self.num_queries
        images_of = {}
        for name in self.class_names:
            class_id = known.index(name)
            images = index.images_with(class_id, self.min_area)
            if len(images) < needed:
                of_fold = '' if self.fold is None else f' of fold {self.fold}'
                least = (
                    f'{self.min_area:g} pixels' if self.min_area >= 1
                    else f'{self.min_area:.1%} of the image')
                raise InputError(
                    f"class '{name}'{of_fold} has {len(images)} images with "
                    f'at least {least}, but num_shots={self.num_shots} and '
                    f'num_queries={self.num_queries} need {needed}; lower '
                    'min_area, num_shots or num_queries')
            images_of[class_id] = images
        return images_of

    def _class_index(self, num_classes: int,
                     cache_dir: str | None) -> ClassIndex:
        """Build on the main process first; the others find the cache."""
        loaders = [
            step for step in self.support_pipeline.transforms
            if isinstance(step, LoadAnnotations)]
        if not loaders:
            raise InputError(
                "support_pipeline needs dict(type='LoadAnnotations')")
        infos = [
            self.dataset.get_data_info(i) for i in range(len(self.dataset))]
        if not infos:
            raise InputError(
                'the data set has no images; check data_root, data_prefix '
                'and img_suffix')
        paths = Counter(os.path.abspath(info['img_path']) for info in infos)
        path, times = paths.most_common(1)[0]
        if times > 1:
            raise InputError(
                f'{path} is {times} times in the data set: an episode could '
                'draw it as support and as query; list every image once')
        if not is_main_process():
            barrier()
        index = load_class_index(infos, num_classes, loaders[0], cache_dir)
        if is_main_process():
            barrier()
        return index

    def _support(self, image: int, part: dict,
                 entropy: tuple[int, ...]) -> dict:
        """Load a support; augment anew where a crop has lost its class."""
        for attempt in range(_AUGMENTATION_TRIES):
            item = self._load(
                image, self.support_pipeline, part, (*entropy, attempt))
            sample = item['data_samples']
            if (sample.gt_sem_seg.data == part['way']).any():
                return item
        name = part['class_names'][part['way'] - 1]
        raise InputError(
            f'the support {sample.img_path} of class {name!r} has an empty '
            f'mask after support_pipeline, {_AUGMENTATION_TRIES} times; '
            f'raise min_area (now {self.min_area:g}) or crop less')

    def _load(self, image: int, pipeline: Compose, part: dict,
              entropy: tuple[int, ...]) -> dict:
        """Run a pipeline on one image, its random draws from ``entropy``."""
        info = self.dataset.get_data_info(image) | part
        try:
            with seeded(entropy):
                item = pipeline(info)
        except InputError:
            raise
        except Exception as error:
            raise InputError(
                f"{info['img_path']} with its mask {info['seg_map_path']} "
                f'could not be loaded ({type(error).__name__}: {error}); '
                'replace the file, take it off the list, or correct the '
                'pipeline') from error
        if item is None or 'data_samples' not in item:
            raise InputError(
                f"the pipeline gave no sample for {info['img_path']}: an "
                'episode cannot skip an image; end the pipeline with '
                "dict(type='PackEpisodeInputs')")
        return item


def _build(dataset: dict) -> BaseDataset:
    try:
        return DATASETS.build(dataset)
    except (AssertionError, OSError, ValueError) as error:
        roots = [
            one.get('data_root') for one in dataset.get('datasets', [dataset])]
        raise InputError(
            f"the images of {dataset['type']} could not be listed under "
            f'data_root={roots} ({error or "a folder or list is missing"}); '
            'correct it, or give it with --data-root') from error


def _class_names(classes: Sequence[str] | None,
                 folds: str | Sequence[Sequence[str]] | None, fold: int,
                 split: str | None) -> list[str]:
    if classes is not None and split is None:
        names = list(classes)
    elif classes is None and folds is not None and split is not None:
        names = split_classes(folds, fold, split)
    else:
        raise InputError(
            'expected either classes, or folds with fold and split, got '
            f'classes={classes!r}, folds={folds!r}, split={split!r}')
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(f'the classes {repeated} are named more than once')
    return names
