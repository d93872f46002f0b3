"""The decode head of PANet (arXiv 1908.06391)."""
from collections.abc import Sequence

from mmseg.models.utils import resize
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from .episode_layout import EpisodeLayout
from .few_shot_head import FewShotHead
from .precision import full_precision
from .support_ways import support_ways


@MODELS.register_module()
class PANetHead(FewShotHead):
    """Segments queries by what their episode's supports tell.

    It has no learnable parameter: what is trained is the backbone below it.
    All of it is computed in float32 (float64 stays), whatever the autocast.

    Args:
        in_channels (int | Sequence[int]): Channels of the feature map used,
            or of each level.
        in_index (int | Sequence[int]): Which of the backbone's outputs is
            used, or which levels are joined, see :class:`FeatureLevels`.
            Defaults to -1.
        classifier (dict | str, optional): How the statistics of supports
            become classes, a registered :class:`Classifier`, or 'auto'.
            Defaults to :class:`PrototypeClassifier`.
        scale (float, optional): Setting of the classifier: the factor of the
            similarities before the softmax.
        distance (str, optional): Setting of :class:`PrototypeClassifier`:
            'cosine' or 'squared_euclidean'.
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
        input_transform (str, optional): 'resize_concat' joins the levels of
            a sequence as ``in_index``, where it is the default.

    Raises:
        InputError: If a setting is unknown, also to the classifier, or the
            levels do not fit each other.
    """

    def __init__(self, in_channels: int | Sequence[int],
                 in_index: int | Sequence[int] = -1,
                 classifier: dict | str | None = None,
                 scale: float | None = None, distance: str | None = None,
                 pool_at: str = 'image',
                 loss_decode: dict | Sequence[dict] = dict(
                     type='SegmentationLoss'),
                 loss_align: dict | None = dict(
                     type='PrototypeAlignmentLoss', mask_source='prediction',
                     loss_weight=1.0),
                 align_corners: bool = False,
                 ignore_index: int = 255,
                 input_transform: str | None = None) -> None:
        if isinstance(loss_decode, dict):
            loss_decode = dict(loss_name='loss_seg') | loss_decode
        super().__init__(
            in_channels, in_index, classifier, scale, distance, pool_at,
            loss_decode=loss_decode, align_corners=align_corners,
            ignore_index=ignore_index, input_transform=input_transform)
        self.loss_align = None if loss_align is None else MODELS.build(
            dict(ignore_index=ignore_index, align_corners=align_corners)
            | loss_align)

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
            train_cfg (dict, optional): Unused; mmseg passes it.

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
        support_ways(support_labels.flatten(0, 2),
                     layout.supports_of(batch_data_samples))
        logits = self.match_episodes(supports, support_labels, queries)
        losses = self.loss_by_feat(
            logits.flatten(0, 1), layout.queries_of(batch_data_samples))
        if self.loss_align is not None:
            losses['loss_align'] = self.loss_align(
                supports, support_labels, queries, query_labels, logits, self)
        return losses

    def loss_by_feat(self, seg_logits: Tensor,
                     batch_data_samples: Sequence[SegDataSample]
                     ) -> dict[str, Tensor]:
        """Compute the segmentation loss and the accuracy of queries.

        As in mmseg, whose accuracy picks pixels by a mask: their number
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
