"""The few-shot IoU as a metric of mmengine."""
from collections.abc import Sequence
from itertools import groupby

import numpy as np
from mmengine.evaluator import BaseMetric
from mmseg.registry import METRICS

from .iou import EpisodeCounts, count_pixels, summarise, summarise_run


@METRICS.register_module()
class FewShotIoUMetric(BaseMetric):
    """mIoU over the classes drawn, and FB-IoU, as mean over the runs.

    Per class, intersections and unions are summed over all episodes of a
    run before they are divided. Queries are scored at the size of their
    ``gt_sem_seg``: their own, where the query pipeline loads the masks after
    the resize.

    Args:
        ignore_index (int): Label that counts nowhere. Defaults to 255.
        collect_device (str): As in the host. Defaults to 'cpu'.
        prefix (str, optional): As in the host.
    """

    def __init__(self,
                 ignore_index: int = 255,
                 collect_device: str = 'cpu',
                 prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.ignore_index = ignore_index

    def process(self, data_batch: dict,
                data_samples: Sequence[dict]) -> None:
        """Count the pixels of a batch.

        The evaluator keeps as many results as the data set has items, so
        each episode gives exactly one.

        Args:
            data_batch (dict): Unused.
            data_samples (Sequence[dict]): The queries, an episode's next to
                each other, with ``pred_sem_seg`` and ``gt_sem_seg``.
        """
        for (run, _), queries in groupby(
                data_samples, key=lambda query: (
                    query['run'], query['episode'])):
            counts = []
            for query in queries:
                class_ids = tuple(query['class_ids'])
                counts.append(count_pixels(
                    query['pred_sem_seg']['data'][0],
                    query['gt_sem_seg']['data'][0],
                    len(class_ids), self.ignore_index))
            intersection, union = np.sum(counts, axis=0)
            self.results.append(
                EpisodeCounts(run, class_ids, intersection, union))

    def compute_metrics(self, results: list[EpisodeCounts]) -> dict:
        """Summarise all episodes.

        Returns:
            dict: ``mIoU``, ``FB-IoU`` and ``std`` in percent, ``runs`` (the
            mIoU of each) and ``per_class`` (name to IoU).
        """
        names = self.dataset_meta['class_names']
        classes = list(self.dataset_meta['classes'])
        class_ids = [classes.index(name) for name in names]
        runs: list[list[EpisodeCounts]] = [
            [] for _ in range(self.dataset_meta['num_runs'])]
        for result in results:
            runs[result.run].append(result)
        summary = summarise(
            [summarise_run(episodes, class_ids) for episodes in runs])
        summary['per_class'] = dict(
            zip(names, summary['per_class'], strict=True))
        return summary
