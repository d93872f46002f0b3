"""The decode head of PANet (arXiv 1908.06391)."""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ..errors import InputError
from .episode_layout import EpisodeLayout
from .full_precision import full_precision
from .matching import DISTANCES, match_prototypes
from .prototypes import (
    POOL_AT,
    pool_supports,
    pooling_weights,
    support_prototypes,
)
from .support_check import check_supports, is_compiling


@MODELS.register_module()
class PANetHead(BaseDecodeHead):
    """Segments queries by the prototypes of their episode's supports.

    It has no learnable parameter: what is trained is the backbone below it.
    All of it is computed in float32 (float64 stays), whatever the autocast.

    Args:
        in_channels (int): C, channels of the feature map used.
        in_index (int): Which of the backbone's outputs is used. Defaults
            to -1.
        scale (float): Factor of the similarities before the softmax.
            Defaults to 20.0, as in the released code.
        distance (str): 'cosine' or 'squared_euclidean'. Defaults to
            'cosine'.
        pool_at (str): 'image' pools the features resized to the mask, as the
            paper does; 'feature' the mask resized to the features. Defaults
            to 'image'.
        loss_decode (dict | Sequence[dict]): The segmentation loss of the
            queries, any of mmseg's; named 'loss_seg' unless it has a
            ``loss_name``. Defaults to :class:`SegmentationLoss`.
        loss_align (dict, optional): The alignment loss; None switches it
            off. Defaults to :class:`PrototypeAlignmentLoss`.
        align_corners (bool): Of every resize between features and image.
            Defaults to False.
        ignore_index (int): Label left out. Defaults to 255.

    Raises:
        InputError: If ``distance`` or ``pool_at`` is unknown.
    """

    prototypes: Tensor

    def __init__(
        self,
        in_channels: int,
        in_index: int = -1,
        scale: float = 20.0,
        distance: str = 'cosine',
        pool_at: str = 'image',
        loss_decode: dict | Sequence[dict] = dict(type='SegmentationLoss'),
        loss_align: dict | None = dict(
            type='PrototypeAlignmentLoss',
            mask_source='prediction',
            loss_weight=1.0),
        align_corners: bool = False,
        ignore_index: int = 255,
    ) -> None:
        for name, value, known in (('distance', distance, DISTANCES),
                                   ('pool_at', pool_at, POOL_AT)):
            if value not in known:
                raise InputError(
                    f"{name} must be one of {known}, got '{value}'")
        if isinstance(loss_decode, dict):
            loss_decode = dict(loss_name='loss_seg') | loss_decode
        # The host wants numbers of a classifier, which this head has not.
        super().__init__(
            in_channels,
            channels=1,
            num_classes=2,
            out_channels=2,
            dropout_ratio=0,
            in_index=in_index,
            loss_decode=loss_decode,
            ignore_index=ignore_index,
            align_corners=align_corners,
            init_cfg=None)
        del self.conv_seg  # DDP refuses parameters that get no gradient.
        self.scale = scale
        self.distance = distance
        self.pool_at = pool_at
        self.loss_align = None if loss_align is None else MODELS.build(
            dict(ignore_index=ignore_index, align_corners=align_corners)
            | loss_align)
        # Not part of a checkpoint: it belongs to a support set.
        self.register_buffer(
            'prototypes', torch.empty(0, in_channels), persistent=False)

    @full_precision
    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Match features against the fitted prototypes.

        Args:
            inputs (Sequence[Tensor]): The backbone's outputs, the one at
                ``in_index`` of shape (N, C, h, w).

        Returns:
            Tensor: Logits (N, 1 + W, h, w), background first.

        Raises:
            RuntimeError: If no support set was fitted.
        """
        if len(self.prototypes) == 0:
            raise RuntimeError(
                'PANetHead has no prototypes yet: call fit(feats, '
                'data_samples) with a support set first, or give '
                'FewShotSegmentor whole episodes (EpisodicDataset)')
        features = self.features(inputs)
        return self.match(features, self.prototypes)

    @torch.no_grad()
    @full_precision
    def fit(self, inputs: Sequence[Tensor],
            data_samples: Sequence[SegDataSample]) -> None:
        """Store the prototypes of a support set for ``forward``.

        Ways may differ in their number of shots.

        Args:
            inputs (Sequence[Tensor]): The backbone's outputs of the N
                supports.
            data_samples (Sequence[SegDataSample]): N samples with episode
                labels in ``gt_sem_seg`` and ``way`` in their metainfo.

        Raises:
            InputError: If a support shows no pixel of its way, or a way has
                no support.
        """
        features = self.features(inputs)
        labels = self.labels(data_samples)
        ways = check_supports(labels, data_samples)
        num_ways = int(ways.max())
        missing = set(range(1, 1 + num_ways)) - set(ways.tolist())
        if missing:
            raise InputError(
                f'expected a support for every way 1..{num_ways}, got none '
                f'for {sorted(missing)}')
        pooled = pool_supports(
            features, labels, ways, self.pool_at, self.align_corners)
        foreground = [
            pooled[ways == way, 1].mean(0) for way in range(1, 1 + num_ways)]
        self.prototypes = torch.stack([pooled[:, 0].mean(0), *foreground])

    @full_precision
    def loss(self, inputs: Sequence[Tensor],
             batch_data_samples: Sequence[SegDataSample],
             train_cfg: dict | None = None) -> dict[str, Tensor]:
        """Compute the losses of a flat batch of episodes.

        Args:
            inputs (Sequence[Tensor]): The backbone's outputs for the
                B * (W * S + Q) images.
            batch_data_samples (Sequence[SegDataSample]): As many samples,
                laid out as :class:`EpisodeLayout` says.
            train_cfg (dict, optional): Unused; the host passes it.

        Returns:
            dict[str, Tensor]: ``loss_seg``, ``loss_align`` (unless switched
            off) and the accuracy ``acc_seg`` in percent.

        Raises:
            InputError: If a support shows no pixel of its way.
        """
        layout = EpisodeLayout.of(batch_data_samples)
        supports, queries = layout.split(self.features(inputs))
        support_labels, query_labels = layout.split(
            self.labels(batch_data_samples))
        # A branch on the labels would end the graph of torch.compile; the
        # data set has looked at them when it loaded them.
        if not is_compiling():
            check_supports(
                support_labels.flatten(0, 2),
                layout.supports_of(batch_data_samples))
        logits = self.match_episodes(supports, support_labels, queries)
        losses = self.loss_by_feat(
            logits.flatten(0, 1), layout.queries_of(batch_data_samples))
        if self.loss_align is not None:
            losses['loss_align'] = self.loss_align(
                supports, support_labels, queries, query_labels, logits,
                self._weigh, self.match)
        return losses

    def loss_by_feat(self, seg_logits: Tensor,
                     batch_data_samples: Sequence[SegDataSample]
                     ) -> dict[str, Tensor]:
        """Compute the segmentation loss and the accuracy of queries.

        As in the host, whose accuracy picks pixels by a mask: their number
        would have to be fetched from the device.

        Args:
            seg_logits (Tensor): (N, 1 + W, h, w).
            batch_data_samples (Sequence[SegDataSample]): N queries.

        Returns:
            dict[str, Tensor]: The losses by name, and ``acc_seg``, percent
            of the valid pixels.
        """
        labels = self.labels(batch_data_samples)
        logits = resize(
            seg_logits, labels.shape[1:], mode='bilinear',
            align_corners=self.align_corners)
        losses: dict[str, Tensor] = {}
        many = isinstance(self.loss_decode, nn.ModuleList)
        for loss in self.loss_decode if many else [self.loss_decode]:
            value = loss(logits, labels, ignore_index=self.ignore_index)
            losses[loss.loss_name] = losses.get(loss.loss_name, 0) + value
        valid = labels != self.ignore_index
        right = (logits.argmax(1) == labels) & valid
        losses['acc_seg'] = 100 * right.sum() / valid.sum().clamp_min(1)
        return losses

    @full_precision
    def predict_episodes(
            self, inputs: Sequence[Tensor],
            batch_data_samples: Sequence[SegDataSample],
            by_shot: bool = False) -> Tensor:
        """Segment the queries of a flat batch of episodes.

        Args:
            inputs (Sequence[Tensor]): As for :meth:`loss`.
            batch_data_samples (Sequence[SegDataSample]): As for
                :meth:`loss`; only the supports' labels are read.
            by_shot (bool): Segment from one shot of every way at a time.
                Defaults to False.

        Returns:
            Tensor: Logits (B * Q, 1 + W, H, W) at the size of the network's
            input, as ``predict`` of the host's heads; with ``by_shot`` one
            such tensor a shot, (S, B * Q, 1 + W, H, W).

        Raises:
            InputError: If a support shows no pixel of its way.
        """
        layout = EpisodeLayout.of(batch_data_samples)
        supports, queries = layout.split(self.features(inputs))
        samples = layout.supports_of(batch_data_samples)
        labels = self.labels(samples)
        check_supports(labels, samples)
        labels = labels.unflatten(0, supports.shape[:3])
        metas = [
            sample.metainfo
            for sample in layout.queries_of(batch_data_samples)]
        size = 1 if by_shot else layout.shots
        logits = torch.stack([
            self.predict_by_feat(
                self.match_episodes(some, some_labels, queries).flatten(0, 1),
                metas)
            for some, some_labels in zip(
                supports.split(size, 2), labels.split(size, 2), strict=True)])
        return logits if by_shot else logits[0]

    def features(self, inputs: Sequence[Tensor]) -> Tensor:
        """The feature map used, in full precision.

        Args:
            inputs (Sequence[Tensor]): The backbone's outputs.

        Returns:
            Tensor: (N, C, h, w), float32, or float64 where it was that.
        """
        if not -len(inputs) <= self.in_index < len(inputs):
            raise InputError(
                f'in_index={self.in_index} of PANetHead is outside the '
                f'{len(inputs)} outputs of the backbone')
        features = self._transform_inputs(inputs)
        if features.shape[1] != self.in_channels:
            raise InputError(
                f'expected in_channels={self.in_channels} of PANetHead, got '
                f'features of {features.shape[1]} channels; set in_channels '
                'to those of the backbone at in_index')
        if features.dtype in (torch.float16, torch.bfloat16):
            return features.float()
        return features

    @full_precision
    def match_episodes(self, supports: Tensor, support_labels: Tensor,
                       queries: Tensor) -> Tensor:
        """Match queries against the prototypes of their own episode.

        Args:
            supports (Tensor): Features (B, W, S, C, h, w).
            support_labels (Tensor): (B, W, S, H, W), episode labels.
            queries (Tensor): Features (B, Q, C, h, w).

        Returns:
            Tensor: Logits (B, Q, 1 + W, h, w).
        """
        prototypes = support_prototypes(
            supports, support_labels, self.pool_at, self.align_corners)
        prototypes = prototypes.repeat_interleave(queries.shape[1], dim=0)
        logits = self.match(queries.flatten(0, 1), prototypes)
        return logits.unflatten(0, queries.shape[:2])

    @full_precision
    def match(self, features: Tensor, prototypes: Tensor) -> Tensor:
        """Match features with the head's scale and distance.

        Args:
            features (Tensor): (N, C, h, w).
            prototypes (Tensor): (N, K, C) or (K, C).

        Returns:
            Tensor: Logits (N, K, h, w).
        """
        return match_prototypes(
            features, prototypes, self.scale, self.distance)

    def _weigh(self, masks: Tensor, size: Sequence[int]) -> Tensor:
        return pooling_weights(masks, size, self.pool_at, self.align_corners)

    def labels(self, data_samples: Sequence[SegDataSample]) -> Tensor:
        """Stack the episode labels of images.

        Args:
            data_samples (Sequence[SegDataSample]): N, with ``gt_sem_seg``.

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
            # The host pads the labels itself in training, not in testing.
            F.pad(sample.gt_sem_seg.data[0],
                  sample.get('img_padding_size', (0, 0, 0, 0)),
                  value=self.ignore_index)
            for sample in data_samples
        ])
