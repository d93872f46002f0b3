"""How far a score can be trusted: its episodes are sampled again.

A score here is one of ``2 + C`` numbers in percent: mIoU, FB-IoU and the IoU
of each of C classes. As in :func:`~.scores.summarise`, pixels are summed over
the episodes of a run before they are divided, a class without pixels is left
out of the means, and the runs are averaged. No error of a single episode is
therefore at hand to average; resampling recomputes the complete score instead.

What varies is the sample of episodes and nothing else: neither the images of
the pool, which the episodes share, nor the training.
"""
import warnings
from collections.abc import Callable, Sequence

import numpy as np

from ..errors import InputError
from .episode_table import EpisodeTable
from .scores import known_mean, ratio, table_scores

_CHUNK = 100
"""Resamples at a time: for 5,000 episodes of a run, weights of 4 MB."""

_Sampler = Callable[[np.random.Generator, np.ndarray, int], np.ndarray]


def bootstrap_interval(table: EpisodeTable, class_ids: Sequence[int],
                       num_resamples: int = 2000, seed: int = 0) -> np.ndarray:
    """95% percentile interval of every score over the episodes.

    The episodes of each run are sampled again with replacement, as many as it
    has, and the scores are computed from them; the interval is from the 2.5th
    to the 97.5th percentile of those (Efron and Tibshirani, An Introduction to
    the Bootstrap, 1993, chapter 13).

    Args:
        table (EpisodeTable): Of all runs.
        class_ids (Sequence[int]): C classes, all of the table's among them.
        num_resamples (int): Defaults to 2000.
        seed (int): The same gives the same interval. Defaults to 0.

    Returns:
        np.ndarray: (2, 2 + C), low and high of the scores of
        :func:`table_scores`.
    """
    scores = _sampled([table], class_ids, _resample, num_resamples, seed)
    return _percentiles(scores[:, 0])


def paired_interval(a: EpisodeTable, b: EpisodeTable, class_ids: Sequence[int],
                    num_resamples: int = 2000, seed: int = 0) -> np.ndarray:
    """95% percentile interval of every difference ``B - A``.

    As :func:`bootstrap_interval`, with the same episodes for both: what
    makes an episode hard for both models cancels.

    Args:
        a (EpisodeTable): Of all runs.
        b (EpisodeTable): Of the same episodes.
        class_ids (Sequence[int]): C classes, all of the tables' among them.
        num_resamples (int): Defaults to 2000.
        seed (int): The same gives the same interval. Defaults to 0.

    Returns:
        np.ndarray: (2, 2 + C), low and high, in percentage points.

    Raises:
        InputError: If the tables are of different episodes.
    """
    scores = _sampled([a, b], class_ids, _resample, num_resamples, seed)
    return _percentiles(scores[:, 1] - scores[:, 0])


def permutation_p(a: EpisodeTable, b: EpisodeTable, class_ids: Sequence[int],
                  num_permutations: int = 2000, seed: int = 0) -> np.ndarray:
    """Two-sided p-value of every difference, by a paired permutation test.

    Were A and B equally good, it would not matter which of them an episode's
    counts came from: A and B are swapped in each episode with probability
    1/2, and p is how often the difference is then at least as large as the
    one found, ``(1 + count) / (1 + num_permutations)``, the found one counted
    as a permutation (Efron and Tibshirani, 1993, chapter 15). The p-values of
    single classes are not corrected for there being C of them.

    Args:
        a (EpisodeTable): Of all runs.
        b (EpisodeTable): Of the same episodes.
        class_ids (Sequence[int]): C classes, all of the tables' among them.
        num_permutations (int): Defaults to 2000.
        seed (int): The same gives the same p-values. Defaults to 0.

    Returns:
        np.ndarray: (2 + C,), above 0 and at most 1; nan for a class never
        sampled.

    Raises:
        InputError: If the tables are of different episodes.
    """
    scores = _sampled([a, b], class_ids, _swap, num_permutations, seed)
    found = table_scores(b, class_ids) - table_scores(a, class_ids)
    differences = scores[:, 1] - scores[:, 0]  # (num_permutations, 2 + C)
    # The sums are exact integers, their ratios are rounded.
    extreme = np.abs(differences) >= np.abs(found) - 1e-9
    known = ~np.isnan(differences)
    p = (1 + extreme.sum(0)) / (1 + known.sum(0))
    return np.where(np.isnan(found), np.nan, p)


def _by_run(tables: Sequence[EpisodeTable],
            class_ids: Sequence[int]) -> list[np.ndarray]:
    """Counts of T tables, for each run float64 (E, T, 2, C + 2)."""
    first = tables[0]
    for table in tables[1:]:
        if not all(np.array_equal(getattr(first, name), getattr(table, name))
                   for name in ('runs', 'episodes', 'class_ids')):
            raise InputError(
                'expected two results of the same episodes, got different '
                'ones; test both on one manifest')
    counts = np.stack([table.counts(class_ids) for table in tables], axis=1)
    return [counts[first.runs == run].astype(float)
            for run in np.unique(first.runs)]


def _sampled(tables: Sequence[EpisodeTable], class_ids: Sequence[int],
             sampler: _Sampler, num_samples: int, seed: int) -> np.ndarray:
    """Scores (num_samples, T, 2 + C) of sums sampled at random."""
    runs = _by_run(tables, class_ids)
    rng = np.random.default_rng(seed)
    scores = []
    for start in range(0, num_samples, _CHUNK):
        size = min(_CHUNK, num_samples - start)
        sums = np.stack([sampler(rng, run, size) for run in runs], axis=-3)
        scores.append(_scores(sums))  # sums: (size, T, runs, 2, C + 2)
    return np.concatenate(scores)


def _resample(rng: np.random.Generator, run: np.ndarray,
              size: int) -> np.ndarray:
    """Sums (size, T, 2, C + 2) over episodes sampled with replacement."""
    num = len(run)
    sampled = rng.integers(num, size=(size, num))
    # Multinomial weights, by counting: rng.multinomial takes 6 times as long.
    cells = sampled + num * np.arange(size)[:, None]
    weights = np.bincount(cells.ravel(), minlength=size * num).astype(float)
    return np.tensordot(weights.reshape(size, num), run, axes=1)


def _swap(rng: np.random.Generator, run: np.ndarray, size: int) -> np.ndarray:
    """Sums (size, 2, 2, C + 2) with A and B swapped in random episodes."""
    swaps = rng.integers(2, size=(size, len(run))).astype(float)
    moved = np.tensordot(swaps, run[:, 1] - run[:, 0], axes=1)
    return run.sum(0) + np.stack([moved, -moved], axis=1)


def _scores(sums: np.ndarray) -> np.ndarray:
    """Scores (..., 2 + C) of sums (..., runs, 2, C + 2)."""
    iou = 100 * ratio(sums[..., 0, :], sums[..., 1, :])
    classes, two = iou[..., :-2], iou[..., -2:]
    means = np.stack([known_mean(classes), known_mean(two)], axis=-1)
    return known_mean(np.concatenate([means, classes], axis=-1), axis=-2)


def _percentiles(values: np.ndarray) -> np.ndarray:
    """(2, ...) of values (num_resamples, ...), without those that are nan."""
    with warnings.catch_warnings():
        # A class that was never sampled.
        warnings.filterwarnings('ignore', 'All-NaN slice')
        return np.nanpercentile(values, [2.5, 97.5], axis=0)
