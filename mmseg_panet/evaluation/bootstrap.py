"""Bootstrap intervals and permutation tests over the episodes of a score.

A score is one of ``2 + C`` numbers in percent: mIoU, FB-IoU and the IoU of
each of C classes. As in :func:`~.scores.summarise`, pixels are summed over the
episodes of a run before they are divided, a class without pixels is left out
of the means, and the runs are averaged. A single episode therefore has no
error that could be averaged. Resampling computes the complete score again
instead.

Only the sample of episodes varies: neither the images of the pool, which the
episodes share, nor the training.
"""
import warnings
from collections.abc import Callable, Sequence

import numpy as np

from ..errors import InputError
from .episode_table import EpisodeTable
from .scores import known_mean, ratio, table_scores

_CHUNK = 100
"""Resamples at a time; with 5,000 episodes a run, their weights take 4 MB."""

_Sampler = Callable[[np.random.Generator, np.ndarray, int], np.ndarray]


def bootstrap_interval(table: EpisodeTable, class_ids: Sequence[int],
                       num_resamples: int = 2000, seed: int = 0) -> np.ndarray:
    """Compute the 95% percentile interval of every score.

    The E episodes of each run are resampled E times with replacement, and the
    scores are computed from the sample. The interval is from the 2.5th to the
    97.5th percentile of the resampled scores (Efron and Tibshirani, An
    Introduction to the Bootstrap, 1993, chapter 13).

    Args:
        table (EpisodeTable): Episodes of all runs.
        class_ids (Sequence[int]): Ids of C classes, which include all classes
            of the table.
        num_resamples (int): Number of resamples. Defaults to 2000.
        seed (int): Seed of the resampling. Defaults to 0.

    Returns:
        np.ndarray: Lower and upper limits (2, 2 + C) of the scores of
        :func:`table_scores`, in percent; nan for a class that was never
        sampled.
    """
    scores = _sampled([table], class_ids, _resample, num_resamples, seed)
    return _percentiles(scores[:, 0])


def paired_interval(a: EpisodeTable, b: EpisodeTable, class_ids: Sequence[int],
                    num_resamples: int = 2000, seed: int = 0) -> np.ndarray:
    """Compute the 95% percentile interval of every difference ``B - A``.

    The method is that of :func:`bootstrap_interval`, with the same resampled
    episodes for A and B. The difficulty of an episode, which affects both,
    therefore cancels.

    Args:
        a (EpisodeTable): Episodes of all runs of A.
        b (EpisodeTable): The same episodes, as counted for B.
        class_ids (Sequence[int]): Ids of C classes, which include all classes
            of the tables.
        num_resamples (int): Number of resamples. Defaults to 2000.
        seed (int): Seed of the resampling. Defaults to 0.

    Returns:
        np.ndarray: Lower and upper limits (2, 2 + C) of the differences, in
        percentage points; nan for a class that was never sampled.

    Raises:
        InputError: If the tables have different episodes.
    """
    scores = _sampled([a, b], class_ids, _resample, num_resamples, seed)
    return _percentiles(scores[:, 1] - scores[:, 0])


def permutation_p(a: EpisodeTable, b: EpisodeTable, class_ids: Sequence[int],
                  num_permutations: int = 2000, seed: int = 0) -> np.ndarray:
    """Compute a two-sided p-value of every difference ``B - A``.

    It is the p-value of a paired permutation test. Under the null hypothesis,
    the counts of A and B in an episode are exchangeable. They are swapped in
    each episode with probability 1/2, and
    ``p = (1 + count) / (1 + num_permutations)``, where ``count`` is the number
    of permutations whose absolute difference is at least as large as the
    observed one. The observed difference counts as a permutation (Efron and
    Tibshirani, 1993, chapter 15). The p-values of single classes are not
    corrected for multiple comparisons.

    Args:
        a (EpisodeTable): Episodes of all runs of A.
        b (EpisodeTable): The same episodes, as counted for B.
        class_ids (Sequence[int]): Ids of C classes, which include all classes
            of the tables.
        num_permutations (int): Number of permutations. Defaults to 2000.
        seed (int): Seed of the permutations. Defaults to 0.

    Returns:
        np.ndarray: p-values (2 + C,), above 0 and at most 1; nan for a class
        that was never sampled.

    Raises:
        InputError: If the tables have different episodes.
    """
    scores = _sampled([a, b], class_ids, _swap, num_permutations, seed)
    found = table_scores(b, class_ids) - table_scores(a, class_ids)
    differences = scores[:, 1] - scores[:, 0]  # (num_permutations, 2 + C)
    # The tolerance is for the rounding of the ratios; the sums are exact.
    extreme = np.abs(differences) >= np.abs(found) - 1e-9
    known = ~np.isnan(differences)
    p = (1 + extreme.sum(0)) / (1 + known.sum(0))
    return np.where(np.isnan(found), np.nan, p)


def _by_run(tables: Sequence[EpisodeTable],
            class_ids: Sequence[int]) -> list[np.ndarray]:
    """Stack the counts of T tables: float64 (E, T, 2, C + 2) for each run."""
    first = tables[0]
    for table in tables[1:]:
        if not all(np.array_equal(getattr(first, name), getattr(table, name))
                   for name in ('runs', 'episodes', 'class_ids')):
            raise InputError(
                'expected two results of the same episodes, got results of '
                'different episodes; test both on one manifest')
    counts = np.stack([table.counts(class_ids) for table in tables], axis=1)
    return [counts[first.runs == run].astype(float)
            for run in np.unique(first.runs)]


def _sampled(tables: Sequence[EpisodeTable], class_ids: Sequence[int],
             sampler: _Sampler, num_samples: int, seed: int) -> np.ndarray:
    """Compute the scores (num_samples, T, 2 + C) of random samples."""
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
    """Sum episodes sampled with replacement: (size, T, 2, C + 2)."""
    num = len(run)
    sampled = rng.integers(num, size=(size, num))
    # The weights are multinomial. rng.multinomial takes 6 times as long.
    cells = sampled + num * np.arange(size)[:, None]
    weights = np.bincount(cells.ravel(), minlength=size * num).astype(float)
    return np.tensordot(weights.reshape(size, num), run, axes=1)


def _swap(rng: np.random.Generator, run: np.ndarray, size: int) -> np.ndarray:
    """Sum episodes with A and B swapped at random: (size, 2, 2, C + 2)."""
    swaps = rng.integers(2, size=(size, len(run))).astype(float)
    moved = np.tensordot(swaps, run[:, 1] - run[:, 0], axes=1)
    return run.sum(0) + np.stack([moved, -moved], axis=1)


def _scores(sums: np.ndarray) -> np.ndarray:
    """Compute the scores (..., 2 + C) of sums (..., runs, 2, C + 2)."""
    iou = 100 * ratio(sums[..., 0, :], sums[..., 1, :])
    classes, two = iou[..., :-2], iou[..., -2:]
    means = np.stack([known_mean(classes), known_mean(two)], axis=-1)
    return known_mean(np.concatenate([means, classes], axis=-1), axis=-2)


def _percentiles(values: np.ndarray) -> np.ndarray:
    """Reduce values (num_resamples, ...) to limits (2, ...), without nan."""
    with warnings.catch_warnings():
        # All values are nan for a class that was never sampled.
        warnings.filterwarnings('ignore', 'All-NaN slice')
        return np.nanpercentile(values, [2.5, 97.5], axis=0)
