"""Sampling of episodes as pure functions of (seed, index)."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..errors import InputError
from .episode_rules import EpisodeRules
from .image_pool import ImagePool

_TRIES = 100
"""Maximum number of tries to find distinct images for all ways."""


@dataclass(frozen=True)
class Episode:
    """The classes and the images of one episode.

    Attributes:
        seed (int): Seed of the run, which determines the episode together
            with ``index``.
        index (int): Index of the episode among those of the seed.
        class_ids (tuple[int, ...]): Classes of the ways, (W,).
        supports (tuple[tuple[int, ...], ...]): Indices of the support
            images, (W, S).
        queries (tuple[int, ...]): Indices of the query images, (Q,).
        query_ways (tuple[int, ...]): Ways 1..W that the queries were sampled
            for, (Q,).
    """

    seed: int
    index: int
    class_ids: tuple[int, ...]
    supports: tuple[tuple[int, ...], ...]
    queries: tuple[int, ...]
    query_ways: tuple[int, ...]


class SampledEpisodes(Sequence[Episode]):
    """The episodes of all runs, each sampled when it is accessed.

    Args:
        images (ImagePool): Images to sample from.
        rules (EpisodeRules): Rules with the attributes of the images, see
            :meth:`EpisodeRules.for_images`.

    Raises:
        InputError: If a class has too few images.
    """

    def __init__(self, images: ImagePool, rules: EpisodeRules) -> None:
        self.rules = rules
        self._images_of, self._shown_in = (
            dict(zip(rules.class_ids, rules.images_of(
                images.classes, images.index, area).values(), strict=True))
            for area in (rules.min_area, 1))
        for name, (class_id, found) in zip(
                rules.classes, self._images_of.items(), strict=True):
            if len(found) < rules.images_needed:
                of_fold = '' if rules.fold is None else (
                    f' of fold {rules.fold}')
                remedy = images.index.absence_remedy(class_id, name)
                if remedy:
                    raise InputError(
                        f"class '{name}'{of_fold} occurs in no mask, but "
                        f'{rules.needs} images of it; {remedy}')
                raise InputError(
                    f"class '{name}'{of_fold} has {len(found)} images with "
                    f'at least {rules.least_area}, but {rules.needs}; lower '
                    'min_area, num_shots or num_queries')

    def __len__(self) -> int:
        return self.rules.num_runs * self.rules.num_episodes

    def __getitem__(self, index: int) -> Episode:  # type: ignore[override]
        if not 0 <= index < len(self):
            raise IndexError(f'episode {index} of {len(self)}')
        rules = self.rules
        run, i = divmod(index, rules.num_episodes)
        return sample_episode(
            self._images_of, rules.seeds[run], i, rules.num_ways,
            rules.num_shots, rules.num_queries, rules.sampling,
            rules.repeat_supports, self._shown_in)


def sample_episode(images_of: Mapping[int, np.ndarray], seed: int, index: int,
                   num_ways: int = 1, num_shots: int = 1,
                   num_queries: int = 1, sampling: str = 'class_first',
                   repeat_supports: bool = False,
                   shown_in: Mapping[int, np.ndarray] | None = None
                   ) -> Episode:
    """Sample the classes and the images of one episode.

    There are three orders of sampling:

    - 'class_first' samples the ways, and then the images of each. The way of
      a query is uniform among the ways.
    - 'image_first' samples a query among all images, then one of the classes
      in it, then the other ways and the supports.
    - 'pair_first' starts with a pair of an image and a class in it instead,
      so that frequent classes are sampled more often.

    Every image has one role in an episode, so that a query is never a
    support of another way.

    Args:
        images_of (Mapping[int, np.ndarray]): Indices of the images that may
            be sampled for each class id, at least num_shots + num_queries.
        seed (int): Seed of the run.
        index (int): Index of the episode in its run.
        num_ways (int): Number of ways W. Defaults to 1.
        num_shots (int): Number of shots S per way. Defaults to 1.
        num_queries (int): Number of queries Q. Defaults to 1.
        sampling (str): One of :data:`SAMPLINGS`. Defaults to 'class_first'.
        repeat_supports (bool): Whether an image may be several supports of a
            way. Defaults to False.
        shown_in (Mapping[int, np.ndarray], optional): Indices of the images
            with any pixel of each class id. With 'image_first', a query's
            class may be smaller in it than ``images_of`` requires. Defaults
            to ``images_of``.

    Returns:
        Episode: The episode, which is the same for the same arguments.

    Raises:
        InputError: If the sampled classes share so few images that there are
            not enough distinct ones for all ways.

    Example:
        >>> images_of = {3: np.array([0, 1, 2]), 7: np.array([4, 5, 6])}
        >>> episode = sample_episode(images_of, seed=0, index=0, num_shots=2)
        >>> episode.class_ids, episode.supports, episode.queries
        ((7,), ((5, 6),), (4,))
    """
    rng = np.random.default_rng((seed, index))
    if sampling == 'class_first':
        class_ids = rng.choice(
            np.array(sorted(images_of)), num_ways, replace=False).tolist()
        query_ways = rng.integers(num_ways, size=num_queries).tolist()
        queries: list[int] = []
    else:
        class_ids, queries, query_ways = _sample_queries(
            rng, images_of, shown_in or images_of, num_ways, num_queries,
            pairs=sampling == 'pair_first')
    # Number of queries of each way that are not sampled yet.
    wanted = np.bincount(
        query_ways[len(queries):], minlength=num_ways).tolist()
    for _ in range(_TRIES):
        of_ways = _sample_distinct(
            rng, [images_of[c] for c in class_ids], num_shots, wanted,
            queries, repeat_supports)
        if of_ways:
            break
    else:
        raise InputError(
            f'classes {class_ids} share too few images for {num_ways} ways '
            f'of {num_shots} shots and {num_queries} queries without '
            'repeats; lower num_ways, num_shots or min_area')
    return Episode(
        seed, index, tuple(class_ids),
        tuple(tuple(of_ways[way][0]) for way in range(num_ways)),
        tuple(queries or [of_ways[way][1].pop(0) for way in query_ways]),
        tuple(1 + way for way in query_ways))


def _sample_queries(rng: np.random.Generator,
                    images_of: Mapping[int, np.ndarray],
                    shown_in: Mapping[int, np.ndarray], num_ways: int,
                    num_queries: int, pairs: bool
                    ) -> tuple[list[int], list[int], list[int]]:
    """Sample queries first, and return classes, queries and ways from 0."""
    sample_pair = partial(_sample_pair, rng, images_of, shown_in, pairs)
    classes = sorted(images_of)
    image, first = sample_pair(classes, [])
    others = rng.choice(
        [c for c in classes if c != first], num_ways - 1, replace=False)
    class_ids = rng.permutation([first, *others.tolist()]).tolist()
    asked = {image: first}
    while len(asked) < num_queries:
        image, class_id = sample_pair(class_ids, list(asked))
        asked[image] = class_id
    return class_ids, list(asked), [class_ids.index(c) for c in asked.values()]


def _sample_pair(rng: np.random.Generator, images_of: Mapping[int, np.ndarray],
                 shown_in: Mapping[int, np.ndarray], pairs: bool,
                 classes: Sequence[int], used: Sequence[int]
                 ) -> tuple[int, int]:
    """Sample an image of any of the classes, and a class in it."""
    candidates = [np.setdiff1d(images_of[c], used) for c in classes]
    if pairs:
        ends = np.cumsum([len(images) for images in candidates])
        pair = int(rng.integers(ends[-1]))
        way = int(np.searchsorted(ends, pair, side='right'))
        return int(candidates[way][pair - ends[way]]), classes[way]
    image = int(rng.choice(np.unique(np.concatenate(candidates))))
    return image, int(rng.choice([c for c in classes if image in shown_in[c]]))


def _sample_distinct(
        rng: np.random.Generator, images_of: Sequence[np.ndarray],
        num_shots: int, num_queries: Sequence[int], used: Sequence[int],
        repeat: bool) -> dict[int, tuple[list[int], list[int]]]:
    """Sample distinct supports and queries by way.

    With ``repeat``, supports of a way may be the same image. The result is
    empty if a way has too few images left.
    """
    sampled = {}
    taken = np.array(used, dtype=int)
    distinct = 1 if repeat else num_shots
    # Rare classes come first, as the others have more images left.
    for way in sorted(
            range(len(images_of)), key=lambda way: len(images_of[way])):
        left = np.setdiff1d(images_of[way], taken)
        needed = distinct + num_queries[way]
        if len(left) < needed:
            return {}
        images = rng.choice(left, needed, replace=False)
        supports, queries = images[:distinct], images[distinct:]
        if repeat:
            supports = rng.choice(
                np.setdiff1d(left, queries), num_shots, replace=True)
        sampled[way] = supports.tolist(), queries.tolist()
        taken = np.concatenate([taken, supports, queries])
    return sampled
