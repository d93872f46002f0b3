"""Drawing episodes: pure functions of (seed, index)."""
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError

_TRIES = 100
"""Draws of an N-way episode whose classes share few images, before giving up.
"""


@dataclass(frozen=True)
class Episode:
    """Which images play which part in one episode.

    Attributes:
        seed (int): With ``index``, all that the episode is made from.
        index (int): Its number among the episodes of that seed.
        class_ids (tuple[int, ...]): The class of each way, (W,).
        supports (tuple[tuple[int, ...], ...]): Image indices, (W, S).
        queries (tuple[int, ...]): Image indices, (Q,).
        query_ways (tuple[int, ...]): The way 1..W each query was drawn for.
    """

    seed: int
    index: int
    class_ids: tuple[int, ...]
    supports: tuple[tuple[int, ...], ...]
    queries: tuple[int, ...]
    query_ways: tuple[int, ...]

    def to_json(self, class_names: Sequence[str],
                image_ids: Sequence[str]) -> str:
        """One line that says the same without reference to an index.

        Args:
            class_names (Sequence[str]): Of the data set, by class id.
            image_ids (Sequence[str]): Of the data set, by image index.
        """
        return json.dumps({
            'seed': self.seed,
            'index': self.index,
            'class_ids': self.class_ids,
            'class_names': [class_names[c] for c in self.class_ids],
            'supports': [[image_ids[i] for i in shots]
                         for shots in self.supports],
            'queries': [image_ids[i] for i in self.queries],
            'query_ways': self.query_ways,
        })


def draw_episode(images_of: Mapping[int, np.ndarray],
                 seed: int,
                 index: int,
                 num_ways: int = 1,
                 num_shots: int = 1,
                 num_queries: int = 1) -> Episode:
    """Draw the classes first, then distinct images of each.

    No image is met twice in an episode, so a query is never a support of
    another way. Each query is drawn for a way chosen at random.

    Args:
        images_of (Mapping[int, np.ndarray]): Class id to the indices of the
            images that hold the class, at least num_shots + num_queries.
        seed (int): Of the run.
        index (int): Of the episode in its run.
        num_ways (int): W.
        num_shots (int): S.
        num_queries (int): Q.

    Returns:
        Episode: The same for the same arguments.

    Raises:
        InputError: If the drawn classes share so few images that they
            cannot all be given distinct ones.
    """
    rng = np.random.default_rng((seed, index))
    class_ids = rng.choice(
        np.array(sorted(images_of)), num_ways, replace=False)
    query_ways = rng.integers(num_ways, size=num_queries)
    wanted = num_shots + np.bincount(query_ways, minlength=num_ways)
    pools = [images_of[c] for c in class_ids]
    for _ in range(_TRIES):
        drawn = _draw_distinct(rng, pools, wanted.tolist())
        if drawn is not None:
            break
    else:
        raise InputError(
            f'classes {class_ids.tolist()} share too few images for '
            f'{num_ways} ways of {num_shots} shots and {num_queries} queries '
            'without repeats; lower num_ways, num_shots or min_area')
    left = [list(images[num_shots:]) for images in drawn]
    return Episode(
        seed=seed,
        index=index,
        class_ids=tuple(class_ids.tolist()),
        supports=tuple(
            tuple(images[:num_shots].tolist()) for images in drawn),
        queries=tuple(int(left[way].pop(0)) for way in query_ways),
        query_ways=tuple((1 + query_ways).tolist()),
    )


def _draw_distinct(rng: np.random.Generator, pools: Sequence[np.ndarray],
                   wanted: Sequence[int]) -> list[np.ndarray] | None:
    """Draw images from each pool, none twice; None where a pool runs dry."""
    drawn: dict[int, np.ndarray] = {}
    used = np.array([], dtype=int)
    # Rare classes choose first: the others have more to choose from.
    for way in sorted(range(len(pools)), key=lambda way: len(pools[way])):
        pool = np.setdiff1d(pools[way], used)
        if len(pool) < wanted[way]:
            return None
        drawn[way] = rng.choice(pool, wanted[way], replace=False)
        used = np.concatenate([used, drawn[way]])
    return [drawn[way] for way in range(len(pools))]
