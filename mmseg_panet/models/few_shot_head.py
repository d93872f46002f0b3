"""A decode head that learns its classes from supports."""
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ..errors import InputError, check_choice
from .classifiers import Classifier, build_classifier
from .episode_layout import EpisodeLayout
from .feature_levels import FeatureLevels
from .precision import full_precision
from .resize import POOL_AT, pooling, size_metainfo
from .statistics import SupportStatistics, label_masks
from .support_ways import support_ways

BYPASSED = ('fit', 'predict_episodes', 'match_episodes', 'support_statistics',
            'mask_statistics')
"""Methods that banks and the test that visits each image once do not call.

A head may override ``features`` and ``match``, but is refused with these.
"""


class FewShotHead(BaseDecodeHead):
    """From the features of supports and queries to logits.

    Supports pass :meth:`support_statistics` or :meth:`class_statistics`, the
    fit of a :class:`Classifier` and :meth:`match`, whoever asks. All of it
    is computed in float32 (float64 stays), whatever the autocast.

    Args:
        in_channels (int | Sequence[int]): See :class:`FeatureLevels`.
        in_index (int | Sequence[int]): Which output of the backbone, or
            which ones, see :class:`FeatureLevels`. Defaults to -1.
        classifier (dict | str, optional): How the statistics of supports
            become classes, a registered :class:`Classifier`, or 'auto'.
            Defaults to :class:`PrototypeClassifier`.
        scale, distance: Settings of the classifier, where it has them.
        pool_at (str): See :func:`pooling`. Defaults to 'image'.
        **kwargs: As for mmseg's ``BaseDecodeHead``.

    Attributes:
        fitted (nn.Module | None): What :meth:`fit` has fitted.

    Raises:
        InputError: If a setting is unknown, also to the classifier.
    """

    fitted: nn.Module | None

    def __init__(self, in_channels: int | Sequence[int],
                 in_index: int | Sequence[int] = -1,
                 classifier: dict | str | None = None,
                 scale: float | None = None, distance: str | None = None,
                 pool_at: str = 'image',
                 **kwargs: Any) -> None:
        check_choice('pool_at', pool_at, POOL_AT)
        # mmseg wants numbers of a classifier that this head does not have.
        super().__init__(
            in_channels, channels=1, num_classes=2, out_channels=2,
            dropout_ratio=0, in_index=in_index, init_cfg=None, **kwargs)
        del self.conv_seg  # DDP refuses parameters that get no gradient.
        self.classifier = build_classifier(
            classifier, scale=scale, distance=distance)
        self.pool_at = pool_at
        self.fitted = None

    def _init_inputs(self, *levels: Any) -> None:
        """Check the levels, where mmseg checks them."""
        self.levels = FeatureLevels(*levels)
        self.in_channels = self.levels.channels
        self.input_transform = self.levels.input_transform

    @full_precision
    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Classify features by the fitted classes.

        Args:
            inputs (Sequence[Tensor]): The backbone's outputs,
                (N, C, h, w) each.

        Returns:
            Tensor: Logits (N, 1 + W, h, w), background first.

        Raises:
            RuntimeError: If no support set was fitted.
        """
        if self.fitted is None:
            raise RuntimeError(
                f'{type(self).__name__} has no prototypes yet: call fit('
                'feats, data_samples) with a support set first, or give '
                'FewShotSegmentor complete episodes (EpisodicDataset)')
        return self.match(self.features(inputs), self.fitted)

    @torch.no_grad()
    @full_precision
    def fit(self, inputs: Sequence[Tensor],
            data_samples: Sequence[SegDataSample]) -> None:
        """Fit the classes of a support set for ``forward``.

        Args:
            inputs (Sequence[Tensor]): The backbone's outputs of the N
                supports; ways may differ in their number of shots.
            data_samples (Sequence[SegDataSample]): N samples with episode
                labels in ``gt_sem_seg`` and ``way`` in their metainfo.

        Raises:
            InputError: If a support shows no pixel of its way, or a way has
                no support.
        """
        labels = self.labels(data_samples)
        ways = support_ways(labels, data_samples)
        shots = [ways.count(way) for way in range(1, 1 + max(ways))]
        if not all(shots):
            raise InputError(
                f'expected a support for every way 1..{len(shots)}, got none '
                f'for {[1 + i for i, count in enumerate(shots) if not count]}')
        by_way = sorted(range(len(ways)), key=ways.__getitem__)
        features, labels = (
            torch.stack([one[i] for i in by_way])
            for one in (self.features(inputs), labels))
        supports = self.support_statistics(features, labels, sorted(ways))
        self.fitted = self.classifier.fit(
            supports.each(lambda one: one[None]), shots)

    @full_precision
    def predict_episodes(
            self, inputs: Sequence[Tensor],
            batch_data_samples: Sequence[SegDataSample],
            by_shot: bool = False) -> Tensor:
        """Classify the queries of a flat batch of episodes.

        Args:
            inputs (Sequence[Tensor]): As for :meth:`loss`.
            batch_data_samples (Sequence[SegDataSample]): As for
                :meth:`loss`; only the supports' labels are read.
            by_shot (bool): Whether each shot is fitted alone. Defaults to
                False.

        Returns:
            Tensor: Logits (B * Q, 1 + W, h, w) on the cells; with
            ``by_shot`` one such tensor a shot, (S, B * Q, 1 + W, h, w).

        Raises:
            InputError: If a support shows no pixel of its way.
        """
        layout = EpisodeLayout.of(batch_data_samples)
        supports, queries = layout.split(self.features(inputs))
        samples = layout.supports_of(batch_data_samples)
        labels = self.labels(samples)
        support_ways(labels, samples)
        labels = labels.unflatten(0, supports.shape[:3])
        size = 1 if by_shot else layout.shots
        logits = torch.stack([
            self.match_episodes(some, some_labels, queries).flatten(0, 1)
            for some, some_labels in zip(
                supports.split(size, 2), labels.split(size, 2), strict=True)])
        return logits if by_shot else logits[0]

    def features(self, inputs: Sequence[Tensor]) -> Tensor:
        """Make one feature map of the backbone's outputs.

        Returns:
            Tensor: (N, C, h, w), float32, or float64 where it was that.
        """
        return self.levels(inputs, self.align_corners)

    @full_precision
    def match_episodes(self, supports: Tensor, support_labels: Tensor,
                       queries: Tensor) -> Tensor:
        """Classify queries by the supports of their own episode.

        Args:
            supports (Tensor): Features (B, W, S, C, h, w).
            support_labels (Tensor): (B, W, S, H, W), episode labels.
            queries (Tensor): Features (B, Q, C, h, w).

        Returns:
            Tensor: Logits (B, Q, 1 + W, h, w).
        """
        episodes, ways, shots = support_labels.shape[:3]
        statistics = self.support_statistics(
            supports.flatten(0, 2), support_labels.flatten(0, 2),
            [way for way in range(1, 1 + ways) for _ in range(shots)]
            * episodes)
        fitted = self.classifier.fit(
            statistics.each(lambda one: one.unflatten(0, (episodes, -1))),
            [shots] * ways)
        logits = self.match(queries.flatten(0, 1), fitted)
        return logits.unflatten(0, queries.shape[:2])

    @full_precision
    def match(self, features: Tensor, fitted: nn.Module) -> Tensor:
        """Classify features; all that the head predicts passes here.

        Args:
            features (Tensor): (N, C, h, w).
            fitted (nn.Module): What :meth:`Classifier.fit` returns.

        Returns:
            Tensor: Logits (N, K, h, w).
        """
        return fitted(features)

    def support_statistics(self, features: Tensor, labels: Tensor,
                           ways: Sequence[int]) -> SupportStatistics:
        """Measure what supports add to the background and to their own way.

        Args:
            features (Tensor): (N, C, h, w).
            labels (Tensor): (N, H, W), episode labels.
            ways (Sequence[int]): N, the way that each support shows.

        Returns:
            SupportStatistics: Of N supports, n is 2.
        """
        return self.mask_statistics(
            features, label_masks(labels, [[0, way] for way in ways]),
            labels != self.ignore_index)

    def mask_statistics(self, features: Tensor, masks: Tensor,
                        valid: Tensor | None = None,
                        classifier: Classifier | None = None
                        ) -> SupportStatistics:
        """Measure features under masks, with gradients.

        Args:
            features (Tensor): (N, C, h, w).
            masks (Tensor): (N, n, H, W), at the size of the network's input
                or of the feature map.
            valid (Tensor, optional): bool (N, H, W), pixels that count for
                the axes of the moments. Defaults to those of all masks.
            classifier (Classifier, optional): Whose needs are measured.
                Defaults to the head's.

        Returns:
            SupportStatistics: Of N images.
        """
        to_masks = pooling(
            features.shape[-2:], size_metainfo(masks.shape[-2:]),
            self.pool_at, self.align_corners, like=features)
        asks, rank = classifier or self.classifier, self._rank
        return SupportStatistics.of_weights(
            features, to_masks.adjoint(masks.to(features)),
            asks.needs_now, asks.unit_cells or self.classifier.unit_cells,
            rank, valid if valid is None or rank is None
            else to_masks.adjoint(valid.to(features)))

    def class_statistics(self, features: Tensor, labels: Tensor,
                         num_classes: int,
                         metainfo: dict | None = None) -> SupportStatistics:
        """Measure what images add to any episode of their classes.

        Args:
            features (Tensor): (N, C, h, w).
            labels (Tensor): (N, H, W), see
                :meth:`SupportStatistics.of_classes`; at the size of the
                network's input, or with ``metainfo`` at that of the images.
            num_classes (int): Number of classes in the labels.
            metainfo (dict, optional): See :func:`to_own_size`.

        Returns:
            SupportStatistics: float64, see ``of_classes``.
        """
        to_labels = pooling(
            features.shape[-2:], metainfo or size_metainfo(labels.shape[-2:]),
            self.pool_at, self.align_corners,
            like=features.new_empty(0, dtype=torch.float64))
        return SupportStatistics.of_classes(
            features, labels, num_classes, to_labels, self.classifier.needs,
            self.classifier.unit_cells, self._rank)

    @property
    def _rank(self) -> int | None:
        """Moments are exact where they get a gradient."""
        return None if self.training else self.classifier.rank

    def labels(self, data_samples: Sequence[SegDataSample]) -> Tensor:
        """Stack the ``gt_sem_seg`` of N images.

        Returns:
            Tensor: (N, H, W), at the size of the padded images.

        Raises:
            InputError: If a sample has none.
        """
        if any('gt_sem_seg' not in sample for sample in data_samples):
            raise InputError(
                'expected gt_sem_seg with episode labels in every support, '
                'and in training in every query, got a sample without')
        return torch.stack([
            # mmseg pads the labels itself in training, not in testing.
            F.pad(sample.gt_sem_seg.data[0],
                  sample.get('img_padding_size', (0, 0, 0, 0)),
                  value=self.ignore_index)
            for sample in data_samples])
