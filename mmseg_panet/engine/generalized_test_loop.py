"""A test loop of generalized few-shot segmentation."""
from typing import Any

import numpy as np
import torch
from mmengine import dist
from mmseg.registry import LOOPS
from torch import nn

from ..datasets import GeneralizedDataset
from ..datasets.sampling import Episode
from ..errors import InputError
from ..evaluation import GeneralizedIoUMetric, iou
from ..models import GeneralizedHead, SupportStatistics
from ..models.image_maps import slides
from ..models.statistics import join
from ..visualization import EpisodeVisualizationHook
from .few_shot_test_loop import FewShotTestLoop
from .labelled_images import LabelledImage, distinct_images
from .support_table import SupportTable


@LOOPS.register_module()
class GeneralizedTestLoop(FewShotTestLoop):
    """A test of base and novel classes at once, over several support sets.

    It computes the statistics of the base classes from the training images,
    if they are wanted, and those of all supports. For each run, it fits the
    novel classes. Every test image is encoded once, and segmented in every
    run.

    Args:
        *args (Any): Arguments of :class:`FewShotTestLoop`, with a data
            loader of a :class:`GeneralizedDataset` and an evaluator with one
            :class:`GeneralizedIoUMetric`.
        base_statistics (bool): Whether the statistics of the base classes
            are computed, see :meth:`GeneralizedHead.fit_base`. Defaults to
            True.
        **kwargs (Any): Other arguments of :class:`FewShotTestLoop`.

    Raises:
        InputError: If the data set, the metric, the head or a setting does
            not fit.
    """

    def __init__(self, *args: Any, base_statistics: bool = True,
                 **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.base_statistics = base_statistics

    def _can_reuse(self) -> bool:
        """Check the parts, as there is no other way to test them."""
        head = self._model.decode_head
        metrics = self.evaluator.metrics
        for what, found, kind in (
                ('data set', self.dataloader.dataset, GeneralizedDataset),
                ('decode_head', head, GeneralizedHead),
                ('metric', metrics[0], GeneralizedIoUMetric)):
            if not isinstance(found, kind):
                raise InputError(
                    f'expected a {kind.__name__} as {what} of '
                    f'GeneralizedTestLoop, got a {type(found).__name__}')
        if len(metrics) > 1:
            raise InputError(
                'expected one metric for GeneralizedTestLoop, got '
                f'{len(metrics)}; keep the GeneralizedIoUMetric only')
        if slides(self._model):
            raise InputError(
                'expected a test without sliding windows by '
                "GeneralizedTestLoop, got mode='slide' in test_cfg; remove it")
        if 'cells' in head.classifier.needs:
            raise InputError(
                'expected a classifier of areas, sums and moments for '
                f'GeneralizedTestLoop, got {type(head.classifier).__name__}, '
                'which reads the cells of the supports')
        if any(isinstance(hook, EpisodeVisualizationHook)
               and hook.num_pictures for hook in self.runner.hooks):
            raise InputError(
                'expected no plots of GeneralizedTestLoop, which has no '
                'episodes to plot; remove --show-dir')
        return True

    def _count_episodes(self) -> list[iou.EpisodeCounts]:
        model, metric = self._model, self.evaluator.metrics[0]
        head, dataset = model.decode_head, self.dataloader.dataset
        head.fit_base(self._sum_base() if self.base_statistics else None)
        runs = [dataset.episode(run) for run in range(dataset.rules.num_runs)]
        table = self._sum_supports(runs)
        fits: list[nn.Module] = []
        queries = dataset.queries
        class_ids = queries.class_ids
        totals = np.zeros(
            (len(runs), len(queries), 2, len(class_ids) + 2), np.int64)
        images = [LabelledImage(i, ()) for i in range(len(queries))]
        for batch in self._features(images, 'query'):
            for index, feature, image, sample in zip(*batch, strict=True):
                fits = fits or [
                    self._fit(table, run, feature.dtype) for run in runs]
                labels = sample.gt_sem_seg.data[0]
                for run, fitted in enumerate(fits):
                    found = model.label_maps(
                        feature, image, sample.metainfo, fitted)
                    metric.write_prediction(found[0], run, index, 0)
                    totals[run, index] = iou.count_pixels(
                        found[0], labels, len(class_ids),
                        metric.ignore_index, metric.count_absent)
        summed = torch.from_numpy(totals).to(model.data_preprocessor.device)
        dist.all_reduce(summed)
        return [
            iou.EpisodeCounts(run, index, tuple(class_ids), *counts)
            for run, of_run in enumerate(summed.cpu().numpy())
            for index, counts in enumerate(of_run)]

    def _fit(self, table: SupportTable, run: Episode, dtype: torch.dtype
             ) -> nn.Module:
        """Fit the novel classes of a run, with the base classes."""
        head, rules = self._model.decode_head, self.dataloader.dataset.rules
        if not table.serves(run):
            raise InputError(
                'expected supports that show their class after '
                'support_pipeline, got one whose object a resize removed; '
                'increase min_area')
        supports = table.pairs([run], dtype)
        with torch.autocast(supports.sums.device.type, enabled=False):
            return head.fit_classes(
                supports, [rules.num_shots] * rules.num_ways)

    def _sum_base(self) -> SupportStatistics:
        """Sum the statistics of the base classes over the training images.

        Returns:
            SupportStatistics: Statistics with n = 1 + B: the background, and
            then the base classes.
        """
        dataset, head = self.dataloader.dataset, self._model.decode_head
        images = distinct_images(
            ((image, dataset.base_ids) for image in dataset.base_images),
            dataset.images.index.counts)
        number, channels = head.num_classes, head.in_channels
        device = self._model.data_preprocessor.device
        totals = SupportStatistics(**{
            name: torch.zeros(shape, dtype=torch.float64, device=device)
            for name, shape in dict(
                areas=[number], sums=[number, channels],
                moments=[number, channels, channels]).items()
            if name in ('areas', 'sums', *head.classifier.needs)})
        for indices, features, _, samples in self._features(images, 'base'):
            labels = head.labels(samples)
            for i, feature, label in zip(
                    indices, features, labels, strict=True):
                shown = images[i].class_ids
                one = head.class_statistics(
                    feature[None], label[None], len(shown))
                masks = join(
                    [one.background(), one.masks(slice(1, None))]).tensors()
                rows = torch.tensor(
                    [0, *(1 + dataset.base_ids.index(c) for c in shown)],
                    device=device)
                for name, total in totals.tensors().items():
                    total.index_add_(0, rows, masks[name][0])
        for total in totals.tensors().values():
            dist.all_reduce(total)
        return totals
