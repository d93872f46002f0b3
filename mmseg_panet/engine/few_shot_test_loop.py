"""A test that visits each image once, however many episodes ask for it."""
import logging
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dist import (
    all_gather_object,
    all_reduce,
    get_dist_info,
    is_main_process,
)
from mmengine.evaluator import Evaluator
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner, TestLoop
from mmengine.runner.amp import autocast
from mmengine.utils import ProgressBar
from mmseg.registry import LOOPS
from torch import Tensor
from torch.utils.data import DataLoader

from ..datasets import episode_collate
from ..datasets.episodes import Episode
from ..evaluation.iou import (
    EpisodeCounts,
    intersection_and_union,
    label_confusion,
)
from ..models.label_maps import label_maps, resize_operators
from ..models.shot_fusion import vote
from ..models.support_sums import class_sums
from ..visualization import EpisodeVisualizationHook
from .image_views import ImageView, load_views, query_views, support_views
from .reuse_rules import depends_on_class, obstacle_to_reuse
from .support_table import SupportTable

_VALUES_AT_ONCE = 2**22
"""Logits held at the size of the labels: 16 MiB, which caches can hold."""


@LOOPS.register_module()
class FewShotTestLoop(TestLoop):
    """mmengine's ``TestLoop`` whose cost grows with images, not episodes.

    The first pass takes from every distinct support one vector a class, the
    second matches every distinct query against all episodes that ask for
    it. The counts are those of the stock loop, but for pixels at which two
    logits are equal to rounding. Where the rules do not allow it (random
    transforms, sliding windows, other metrics), it says so and goes episode
    by episode, as the stock loop.

    Args:
        runner (Runner): As in the host.
        dataloader (DataLoader | dict): Of an :class:`EpisodicDataset`.
        evaluator (Evaluator | dict | list): Of a
            :class:`FewShotIoUMetric`.
        fp16 (bool): As in the host. Defaults to False.
        reuse_features (bool): False goes episode by episode. Defaults to
            True.
        images_per_batch (int): Images that the backbone sees at once.
            Defaults to 8.
    """

    def __init__(self,
                 runner: Runner,
                 dataloader: DataLoader | dict,
                 evaluator: Evaluator | dict | list,
                 fp16: bool = False,
                 reuse_features: bool = True,
                 images_per_batch: int = 8) -> None:
        super().__init__(runner, dataloader, evaluator, fp16)
        self.reuse_features = reuse_features
        self.images_per_batch = images_per_batch

    def run(self) -> dict:
        """Test, by images where the rules allow it.

        Returns:
            dict: The metrics.
        """
        if not self.reuse_features:
            return super().run()
        obstacle = obstacle_to_reuse(
            self._model, self.dataloader.dataset, self.evaluator.metrics)
        if obstacle:
            print_log(
                f'testing episode by episode, because {obstacle}',
                logger='current', level=logging.WARNING)
            return super().run()
        self.runner.call_hook('before_test')
        self.runner.call_hook('before_test_epoch')
        self.runner.model.eval()
        with torch.no_grad():
            self._draw_pictures()
            results = self._count_episodes()
        rank, world_size = get_dist_info()
        # As the stock loop's sampler deals out: every process as many.
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
        model = self.runner.model
        return model.module if is_model_wrapper(model) else model

    def _draw_pictures(self) -> None:
        """Predict the episodes that a hook is going to draw."""
        pictures = max(
            (hook.num_pictures for hook in self.runner.hooks
             if isinstance(hook, EpisodeVisualizationHook)), default=0)
        batches = iter(self.dataloader) if pictures else ()
        for idx, batch in enumerate(batches):
            with autocast(enabled=self.fp16):
                outputs = self.runner.model.test_step(batch)
            self.runner.call_hook(
                'after_test_iter', batch_idx=idx, data_batch=batch,
                outputs=outputs)
            pictures -= len(outputs)
            if pictures <= 0:
                break

    def _count_episodes(self) -> list[EpisodeCounts]:
        dataset = self.dataloader.dataset
        episodes = list(dataset.episodes)
        counts = dataset.images.index.counts
        supports = support_views(episodes, counts, depends_on_class(dataset))
        queries = query_views(episodes, counts)
        print_log(
            f'{len(episodes)} episodes ask for {len(supports)} supports and '
            f'{len(queries)} queries; each is visited once', logger='current')
        table = self._sum_supports(supports)
        num_ways = dataset.header['num_ways']
        totals = np.zeros((len(episodes), 2, num_ways + 2), np.int64)
        served = [table.serves(episode) for episode in episodes]
        self._count_queries(queries, table, episodes, served, totals)
        self._count_one_by_one(
            [i for i, reached in enumerate(served) if not reached], totals)
        summed = torch.from_numpy(totals).to(self._device)
        all_reduce(summed)
        run_length = dataset.header['num_episodes']
        return [
            EpisodeCounts(i // run_length, episode.index, episode.class_ids,
                          intersection, union)
            for i, (episode, (intersection, union)) in enumerate(zip(
                episodes, summed.cpu().numpy(), strict=True))]

    def _features(self, views: Sequence[ImageView],
                  role: str) -> Iterator[tuple[list[int], Tensor, list]]:
        """Indices of views, their features (n, C, h, w) and samples."""
        bar = ProgressBar(
            len(views), file=sys.stderr) if is_main_process() else None
        for indices, batch in load_views(
                views, role, self.dataloader, self.images_per_batch):
            data = self._model.data_preprocessor(batch)
            with autocast(enabled=self.fp16):
                features = self._model.extract_feat(data['inputs'])
            yield (indices, self._model.decode_head.features(features),
                   data['data_samples'])
            if bar:
                bar.update(min(
                    len(indices) * get_dist_info()[1],
                    len(views) - bar.completed))
        if bar:
            bar.file.write('\n')

    def _sum_supports(self, views: Sequence[ImageView]) -> SupportTable:
        head = self._model.decode_head
        own = []
        for indices, features, samples in self._features(views, 'support'):
            most = max(len(views[i].class_ids) for i in indices)
            sums = class_sums(
                features, head.labels(samples), most, head.pool_at,
                head.align_corners).cpu()
            own += [
                (i, of_view[:1 + len(views[i].class_ids)])
                for i, of_view in zip(indices, sums, strict=True)]
        gathered = sorted(
            (pair for part in all_gather_object(own) for pair in part),
            key=lambda pair: pair[0])
        return SupportTable(
            views, [sums for _, sums in gathered], self._device)

    def _count_queries(self, views: Sequence[ImageView], table: SupportTable,
                       episodes: Sequence[Episode], served: Sequence[bool],
                       totals: np.ndarray) -> None:
        asked_by: dict[int, list[tuple[int, int]]] = {}
        for i, episode in enumerate(episodes):
            for number, image in enumerate(episode.queries):
                if served[i]:
                    asked_by.setdefault(image, []).append((i, number))
        for indices, features, samples in self._features(views, 'query'):
            for index, feature, sample in zip(
                    indices, features, samples, strict=True):
                asks = asked_by.get(views[index].image, [])
                self._count_query(
                    feature, sample, views[index].class_ids, asks, table,
                    episodes, totals)

    def _count_query(self, feature: Tensor, sample: Any,
                     class_ids: Sequence[int],
                     asks: Sequence[tuple[int, int]], table: SupportTable,
                     episodes: Sequence[Episode],
                     totals: np.ndarray) -> None:
        """Add one query's counts to all (episode, number) that ask for it."""
        model, metric = self._model, self.evaluator.metrics[0]
        by_shot = model.shot_fusion != 'mean_prototypes'
        operators = resize_operators(
            feature.shape[1:], sample.metainfo, model.align_corners,
            like=feature)
        truth = sample.gt_sem_seg.data[0]
        header = self.dataloader.dataset.header
        num_ways, num_shots = header['num_ways'], header['num_shots']
        values = truth.numel() * num_ways * (
            num_shots if model.shot_fusion == 'vote' else 1)
        step = max(1, _VALUES_AT_ONCE // values)
        for start in range(0, len(asks), step):
            some = [episodes[i] for i, _ in asks[start:start + step]]
            prototypes = table.prototypes(some, by_shot).to(feature)
            logits = model.decode_head.match(
                feature[None], prototypes.flatten(0, 2)[None])
            logits = logits[0].unflatten(0, prototypes.shape[:3])
            if model.shot_fusion == 'vote':
                labels = torch.stack([
                    vote(of_shots, num_ways, model.vote_threshold)
                    for of_shots in label_maps(logits, *operators)])
            else:
                labels = label_maps(logits.mean(1), *operators)
            confusion = label_confusion(
                labels, truth, num_ways, 1 + len(class_ids)).cpu().numpy()
            found = intersection_and_union(
                _of_ways(confusion, class_ids, some), metric.count_absent)
            for (i, number), one, *counts in zip(
                    asks[start:start + step], labels, *found, strict=True):
                totals[i] += counts
                metric.write_prediction(
                    one, i // header['num_episodes'], episodes[i].index,
                    number)

    def _count_one_by_one(self, indices: Sequence[int],
                          totals: np.ndarray) -> None:
        """Episodes with a support that the pipeline had to treat apart."""
        rank, world_size = get_dist_info()
        metric = self.evaluator.metrics[0]
        for i in indices[rank::world_size]:
            batch = episode_collate([self.dataloader.dataset[i]])
            with autocast(enabled=self.fp16):
                outputs = self._model.test_step(batch)
            self.evaluator.process(outputs, batch)
            counts = metric.results.pop()
            totals[i] = counts.intersection, counts.union

    @property
    def _device(self) -> torch.device:
        return self._model.decode_head.prototypes.device


def _of_ways(confusion: np.ndarray, class_ids: Sequence[int],
             episodes: Sequence[Episode]) -> np.ndarray:
    """Turn the truth's classes into the ways of each episode.

    Args:
        confusion (np.ndarray): (E, 1 + n, 1 + W), the truth 0 for any class
            but the n of the query's view.
        class_ids (Sequence[int]): Those n.
        episodes (Sequence[Episode]): E.

    Returns:
        np.ndarray: (E, 1 + W, 1 + W).
    """
    label = {class_id: i for i, class_id in enumerate(class_ids, start=1)}
    absent = np.zeros_like(confusion[0, 0])
    result = []
    for rows, episode in zip(confusion, episodes, strict=True):
        ways = [rows[label[c]] if c in label else absent
                for c in episode.class_ids]
        result.append([rows.sum(0) - sum(ways), *ways])
    return np.array(result)
