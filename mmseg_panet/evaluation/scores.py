"""The scores of pixel counts: mIoU, FB-IoU and the IoU of each class."""
from collections.abc import Sequence

import numpy as np

from .episode_table import EpisodeTable


def summarise(table: EpisodeTable, class_ids: Sequence[int]) -> dict:
    """Compute the scores in percent, averaged over the runs.

    Pixels are summed over the episodes of a run before they are divided.

    Args:
        table (EpisodeTable): Episodes of all runs.
        class_ids (Sequence[int]): Ids of C classes, which include all classes
            of the table. The mIoU is the mean of their IoU.

    Returns:
        dict: ``mIoU``; ``FB-IoU``; ``per_class``, a list in the order of
        ``class_ids``; ``runs``, the mIoU of each run; and ``std``, the
        standard deviation of ``runs`` (with n - 1; 0 for one run). The IoU of
        a class that was never sampled is nan, and the means leave it out.
    """
    counts = table.counts(class_ids)
    sums = [counts[table.runs == run].sum(0) for run in np.unique(table.runs)]
    ious = np.stack([ratio(100 * over, under) for over, under in sums])
    runs = [float(known_mean(iou[:-2])) for iou in ious]
    return {
        'mIoU': float(known_mean(runs)),
        'FB-IoU': float(known_mean(known_mean(ious[:, -2:]))),
        'per_class': [float(known_mean(iou)) for iou in ious.T[:-2]],
        'runs': runs,
        'std': float(np.std(runs, ddof=1)) if len(runs) > 1 else 0.0,
    }


def table_scores(table: EpisodeTable, class_ids: Sequence[int]) -> np.ndarray:
    """Return the scores of :func:`summarise` as an array.

    Args:
        table (EpisodeTable): Episodes of all runs.
        class_ids (Sequence[int]): Ids of C classes, which include all classes
            of the table.

    Returns:
        np.ndarray: mIoU, FB-IoU and the IoU of each class in the order of
        ``class_ids``, (2 + C,), in percent; nan for a class that was never
        sampled.
    """
    scores = summarise(table, class_ids)
    return np.array([scores['mIoU'], scores['FB-IoU'], *scores['per_class']])


def ratio(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    """Divide; the quotient is nan if ``under`` is 0, as without a pixel."""
    return np.divide(
        over, under, out=np.full(np.shape(over), np.nan), where=under > 0)


def known_mean(values: Sequence[float] | np.ndarray,
               axis: int = -1) -> np.ndarray:
    """Average the values that are not nan; nan if there are none."""
    values = np.asarray(values, dtype=float)
    if values.ndim == 1:  # Added zeros would change the rounding of the sum.
        values = values[~np.isnan(values)]
    known = ~np.isnan(values)
    return ratio(np.where(known, values, 0).sum(axis), known.sum(axis))
