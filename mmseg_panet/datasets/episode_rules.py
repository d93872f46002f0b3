"""The rules that define the episodes of an evaluation or of training."""
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset

from ..annotations.label_type import IGNORED
from ..errors import InputError, check_choice
from .class_index import ClassIndex
from .folds import hold_out, named_folds, portable_folds, split_classes
from .image_pool import NO_CLASSES, ImagePool

SAMPLINGS = ('class_first', 'image_first', 'pair_first')
NOVEL_PIXELS = ('background', 'ignore', 'drop')
# With the largest values: labels have 8 bits, and memory is limited.
_NUMBERS = {'num_ways': IGNORED - 1, 'num_shots': 10_000, 'num_runs': 10_000,
            'num_queries': 10_000, 'num_episodes': 10**9}


@dataclass(frozen=True, kw_only=True)
class EpisodeRules:
    """The rules of how episodes are sampled, and from which images.

    The fields are the keys of a manifest's header, in the same order, except
    ``novel_pixels``, which is not part of the header.

    Attributes:
        protocol (str, optional): Name of the rules.
        dataset (str): Type of the data set.
        pool (str, optional): Name of the image pool.
        folds (str | Sequence[Sequence[str]], optional): Folds as in
            :class:`EpisodicDataset`; None without ``split``.
        fold (int, optional): Index of the fold whose classes are novel.
        split (str, optional): 'base', 'novel' or 'all'.
        classes (Sequence[str]): Names of the classes to sample, or 'all'
            until the data set is known.
        class_ids (Sequence[int]): Ids of the classes to sample.
        num_ways (int): Number of ways W of an episode.
        num_shots (int): Number of shots S per way.
        num_queries (int): Number of queries Q of an episode.
        num_runs (int): Number of consecutive runs.
        num_episodes (int): Number of episodes per run.
        seeds (Sequence[int]): Seeds of the runs.
        sampling (str): Order of sampling, see :func:`sample_episode`.
        repeat_supports (bool): Whether an image may be several supports of a
            way.
        min_area (float): Minimum area of a class in a support, and in the
            query sampled for it: a number of pixels or, below 1, a fraction
            of the image.
        num_images (int): Number of images of the data set.
        index_sha256 (str): Hash of the images, see :attr:`ImagePool.sha256`.
        novel_pixels (str): Novel pixels as in :class:`EpisodicDataset`.

    Raises:
        InputError: If a rule is out of its range.
    """

    protocol: str | None
    dataset: str = ''
    pool: str | None
    folds: str | Sequence[Sequence[str]] | None
    fold: int | None
    split: str | None
    classes: Sequence[str]
    class_ids: Sequence[int] = ()
    num_ways: int
    num_shots: int
    num_queries: int
    num_runs: int
    num_episodes: int
    seeds: Sequence[int]
    sampling: str
    repeat_supports: bool
    min_area: float
    num_images: int = 0
    index_sha256: str = ''
    novel_pixels: str = 'background'

    def __post_init__(self) -> None:
        for name, most in _NUMBERS.items():
            _check_number(name, getattr(self, name), 1, most)
        _require(len(self.seeds) == self.num_runs, (
            f'expected a seed for each of {self.num_runs} runs, got '
            f'{self.seeds}'))
        area, repeat = self.min_area, self.repeat_supports
        _require(isinstance(area, (int, float)) and 0 < area < math.inf, (
            'expected min_area above 0, in pixels or as a fraction, got '
            f'{area!r}'))
        _require(type(repeat) is bool, (
            f'expected repeat_supports of True or False, got {repeat!r}'))
        sampling, novel = self.sampling, self.novel_pixels
        check_choice('sampling', sampling, SAMPLINGS)
        check_choice('novel_pixels', novel, NOVEL_PIXELS)
        no_novel = novel == 'background' or self.classes == 'all'
        _require(no_novel or self.split == 'base', (
            f"novel_pixels='{novel}' is for episodes of base classes of "
            f'folds, got folds={self.folds!r} and split={self.split!r}'))

    @classmethod
    def from_settings(cls, *, classes: Sequence[str] | None,
                      folds: str | Sequence[Sequence[str]] | None,
                      fold: int, split: str | None, num_runs: int,
                      episodes_seed: int, **others: Any) -> 'EpisodeRules':
        """Build the rules from arguments of :class:`EpisodicDataset`.

        Args:
            classes (Sequence[str], optional): Names of the classes.
            folds (str | Sequence[Sequence[str]], optional): Folds.
            fold (int): Index of the fold.
            split (str, optional): 'base', 'novel' or 'all'.
            num_runs (int): Number of runs.
            episodes_seed (int): Seed of the first run; the others follow it.
            **others: Other attributes of the rules, by their names.

        Raises:
            InputError: If a setting is missing or out of its range.
        """
        folds = portable_folds(folds)
        if classes is None and folds is not None and split is not None:
            classes = split_classes(folds, fold, split)
        elif classes is None or split is not None:
            raise InputError(
                'expected either classes, or folds with fold and split, got '
                f'classes={classes!r}, folds={folds!r}, split={split!r}')
        _check_number('episodes_seed', episodes_seed, 0)
        _check_number('num_runs', num_runs, 1, _NUMBERS['num_runs'])
        return cls(
            classes=classes, split=split,
            folds=None if split is None else folds,
            fold=None if split in (None, 'all') else fold, num_runs=num_runs,
            seeds=[episodes_seed + run for run in range(num_runs)], **others)

    @classmethod
    def from_header(cls, header: dict) -> 'EpisodeRules':
        """Build the rules from a manifest's header.

        Raises:
            ValueError: If the header lacks a rule.
            InputError: If a rule is out of its range.
        """
        names = {field.name for field in fields(cls)} - {'novel_pixels'}
        if not names <= set(header):
            raise ValueError(f'it lacks {sorted(names - set(header))}')
        # Users may add other keys as comments.
        return cls(**{name: header[name] for name in names})

    def header(self) -> dict:
        """Return the header of a manifest, without its format."""
        rules = vars(self).items()
        return {name: rule for name, rule in rules if name != 'novel_pixels'}

    def named(self, classes: Sequence[str]) -> 'EpisodeRules':
        """Replace 'all' by the names of the classes.

        Args:
            classes (Sequence[str]): Names of the data set's classes, by id.
        """
        if self.classes != 'all':
            return replace(self, classes=list(self.classes))
        # Data sets with separate lists, such as FSS-1000, have no novel
        # classes among these.
        return replace(
            self, novel_pixels='background',
            classes=[name for name in classes if name not in NO_CLASSES])

    def for_images(self, images: ImagePool) -> 'EpisodeRules':
        """Return the rules with the attributes that describe the images.

        Args:
            images (ImagePool): Images to sample from.

        Raises:
            InputError: If classes are unknown, repeated or too few.
        """
        rules = self.named(images.classes)
        names = list(rules.classes)
        repeated = sorted({name for name in names if names.count(name) > 1})
        _require(not repeated, (
            f'the classes {repeated} are named more than once'))
        _require(len(names) >= self.num_ways, (
            f'num_ways={self.num_ways} needs as many classes, got the '
            f'{len(names)} {names}'))
        return replace(
            rules, dataset=type(images.dataset).__name__,
            class_ids=images.class_ids(names),
            num_images=len(images.image_ids), index_sha256=images.sha256)

    @property
    def all_folds(self) -> Sequence[Sequence[str]]:
        """The novel classes of every fold; empty without folds."""
        return [] if self.folds is None else named_folds(self.folds)

    @property
    def novel_classes(self) -> list[str]:
        """The novel classes of ``fold``; empty if none are held out."""
        return split_classes(self.all_folds, self.fold, 'novel') if (
            self.fold is not None and hold_out(self.all_folds)) else []

    def in_all_folds(self) -> list['EpisodeRules']:
        """Return the rules for every fold; only these without a fold."""
        if self.folds is None or self.fold is None or self.split is None:
            return [self]
        return [
            replace(self, fold=fold, classes=split_classes(
                self.folds, fold, self.split))
            for fold in range(len(self.all_folds))]

    def images_of(self, classes: Sequence[str], index: ClassIndex,
                  min_area: float) -> dict[str, np.ndarray]:
        """Find the images that may be sampled for each class.

        Args:
            classes (Sequence[str]): Names of the data set's classes, by id.
            index (ClassIndex): Class index of the data set.
            min_area (float): Minimum area of a class: a number of pixels or,
                below 1, a fraction of the image.

        Returns:
            dict[str, np.ndarray]: Indices of images by class, for the
            classes that are in the data set.
        """
        left_out = images_showing(
            self.novel_classes if self.novel_pixels == 'drop' else (),
            classes, index)
        return {
            name: np.setdiff1d(
                index.images_with(classes.index(name), min_area), left_out)
            for name in self.classes if name in classes}

    @property
    def images_needed(self) -> int:
        """The number of images of a class that an episode requires."""
        supports = 1 if self.repeat_supports else self.num_shots
        return supports + self.num_queries

    @property
    def needs(self) -> str:
        """The clause of messages about the images that are needed."""
        return (
            f'num_shots={self.num_shots} and num_queries={self.num_queries} '
            f'need {self.images_needed}')

    @property
    def least_area(self) -> str:
        """The minimum area of a class, as text."""
        area = self.min_area
        return f'{area:g} pixels' if area >= 1 else f'{area:.1%} of the image'


def choose_pool(dataset: dict | BaseDataset | None,
                pools: dict[str, dict] | None,
                pool: str | None) -> dict | BaseDataset:
    """Select the data set, or else the pool of the given name.

    Args:
        dataset (dict | BaseDataset, optional): Data set or its config.
        pools (dict[str, dict], optional): Configs of data sets by name.
        pool (str, optional): Name of one of the pools.

    Raises:
        InputError: If there is neither a data set nor such a pool.
    """
    if dataset is not None:
        return dataset
    if pools and pool in pools:
        return pools[pool]
    raise InputError(
        'expected a dataset, or pools and the name of one of them as pool, '
        f'got dataset=None, pools={sorted(pools or ())} and pool={pool!r}')


def images_showing(names: Collection[str], classes: Sequence[str],
                   index: ClassIndex) -> np.ndarray:
    """Find the images that have a pixel of at least one of the classes.

    Args:
        names (Collection[str]): Names of the classes to find.
        classes (Sequence[str]): Names of the data set's classes, by id.
        index (ClassIndex): Class index of the data set.

    Returns:
        np.ndarray: Indices of the images, ascending.
    """
    ids = [i for i, name in enumerate(classes) if name in names]
    return np.flatnonzero(index.counts[:, ids].any(1))


def _check_number(name: str, value: Any, least: int,
                  most: float = math.inf) -> None:
    _require(type(value) is int and value >= least, (
        f'expected {name} of {least} or more, got {value!r}'))
    _require(value <= most, f'expected {name} of {most} or less, got {value}')


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise InputError(sentence)
