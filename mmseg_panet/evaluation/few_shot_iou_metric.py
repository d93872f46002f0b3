"""The few-shot IoU as an mmengine metric."""
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import mmcv
import numpy as np
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.logging import print_log
from mmseg.registry import METRICS
from torch import Tensor

from ..table import format_table
from .bootstrap import bootstrap_interval
from .episode_table import EpisodeTable
from .iou import EpisodeCounts, count_pixels
from .prediction_lists import prediction_name, write_prediction_lists
from .scores import summarise


@METRICS.register_module()
class FewShotIoUMetric(BaseMetric):
    """A metric of mIoU and FB-IoU over episodes, averaged over the runs.

    For each class, intersections and unions are summed over all episodes of a
    run before they are divided. Queries are scored at the size of their
    ``gt_sem_seg``. This is the original size of the mask if the query
    pipeline loads the masks after the resize.

    As with mmseg's ``IoUMetric``, mmengine logs the means, and the metric
    logs a table of the classes. Everything else is in ``result``.

    Args:
        ignore_index (int): Label of pixels that are not counted. Defaults to
            255.
        count_absent (bool): Whether false positives of a way count in a
            query that does not show it, see :func:`count_pixels`. Defaults
            to True.
        counts_file (str, optional): File to write the counts of every episode
            to, see :class:`EpisodeTable`.
        output_dir (str, optional): Folder to write the predictions to, as PNG
            files of episode labels named ``run-episode-query.png``, and
            their lists, see :func:`write_prediction_lists`.
        collect_device (str): Device on which mmengine collects the results
            of several processes, 'cpu' or 'gpu'. Defaults to 'cpu'.
        prefix (str, optional): Prefix of the names of the logged metrics.

    Attributes:
        result (dict): Return value of :meth:`compute_metrics` in the last
            evaluation, in every process. It is empty before the first one.
    """

    # mmengine warns if a metric has no prefix.
    default_prefix = ''

    def __init__(self, ignore_index: int = 255, count_absent: bool = True,
                 counts_file: str | None = None, output_dir: str | None = None,
                 collect_device: str = 'cpu',
                 prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.ignore_index = ignore_index
        self.count_absent = count_absent
        self.output_dir = output_dir and Path(output_dir)
        self.counts_file = counts_file
        self.result: dict = {}

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count the pixels of a batch.

        The evaluator keeps as many results as the data set has items. Each
        episode therefore gives exactly one result.

        Args:
            data_batch (dict): Unused.
            data_samples (Sequence[dict]): Queries with ``pred_sem_seg`` and
                ``gt_sem_seg``. The queries of an episode are adjacent.
        """
        for (run, episode), queries in groupby(
                data_samples, key=itemgetter('run', 'episode')):
            counts = []
            for number, query in enumerate(queries):
                class_ids = tuple(query['class_ids'])
                prediction = query['pred_sem_seg']['data'][0]
                counts.append(count_pixels(
                    prediction, query['gt_sem_seg']['data'][0],
                    len(class_ids), self.ignore_index, self.count_absent))
                self.write_prediction(prediction, run, episode, number)
            intersection, union = np.sum(counts, axis=0)
            self.results.append(EpisodeCounts(
                run, episode, class_ids, intersection, union))

    def write_prediction(self, prediction: Tensor, run: int, episode: int,
                         number: int) -> None:
        """Write a prediction to ``output_dir``, if there is one.

        Args:
            prediction (Tensor): Episode labels, (H, W).
            run (int): Run of the episode.
            episode (int): Index of the episode in its run.
            number (int): Index of the query in its episode.
        """
        if self.output_dir:
            mmcv.imwrite(
                prediction.cpu().numpy().astype(np.uint8),
                str(self.output_dir / prediction_name(run, episode, number)))

    def evaluate(self, size: int) -> dict:
        """Evaluate all episodes and keep the complete result.

        Args:
            size (int): Number of episodes.

        Returns:
            dict: ``mIoU``, ``FB-IoU`` and ``std`` of :attr:`result`, which
            mmengine logs in one line.
        """
        self.result = super().evaluate(size)
        return {name: value for name, value in self.result.items()
                if isinstance(value, (int, float))}

    def compute_metrics(self, results: list[EpisodeCounts]) -> dict:
        """Compute all scores and log a table of the classes.

        Args:
            results (list[EpisodeCounts]): Counts of all episodes.

        Returns:
            dict: ``mIoU``, ``FB-IoU`` and ``std`` in percent; ``runs``, the
            mIoU of each run; ``per_class``, which maps the name of each class
            to its IoU; ``per_class_counts``, which maps it to the pixels of
            its intersection and union over all runs; and the 95% bootstrap
            intervals over the episodes, ``interval`` (of the mIoU),
            ``FB-IoU_interval`` and ``per_class_interval``.
        """
        names = self.dataset_meta['class_names']
        classes = list(self.dataset_meta['classes'])
        class_ids = [classes.index(name) for name in names]
        table = EpisodeTable.from_counts(results)
        if self.output_dir:
            write_prediction_lists(self.output_dir, results, classes)
        if self.counts_file:
            table.write(self.counts_file)
        intervals = bootstrap_interval(
            self.independent(table), class_ids).T.tolist()
        summary = summarise(table, class_ids)
        pixels = table.counts(class_ids).sum(0).T[:-2].tolist()  # (C, 2)
        scores = [summary['mIoU'], summary['FB-IoU'], *summary['per_class']]
        print_log(
            'per class results:\n' + _score_table(
                ['mIoU', 'FB-IoU', *names], scores, intervals),
            logger='current')
        return summary | {
            'per_class': dict(zip(names, summary['per_class'], strict=True)),
            'per_class_counts': dict(zip(names, pixels, strict=True)),
            'interval': intervals[0], 'FB-IoU_interval': intervals[1],
            'per_class_interval': dict(zip(names, intervals[2:], strict=True)),
        }

    def independent(self, table: EpisodeTable) -> EpisodeTable:
        """Return the table whose rows are resampled for the intervals.

        Args:
            table (EpisodeTable): Counts of all episodes, which are
                independent here. A subclass whose runs have images in
                common joins these.
        """
        return table


def complete_result(metrics: dict, evaluator: Evaluator) -> dict:
    """Add the complete results of a test to the metrics that were logged.

    Args:
        metrics (dict): Metrics that an mmengine loop returned.
        evaluator (Evaluator): Evaluator of that loop.

    Returns:
        dict: ``metrics``, updated with the ``result`` of each
        :class:`FewShotIoUMetric`.
    """
    for metric in evaluator.metrics:
        if isinstance(metric, FewShotIoUMetric):
            metrics = metrics | metric.result
    return metrics


def _score_table(names: Sequence[str], scores: Sequence[float],
                 intervals: Sequence[Sequence[float]]) -> str:
    """Format percentages and their 95% intervals; nan becomes '-'."""
    rows = [('', 'IoU', '95% interval')]
    for name, score, (low, high) in zip(names, scores, intervals, strict=True):
        known = not np.isnan(score)
        rows.append((
            name, f'{score:.2f}' if known else '-',
            f'[{low:.2f}, {high:.2f}]' if known else '-'))
    return format_table(rows)
