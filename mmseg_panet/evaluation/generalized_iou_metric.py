"""The IoU of generalized few-shot segmentation as an mmengine metric."""
import numpy as np
from mmengine.logging import print_log
from mmseg.registry import METRICS

from ..table import format_table
from .bootstrap import bootstrap_interval
from .episode_table import EpisodeTable
from .few_shot_iou_metric import FewShotIoUMetric
from .iou import EpisodeCounts
from .scores import summarise


@METRICS.register_module()
class GeneralizedIoUMetric(FewShotIoUMetric):
    """A metric of the mIoU of base classes, of novel classes, and of both.

    The results are the images of a :class:`GeneralizedDataset`, each with
    all classes as its ways. In each run, the pixels are summed over all
    images. The scores are the mIoU over the base classes, that over the
    novel classes, and their harmonic mean (Xian, Schiele and Akata,
    Zero-shot learning, the good, the bad and the ugly, CVPR 2017), averaged
    over the runs. The background belongs to neither.

    The arguments are those of :class:`FewShotIoUMetric`.
    """

    def compute_metrics(self, results: list[EpisodeCounts]) -> dict:
        """Compute all scores and log a table of them.

        Args:
            results (list[EpisodeCounts]): Counts of every image in every
                run.

        Returns:
            dict: Scores of :class:`FewShotIoUMetric`, whose mIoU is that of
            all classes; ``base_mIoU``, ``novel_mIoU`` and ``harmonic_mean``
            in percent; each with ``_runs``, its values in the runs, and
            ``_std``, their standard deviation; and the 95% bootstrap
            intervals over the images, ``base_mIoU_interval`` and
            ``novel_mIoU_interval``.
        """
        scores = super().compute_metrics(results)
        table = EpisodeTable.from_counts(results)
        classes = list(self.dataset_meta['classes'])
        base = self.dataset_meta['base_names']
        novel = [name for name in self.dataset_meta['class_names']
                 if name not in base]
        runs = {}
        for key, names in (('base_mIoU', base), ('novel_mIoU', novel)):
            class_ids = [classes.index(name) for name in names]
            part = table.of_classes(class_ids)
            runs[key] = summarise(part, class_ids)['runs']
            scores[f'{key}_interval'] = bootstrap_interval(
                self.independent(part), class_ids)[:, 0].tolist()
        runs['harmonic_mean'] = [
            harmonic_mean(*pair) for pair in zip(
                runs['base_mIoU'], runs['novel_mIoU'], strict=True)]
        for key, values in runs.items():
            scores |= {
                key: float(np.mean(values)), f'{key}_runs': values,
                f'{key}_std': float(np.std(values, ddof=1))
                if len(values) > 1 else 0.0}
        print_log('base and novel classes:\n' + format_table(
            [('', 'mean', 'std'), *(
                (key, f'{scores[key]:.2f}', f'{scores[key + "_std"]:.2f}')
                for key in runs)]), logger='current')
        return scores

    def independent(self, table: EpisodeTable) -> EpisodeTable:
        """Add the runs, as all of them have the same images."""
        images = np.unique(table.episodes)
        over, under = (
            counts.reshape(-1, len(images), counts.shape[1]).sum(0)
            for counts in (table.intersection, table.union))
        return EpisodeTable(
            np.zeros_like(images), images, table.class_ids[:len(images)],
            over, under)


def harmonic_mean(base: float, novel: float) -> float:
    """Compute the harmonic mean of two scores; 0 if both are 0.

    Example:
        >>> harmonic_mean(60, 30)
        40.0
    """
    return 2 * base * novel / (base + novel) if base + novel else 0.0
