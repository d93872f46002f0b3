"""A data set of episodes, sampled from any data set of mmseg."""
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from mmcv.transforms import Compose
from mmengine.dataset import BaseDataset
from mmseg.registry import DATASETS, TRANSFORMS
from torch.utils.data import Dataset

from ..errors import InputError, loading_context
from .cached_pipeline import cached_pipeline
from .episode_rules import EpisodeRules, choose_pool
from .image_pool import ImagePool
from .manifest import manifest_lines, read_episodes, read_rules
from .randomness import seeded
from .sampling import Episode, SampledEpisodes
from .transforms.dependence import dependence

_AUGMENTATION_TRIES = 100
"""Number of augmentations tried for a support whose mask becomes empty."""
_GROWTH_TRIES = 8
"""Maximum number of pixels by which its mask is grown after that."""


@DATASETS.register_module()
class EpisodicDataset(Dataset):
    """A data set whose items are episodes sampled from another data set.

    Item ``run * num_episodes + i`` is a pure function of
    ``(episodes_seed + run, i)``, including its augmentations, for any number
    of workers. Pixels of classes outside the episode are background.

    Args:
        dataset (dict | BaseDataset, optional): Any data set of mmseg, or a
            ``ConcatDataset`` of them, in place of ``pools``. Its pipeline is
            not used.
        support_pipeline (Sequence[dict]): Transforms of the supports, from
            loading to ``PackEpisodeInputs``.
        query_pipeline (Sequence[dict]): Transforms of the queries.
            Predictions are resized to the size of its masks, and are
            compared with the ground truth there.
        num_episodes (int): Number of episodes per run. Defaults to 1000.
        num_ways (int): Number of ways W of an episode. Defaults to 1.
        num_shots (int): Number of shots S per way. Defaults to 1.
        num_queries (int): Number of queries Q of an episode. Defaults to 1.
        num_runs (int): Number of consecutive runs, each with a different
            seed. Defaults to 1.
        episodes_seed (int): Seed of the first run. Defaults to 0.
        folds (str | Sequence[Sequence[str]], optional): Key of :data:`FOLDS`
            ('pascal-5i', ...), file of :func:`read_folds`, or the class names
            of each fold. Required with ``split``.
        fold (int): Index of the fold whose classes are novel. Defaults to 0.
        split (str, optional): Classes to sample, 'base', 'novel' or 'all' of
            the folds.
        classes (Sequence[str] | str, optional): Names of the classes to
            sample, in place of ``folds`` and ``split``; 'all' for all
            classes except the background.
        pools (dict[str, dict], optional): Data sets by name, such as 'train'
            and 'val'.
        pool (str, optional): Name of the pool to sample from.
        sampling (str): Order of sampling, 'class_first', 'image_first' or
            'pair_first', see :func:`sample_episode`. Defaults to
            'class_first'.
        repeat_supports (bool): Whether an image may be several supports of a
            way. Defaults to False.
        min_area (float): Minimum area of a class in a support, and in the
            query sampled for it: a number of pixels or, below 1, a fraction
            of the image. Defaults to 1.
        novel_pixels (str): Treatment of novel classes' pixels in episodes of
            a fold's base classes: 'background', 'ignore' (255), or 'drop' to
            exclude every image with such a pixel. Defaults to 'background'.
        protocol (str, optional): Name of the rules, for the record.
        manifest (str, optional): File of ``mmseg-panet make-episodes`` whose
            episodes are used instead of sampled ones. Its rules override all
            settings except ``novel_pixels``.
        cache_dir (str, optional): Folder of the class index, see
            :func:`load_class_index`.
        cache_images (bool): Whether to cache the results of the pipelines'
            first steps in ``cache_dir``, see :func:`split_steps`. The items
            are the same. Defaults to False.

    Attributes:
        images (ImagePool): Images that the episodes are sampled from.
        dataset (BaseDataset): Data set of these images.
        rules (EpisodeRules): Rules by which the episodes are sampled.
        episodes (Sequence[Episode]): Episodes of the items.
        class_names (list[str]): Names of the classes that are sampled.
        ignored_ids (list[int]): Ids of classes whose pixels become 255.

    Raises:
        InputError: If a class is unknown or has too few images, or as for
            :class:`EpisodeRules`, :class:`ImagePool` and
            :func:`read_episodes`.
    """

    def __init__(self, dataset: dict | BaseDataset | None = None,
                 support_pipeline: Sequence[dict] = (),
                 query_pipeline: Sequence[dict] = (),
                 num_episodes: int = 1000, num_ways: int = 1,
                 num_shots: int = 1, num_queries: int = 1,
                 num_runs: int = 1, episodes_seed: int = 0,
                 folds: str | Sequence[Sequence[str]] | None = None,
                 fold: int = 0, split: str | None = None,
                 classes: Sequence[str] | str | None = None,
                 pools: dict[str, dict] | None = None,
                 pool: str | None = None, sampling: str = 'class_first',
                 repeat_supports: bool = False, min_area: float = 1,
                 novel_pixels: str = 'background',
                 protocol: str | None = None, manifest: str | None = None,
                 cache_dir: str | None = None,
                 cache_images: bool = False) -> None:
        self.support_pipeline, self.query_pipeline = (
            Compose([TRANSFORMS.build(step) for step in steps])
            for steps in (support_pipeline, query_pipeline))
        if manifest is None:
            rules = EpisodeRules.from_settings(
                protocol=protocol, pool=pool if dataset is None else None,
                folds=folds, fold=fold, split=split, classes=classes,
                num_ways=num_ways, num_shots=num_shots,
                num_queries=num_queries, num_runs=num_runs,
                num_episodes=num_episodes, episodes_seed=episodes_seed,
                sampling=sampling, repeat_supports=repeat_supports,
                min_area=min_area, novel_pixels=novel_pixels)
        else:
            rules = read_rules(manifest)
            pool = rules.pool
            if classes != 'all':
                rules = replace(rules, novel_pixels=novel_pixels)
        self.images = ImagePool.loaded_by(
            self.support_pipeline.transforms,
            choose_pool(dataset, pools, pool), cache_dir)
        self.dataset = self.images.dataset
        if cache_images:
            infos = self.images.infos()
            self.support_pipeline, self.query_pipeline = (
                cached_pipeline(pipeline, infos, cache_dir) for pipeline in (
                    self.support_pipeline, self.query_pipeline))
        # Without random transforms, all tries give the same result.
        self._tries = _AUGMENTATION_TRIES if 'chance' in map(
            dependence, self.support_pipeline.transforms) else 1
        self.rules = rules if manifest else rules.for_images(self.images)
        self.episodes: Sequence[Episode] = (
            read_episodes(manifest, self.rules, self.images) if manifest
            else SampledEpisodes(self.images, self.rules))
        novel = [] if self.rules.novel_pixels == 'background' else (
            self.images.class_ids(self.rules.novel_classes))
        self.class_names = list(self.rules.classes)
        self.ignored_ids = novel if self.rules.novel_pixels == 'ignore' else []

    def __len__(self) -> int:
        return len(self.episodes)

    def __getitem__(self, index: int) -> list[dict]:
        """Load one episode.

        Args:
            index (int): ``run * num_episodes`` plus the episode's index in
                the run.

        Returns:
            list[dict]: W * S supports, way by way, and then Q queries, each
            a dict of ``inputs`` (3, H, W) and ``data_samples``.

        Raises:
            InputError: If an image cannot be loaded, or a support's mask is
                empty after the pipeline.
        """
        episode = self.episode(index)
        task = dict(
            self._labels_of(episode.class_ids), episode=episode.index,
            run=index // self.rules.num_episodes)
        seed = (episode.seed, episode.index)
        items: list[dict] = []
        for way, shots in enumerate(episode.supports, start=1):
            for shot, image in enumerate(shots):
                part = dict(role='support', way=way, shot=shot)
                items.append(self._support(
                    image, task | part, (*seed, 1, len(items))))
        for query, image in enumerate(episode.queries):
            part = dict(role='query', way=episode.query_ways[query])
            items.append(self._load(
                image, self.query_pipeline, task | part, (*seed, 2, query)))
        return items

    def episode(self, index: int) -> Episode:
        """Return the episode of item ``index`` without loading its images."""
        return self.episodes[index]

    def full_init(self) -> None:
        """Do nothing; mmengine's wrappers call it, and all is loaded."""

    def get_data_info(self, idx: int) -> dict:
        """Describe one episode without loading its images.

        Args:
            idx (int): Index of the item, see :meth:`__getitem__`.

        Returns:
            dict: ``run``, ``episode``, ``class_ids`` of the ways, and mmseg's
            data infos of ``supports``, W lists of S, and of ``queries``.
        """
        episode, info = self.episode(idx), self.dataset.get_data_info
        return dict(
            run=idx // self.rules.num_episodes, episode=episode.index,
            class_ids=list(episode.class_ids),
            supports=[list(map(info, shots)) for shots in episode.supports],
            queries=list(map(info, episode.queries)))

    def get_cat_ids(self, idx: int) -> list[int]:
        """Refuse the ``ClassBalancedDataset`` of mmengine, which calls it."""
        raise InputError(
            'expected an EpisodicDataset without a ClassBalancedDataset '
            'around it, as episodes are sampled with the same probability '
            "for each class (sampling='class_first'); remove the wrapper")

    def labelled_image(self, image: int, class_ids: Sequence[int],
                       role: str) -> dict:
        """Load an image that is not part of an episode.

        Args:
            image (int): Index of the image in the data set.
            class_ids (Sequence[int]): Ids of classes. Element i gets the
                label 1 + i.
            role (str): 'support' or 'query', which selects the pipeline. The
                first class is the way of a support.

        Returns:
            dict: ``inputs`` (3, H, W) and ``data_samples``.

        Raises:
            InputError: If the image cannot be loaded.
        """
        part = dict(self._labels_of(class_ids), role=role, way=1, shot=0)
        return self._load(
            image, getattr(self, f'{role}_pipeline'), part, (0,))

    def _labels_of(self, class_ids: Sequence[int]) -> dict:
        """Return the keys that ``EpisodeLabels`` requires."""
        return dict(
            class_ids=list(class_ids),
            class_names=[self.images.classes[c] for c in class_ids],
            num_classes=len(self.images.classes),
            ignored_ids=self.ignored_ids)

    @property
    def header(self) -> dict:
        """The rules in the form of a manifest's header."""
        return self.rules.header()

    @property
    def metainfo(self) -> dict:
        """The data set's metainfo, with ``class_names`` and ``num_runs``."""
        return dict(self.dataset.metainfo, class_names=self.class_names,
                    num_runs=self.rules.num_runs)

    def manifest_lines(self) -> Iterator[str]:
        """Format the manifest of these episodes, line by line."""
        return manifest_lines(self.rules, self.episodes, self.images)

    def manifest_sha256(self) -> str:
        """Compute the SHA-256 of the file of :meth:`manifest_lines`."""
        lines = ''.join(self.manifest_lines())
        return hashlib.sha256(lines.encode()).hexdigest()

    def _support(self, image: int, part: dict,
                 entropy: tuple[int, ...]) -> dict:
        """Load a support, and retry if its mask has lost the class.

        A random crop may miss the object, so the image is augmented again.
        Finally, an object that is too small for the resizes is grown.
        """
        for attempt in range(self._tries + _GROWTH_TRIES):
            grow = max(0, attempt + 1 - self._tries)
            item = self._load(
                image, self.support_pipeline, part | dict(grow=grow),
                (*entropy, attempt))
            sample = item['data_samples']
            if (sample.gt_sem_seg.data == part['way']).any():
                return item
        name = part['class_names'][part['way'] - 1]
        raise InputError(
            f'the support {sample.img_path} of class {name!r} has an empty '
            f'mask after support_pipeline, in {self._tries} tries and grown '
            f'by {_GROWTH_TRIES} pixels; increase min_area, crop less, or '
            'correct its annotation')

    def _load(self, image: int, pipeline: Compose, part: dict,
              entropy: tuple[int, ...]) -> dict:
        """Run a pipeline on one image with random numbers of ``entropy``."""
        info = self.dataset.get_data_info(image) | part | dict(
            image_id=self.images.image_ids[image], image_index=image)
        with loading_context(info), seeded(entropy):
            item = pipeline(info)
        if item is None or 'data_samples' not in item:
            raise InputError(
                f"the pipeline returned no sample for {info['img_path']}: an "
                'episode cannot skip an image; end the pipeline with '
                "dict(type='PackEpisodeInputs')")
        return item
