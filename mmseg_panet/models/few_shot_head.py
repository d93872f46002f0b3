"""A decode head that fits its classes to supports."""
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ..errors import InputError, check_choice
from ..files import StrPath
from .banked_head import BankedHead
from .classifiers import Classifier, build_classifier
from .episode_layout import EpisodeLayout
from .feature_levels import FeatureLevels
from .precision import check_finite, full_precision
from .resize import POOL_AT, pooling, size_metainfo
from .statistics import SupportStatistics, label_masks
from .support_ways import support_ways

BYPASSED = ('fit', 'fit_classes', 'predict_episodes', 'match_episodes',
            'support_statistics', 'mask_statistics')
"""Methods that banks and the test loop do not call.

They accept a head that overrides ``features`` or ``match``, but not one that
overrides these methods.
"""


class FewShotHead(BankedHead):
    """The base of heads that classify queries by statistics of supports.

    A prediction uses :meth:`support_statistics` or :meth:`class_statistics`,
    :meth:`Classifier.fit` and :meth:`match`, in this order. It is computed in
    float32, or float64 for such inputs, also under autocast.

    Args:
        in_channels (int | Sequence[int]): Number of channels of the feature
            map or of each level, see :class:`FeatureLevels`.
        in_index (int | Sequence[int]): Outputs of the backbone to use, see
            :class:`FeatureLevels`. Defaults to -1.
        classifier (dict | str, optional): Config of a registered
            :class:`Classifier` that fits classes to the statistics, or
            'auto'. Defaults to :class:`PrototypeClassifier`.
        scale, distance: Arguments of the classifier, if it has them.
        pool_at (str): Resolution of the pooling, see :func:`pooling`.
            Defaults to 'image'.
        bank (str | os.PathLike | Mapping, optional): Classes to hold, see
            :meth:`hold`. The classifier is that of the bank's file unless
            ``classifier`` is given. Defaults to None.
        channels (int, optional): C, the number of channels of
            :meth:`features`, if a subclass changes it. Defaults to the sum of
            ``in_channels``.
        **kwargs: Other arguments of mmseg's ``BaseDecodeHead``.

    Raises:
        InputError: If an argument is unknown, or invalid for the classifier,
            or if the bank cannot be used.
    """

    def __init__(self, in_channels: int | Sequence[int],
                 in_index: int | Sequence[int] = -1,
                 classifier: dict | str | None = None,
                 scale: float | None = None, distance: str | None = None,
                 pool_at: str = 'image',
                 bank: StrPath | Mapping[str, Any] | None = None,
                 channels: int | None = None, **kwargs: Any) -> None:
        check_choice('pool_at', pool_at, POOL_AT)
        # mmseg requires the numbers of a convolution that is not used here.
        super().__init__(
            in_channels, channels=1, num_classes=2, out_channels=2,
            dropout_ratio=0, in_index=in_index, init_cfg=None, **kwargs)
        self.channels = channels or self.levels.channels
        del self.conv_seg  # DDP does not allow parameters without gradient.
        self.classifier = build_classifier(
            classifier, scale=scale, distance=distance)
        self.pool_at = pool_at
        self.fitted = self.bank = None
        if bank is not None:
            self.hold(bank, classifier_of_file=classifier is None)

    def _init_inputs(self, *levels: Any) -> None:
        """Check the levels in the hook that mmseg provides for it."""
        self.levels = FeatureLevels(*levels)
        self.in_channels = self.levels.channels
        self.input_transform = self.levels.input_transform

    @torch.no_grad()
    @full_precision
    def fit(self, inputs: Sequence[Tensor],
            data_samples: Sequence[SegDataSample]) -> None:
        """Fit the classes of a support set for :meth:`forward`.

        Args:
            inputs (Sequence[Tensor]): Outputs of the backbone for the N
                supports; ways may differ in their number of shots.
            data_samples (Sequence[SegDataSample]): N samples with episode
                labels in ``gt_sem_seg`` and ``way`` in their metainfo.

        Raises:
            InputError: If a support has no pixel of its way, or a way has no
                support.
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
        self.fitted = self.fit_classes(
            supports.each(lambda one: one[None]), shots)

    def fit_classes(self, supports: SupportStatistics,
                    shots: Sequence[int]) -> nn.Module:
        """Fit classes to statistics, see :meth:`Classifier.fit`.

        Args:
            supports (SupportStatistics): Statistics (B, N) of the supports of
                B episodes, way by way, with n = 2.
            shots (Sequence[int]): Number of supports of each way.
        """
        return self.classifier.fit(supports, shots)

    @full_precision
    def predict_episodes(
            self, inputs: Sequence[Tensor],
            batch_data_samples: Sequence[SegDataSample],
            by_shot: bool = False) -> Tensor:
        """Classify the queries of a flat batch of episodes.

        Args:
            inputs (Sequence[Tensor]): Outputs of the backbone for the
                B * (W * S + Q) images.
            batch_data_samples (Sequence[SegDataSample]): Samples of these
                images. Only the labels of supports are read.
            by_shot (bool): Whether to fit each shot separately. Defaults to
                False.

        Returns:
            Tensor: Logits (B * Q, 1 + W, h, w) at the size of the feature
            map; with ``by_shot``, (S, B * Q, 1 + W, h, w).

        Raises:
            InputError: If a support has no pixel of its way.
        """
        layout = EpisodeLayout.from_samples(batch_data_samples)
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
        """Make one feature map (N, C, h, w), see :class:`FeatureLevels`."""
        features = self.levels(inputs, self.align_corners)
        return features if self.training else check_finite(features)

    @full_precision
    def match_episodes(self, supports: Tensor, support_labels: Tensor,
                       queries: Tensor) -> Tensor:
        """Classify queries by the supports of their episode.

        Args:
            supports (Tensor): Support features (B, W, S, C, h, w).
            support_labels (Tensor): Episode labels (B, W, S, H, W).
            queries (Tensor): Query features (B, Q, C, h, w).

        Returns:
            Tensor: Logits (B, Q, 1 + W, h, w).
        """
        episodes, ways, shots = support_labels.shape[:3]
        statistics = self.support_statistics(
            supports.flatten(0, 2), support_labels.flatten(0, 2),
            [way for way in range(1, 1 + ways) for _ in range(shots)]
            * episodes)
        fitted = self.fit_classes(
            statistics.each(lambda one: one.unflatten(0, (episodes, -1))),
            [shots] * ways)
        logits = self.match(queries.flatten(0, 1), fitted)
        return logits.unflatten(0, queries.shape[:2])

    @full_precision
    def match(self, features: Tensor, fitted: nn.Module) -> Tensor:
        """Classify features; every prediction of the head uses this method.

        Args:
            features (Tensor): Features (N, C, h, w).
            fitted (nn.Module): Result of :meth:`Classifier.fit`.

        Returns:
            Tensor: Logits (N, K, h, w).
        """
        return fitted(features)

    def support_statistics(self, features: Tensor, labels: Tensor,
                           ways: Sequence[int]) -> SupportStatistics:
        """Compute statistics of the background and the way of supports.

        Args:
            features (Tensor): Features of the supports, (N, C, h, w).
            labels (Tensor): Episode labels of the supports, (N, H, W).
            ways (Sequence[int]): Ways of the N supports.

        Returns:
            SupportStatistics: Statistics of N supports with n = 2.
        """
        return self.mask_statistics(
            features, label_masks(labels, [[0, way] for way in ways]),
            labels != self.ignore_index)

    def mask_statistics(self, features: Tensor, masks: Tensor,
                        valid: Tensor | None = None,
                        classifier: Classifier | None = None
                        ) -> SupportStatistics:
        """Compute statistics of features under masks, with gradients.

        Args:
            features (Tensor): Features (N, C, h, w).
            masks (Tensor): Masks (N, n, H, W) at the size of the network's
                input or of the feature map.
            valid (Tensor, optional): Pixels that count for the axes of the
                moments, (N, H, W) bool. Defaults to those of all masks.
            classifier (Classifier, optional): Classifier that the statistics
                are for. Defaults to that of the head.

        Returns:
            SupportStatistics: Statistics of N images.
        """
        to_masks = pooling(
            features.shape[-2:], size_metainfo(masks.shape[-2:]),
            self.pool_at, self.align_corners, like=features)
        asks, rank = classifier or self.classifier, self._rank
        return SupportStatistics.from_weights(
            features, to_masks.adjoint(masks.to(features)),
            asks.needs_now, asks.unit_cells or self.classifier.unit_cells,
            rank, valid if valid is None or rank is None
            else to_masks.adjoint(valid.to(features)))

    def class_statistics(self, features: Tensor, labels: Tensor,
                         num_classes: int,
                         metainfo: dict | None = None) -> SupportStatistics:
        """Compute statistics of images for any episode of their classes.

        Args:
            features (Tensor): Features (N, C, h, w).
            labels (Tensor): Labels (N, H, W) of ``from_classes``, at the size
                of the network's input or, with ``metainfo``, of the images.
            num_classes (int): Number of classes in the labels.
            metainfo (dict, optional): Metainfo of the images, see
                :func:`to_original_size`. Defaults to None.

        Returns:
            SupportStatistics: Statistics in float64, see ``from_classes``.
        """
        to_labels = pooling(
            features.shape[-2:], metainfo or size_metainfo(labels.shape[-2:]),
            self.pool_at, self.align_corners,
            like=features.new_empty(0, dtype=torch.float64))
        return SupportStatistics.from_classes(
            features, labels, num_classes, to_labels, self.classifier.needs,
            self.classifier.unit_cells, self._rank)

    @property
    def _rank(self) -> int | None:
        """The rank of the moments; they are exact in training."""
        return None if self.training else self.classifier.rank

    def labels(self, data_samples: Sequence[SegDataSample]) -> Tensor:
        """Stack the ``gt_sem_seg`` of N images.

        Returns:
            Tensor: Labels (N, H, W) at the size of the padded images.

        Raises:
            InputError: If a sample has no ``gt_sem_seg``.
        """
        if any('gt_sem_seg' not in sample for sample in data_samples):
            raise InputError(
                'expected gt_sem_seg with episode labels in every support, '
                'and in training in every query, got a sample without')
        return torch.stack([
            # mmseg pads the labels in training, but not in testing.
            F.pad(sample.gt_sem_seg.data[0],
                  sample.get('img_padding_size', (0, 0, 0, 0)),
                  value=self.ignore_index)
            for sample in data_samples])
