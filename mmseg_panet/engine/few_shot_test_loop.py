"""A test loop that encodes each image once, however many episodes use it."""
import logging
from collections import ChainMap
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from mmengine import dist
from mmengine.evaluator import Evaluator
from mmengine.logging import print_log
from mmengine.runner import Runner, TestLoop
from mmengine.runner.amp import autocast
from mmseg.registry import LOOPS
from mmseg.structures import SegDataSample
from torch import Tensor
from torch.utils.data import DataLoader

from ..datasets import episode_collate
from ..datasets.sampling import Episode
from ..errors import InputError
from ..evaluation import iou
from ..evaluation.few_shot_iou_metric import complete_result
from ..models.device_checks import checked_at_end
from ..models.edge_filter import edge_filter_of
from ..models.model_wrapper import unwrap_model
from ..progress import progress_bar
from ..visualization import EpisodeVisualizationHook
from .image_reuse import depends_on_class, obstacle_to_reuse
from .labelled_images import LabelledImage, distinct_images, load_images
from .support_table import SupportRows, SupportTable

_VALUES_AT_ONCE = 2**22
"""Most logits at the size of the labels: 16 MiB, which fit in a cache."""


@LOOPS.register_module()
class FewShotTestLoop(TestLoop):
    """A ``TestLoop`` whose cost grows with images, not with episodes.

    The first pass computes the statistics of each class in every distinct
    support, the second matches every distinct query against all episodes
    that contain it. The counts equal those of mmengine's ``TestLoop``, except
    at pixels where two logits are equal up to rounding. If features cannot be
    reused (random transforms, sliding windows, other metrics), the loop logs
    the reason and tests episode by episode, as ``TestLoop`` does. Episodes to
    be plotted are predicted separately, for the hook that plots them.

    Args:
        runner (Runner): The runner.
        dataloader (DataLoader | dict): Data loader of an
            :class:`EpisodicDataset`.
        evaluator (Evaluator | dict | list): Evaluator with a
            :class:`FewShotIoUMetric`.
        fp16 (bool): Whether the model runs in mixed precision. Defaults to
            False.
        reuse_features (bool): Whether each image is encoded once. False tests
            episode by episode. Defaults to True.
        images_per_batch (int): Number of images in a batch of the backbone.
            Defaults to 8.

    Raises:
        InputError: If ``images_per_batch`` is below 1.
    """

    def __init__(self, runner: Runner, dataloader: DataLoader | dict,
                 evaluator: Evaluator | dict | list, fp16: bool = False,
                 reuse_features: bool = True,
                 images_per_batch: int = 8) -> None:
        super().__init__(runner, dataloader, evaluator, fp16)
        if images_per_batch < 1:
            raise InputError(
                'expected an images_per_batch of 1 or more, got '
                f'{images_per_batch!r}')
        self.reuse_features = reuse_features
        self.images_per_batch = images_per_batch

    def run(self) -> dict:
        """Test the model, and reuse features if that is possible.

        Returns:
            dict: The metrics, see :func:`complete_result`.
        """
        if self._can_reuse():
            metrics = self._test_by_images()
        else:
            metrics = super().run()
        return complete_result(metrics, self.evaluator)

    def _can_reuse(self) -> bool:
        if not self.reuse_features:
            return False
        obstacle = obstacle_to_reuse(
            self._model, self.dataloader.dataset, self.evaluator.metrics,
            self.runner.hooks)
        if obstacle:
            print_log(
                f'the test runs episode by episode, because {obstacle}',
                logger='current', level=logging.WARNING)
        return not obstacle

    def _test_by_images(self) -> dict:
        self.runner.call_hook('before_test')
        self.runner.call_hook('before_test_epoch')
        self.runner.model.eval()
        with torch.no_grad():
            self._plot_episodes()
            results = self._count_episodes()
        rank, world_size = dist.get_dist_info()
        # Like mmengine's sampler, every process gets the same number.
        size = len(results)
        padded = size + -size % world_size
        self.evaluator.metrics[0].results.extend(
            results[i % size] for i in range(rank, padded, world_size))
        metrics = self.evaluator.evaluate(size)
        self.runner.call_hook('after_test_epoch', metrics=metrics)
        self.runner.call_hook('after_test')
        return metrics

    @property
    def _model(self) -> Any:
        return unwrap_model(self.runner.model)

    def _plot_episodes(self) -> None:
        """Predict the episodes that a hook will plot."""
        pictures = max(
            (hook.num_pictures for hook in self.runner.hooks
             if isinstance(hook, EpisodeVisualizationHook)), default=0)
        for idx, batch in enumerate(self.dataloader if pictures else ()):
            with autocast(enabled=self.fp16):
                outputs = self.runner.model.test_step(batch)
            self.runner.call_hook(
                'after_test_iter', batch_idx=idx, data_batch=batch,
                outputs=outputs)
            pictures -= len(outputs)
            if pictures <= 0:
                break

    def _count_episodes(self) -> list[iou.EpisodeCounts]:
        dataset = self.dataloader.dataset
        rules = dataset.rules
        episodes = list(dataset.episodes)
        table = self._sum_supports(episodes)
        totals = np.zeros((len(episodes), 2, rules.num_ways + 2), np.int64)
        self._count_queries(episodes, table, totals)
        self._count_one_by_one(
            [i for i, episode in enumerate(episodes)
             if not table.serves(episode)], totals)
        summed = torch.from_numpy(totals).to(
            self._model.data_preprocessor.device)
        dist.all_reduce(summed)
        return [
            iou.EpisodeCounts(
                i // rules.num_episodes, episode.index, episode.class_ids,
                intersection, union)
            for i, (episode, (intersection, union)) in enumerate(zip(
                episodes, summed.cpu().numpy(), strict=True))]

    def _sum_supports(self, episodes: Sequence[Episode]) -> SupportTable:
        """Run the first pass: sum the features of the supports."""
        dataset, head = self.dataloader.dataset, self._model.decode_head
        asked = {LabelledImage(image, episode.class_ids)
                 for episode in episodes for images in episode.supports
                 for image in images}
        # If a transform depends on the class, an image is loaded once for
        # each class (obstacle_to_reuse then allows one way only). Otherwise
        # it is loaded once with all of its classes.
        shown = sorted(asked) if depends_on_class(dataset) else (
            distinct_images(asked, dataset.images.index.counts))
        own = {}
        for indices, features, _, samples in self._features(
                shown, 'support'):
            most = max(len(shown[i].class_ids) for i in indices)
            statistics = head.class_statistics(
                features, head.labels(samples), most).each(Tensor.cpu)
            # Without a copy, each would be sent with its complete batch.
            for number, i in enumerate(indices):
                own[i] = SupportRows.from_statistics(
                    statistics.each(lambda one, k=number: one[k]).masks(
                        slice(1 + len(shown[i].class_ids))))
        gathered = dict(ChainMap(*dist.all_gather_object(own)))
        return SupportTable(
            shown, [gathered[i] for i in range(len(shown))],
            self._model.data_preprocessor.device)

    def _count_queries(self, episodes: Sequence[Episode],
                       table: SupportTable, totals: np.ndarray) -> None:
        """Run the second pass: add the counts of queries to their episodes."""
        asked_by: dict[int, list[tuple[int, Episode, int]]] = {}
        for i, episode in enumerate(episodes):
            for number, image in enumerate(
                    episode.queries if table.serves(episode) else ()):
                asked_by.setdefault(image, []).append((i, episode, number))
        images = distinct_images(
            ((image, episode.class_ids) for image, asked in asked_by.items()
             for _, episode, _ in asked),
            self.dataloader.dataset.images.index.counts)
        for batch in self._features(images, 'query'):
            for index, feature, image, sample in zip(*batch, strict=True):
                self._count_query(
                    feature, image, sample, images[index].class_ids,
                    asked_by[images[index].image], table, totals)

    def _count_query(self, feature: Tensor, image: Tensor,
                     sample: SegDataSample, class_ids: Sequence[int],
                     asked_by: Sequence[tuple[int, Episode, int]],
                     table: SupportTable, totals: np.ndarray) -> None:
        """Add the counts of a query to all episodes that contain it.

        Each item of ``asked_by`` has the index of an episode in ``totals``,
        the episode, and the position of the query in it.
        """
        model, metric = self._model, self.evaluator.metrics[0]
        rules = self.dataloader.dataset.rules
        num_ways = rules.num_ways
        by_shot = model.shot_fusion != 'mean_prototypes'
        labels = sample.gt_sem_seg.data[0]
        shots = rules.num_shots if by_shot else 1
        pixels = max(
            labels.numel(), image[0].numel() if edge_filter_of(model) else 0)
        step = max(1, _VALUES_AT_ONCE // max(
            pixels * num_ways * shots,
            table.values(num_ways, rules.num_shots, by_shot)))
        for start in range(0, len(asked_by), step):
            some = asked_by[start:start + step]
            fitted = table.fit(
                model.decode_head.classifier,
                [episode for _, episode, _ in some], feature.dtype, by_shot)
            found = model.label_maps(
                feature, image, sample.metainfo, fitted, shots)
            confusions = iou.label_confusion(
                found, labels, num_ways, 1 + len(class_ids)).cpu().numpy()
            for (i, episode, number), label_map, confusion in zip(
                    some, found, confusions, strict=True):
                totals[i] += iou.intersection_and_union(
                    iou.episode_confusion(
                        confusion, class_ids, episode.class_ids),
                    metric.count_absent)
                metric.write_prediction(
                    label_map, i // rules.num_episodes, episode.index,
                    number)

    def _count_one_by_one(self, indices: Sequence[int],
                          totals: np.ndarray) -> None:
        """Add the counts of episodes that the two passes cannot test.

        They have a support whose object the resize removed. Its mask is grown
        for the class of that support only.
        """
        if indices:
            print_log(
                'episodes with a support whose object the resize removed, '
                f'which are tested one by one: {len(indices)}',
                logger='current')
        rank, world_size = dist.get_dist_info()
        metric = self.evaluator.metrics[0]
        for i in indices[rank::world_size]:
            batch = episode_collate([self.dataloader.dataset[i]])
            with autocast(enabled=self.fp16):
                outputs = self._model.test_step(batch)
            self.evaluator.process(outputs, batch)
            counts = metric.results.pop()
            totals[i] = counts.intersection, counts.union

    def _features(self, images: Sequence[LabelledImage],
                  role: str
                  ) -> Iterator[tuple[list[int], Tensor, Tensor, list]]:
        """Yield indices, features (n, C, h, w), inputs and data samples."""
        print_log(
            f'distinct {role} images, each encoded once: {len(images)}',
            logger='current')
        with progress_bar(dist.is_main_process()) as bar:
            task = bar.add_task(role, total=len(images))
            for indices, batch in load_images(
                    images, role, self.dataloader, self.images_per_batch):
                data = self._model.data_preprocessor(batch)
                with checked_at_end():
                    with autocast(enabled=self.fp16):
                        features = self._model.extract_feat(data['inputs'])
                    features = self._model.decode_head.features(features)
                yield (indices, features, data['inputs'],
                       data['data_samples'])
                bar.advance(task, len(indices) * dist.get_dist_info()[1])
