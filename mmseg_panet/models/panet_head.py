"""The decode head of PANet (arXiv 1908.06391)."""
from collections.abc import Mapping, Sequence
from typing import Any

from mmseg.models.utils import resize
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ..files import StrPath
from .episode_layout import EpisodeLayout
from .few_shot_head import FewShotHead
from .precision import full_precision
from .support_ways import support_ways


@MODELS.register_module()
class PANetHead(FewShotHead):
    """The head of PANet, which segments queries by their episode's supports.

    It has no learnable parameters; training changes the backbone. All of it
    is computed in float32, or float64 for such inputs, also under autocast.

    Args:
        in_channels (int | Sequence[int]): Number of channels of the feature
            map, or of each level.
        in_index (int | Sequence[int]): Index of the backbone's output to
            use, or of the levels to concatenate, see :class:`FeatureLevels`.
            Defaults to -1.
        classifier (dict | str, optional): Config of a registered
            :class:`Classifier` that fits classes to the statistics of the
            supports, or 'auto'. Defaults to :class:`PrototypeClassifier`.
        scale (float, optional): Argument of the classifier: factor of the
            similarities before the softmax. Defaults to the classifier's.
        distance (str, optional): Argument of :class:`PrototypeClassifier`:
            'cosine' or 'squared_euclidean'. Defaults to the classifier's.
        pool_at (str): 'image' resizes the features to the mask for the
            pooling, as in the paper; 'feature' resizes the mask to the
            features. Defaults to 'image'.
        loss_decode (dict | Sequence[dict]): Config of the segmentation loss
            of the queries, any loss of mmseg. Its name is 'loss_seg' unless
            it has a ``loss_name``. Defaults to :class:`SegmentationLoss`.
        loss_align (dict, optional): Config of the alignment loss; None
            disables it. Defaults to :class:`PrototypeAlignmentLoss`.
        align_corners (bool): ``align_corners`` of all resizes between
            features and image. Defaults to False.
        ignore_index (int): Label to ignore. Defaults to 255.
        input_transform (str, optional): 'resize_concat' concatenates the
            levels if ``in_index`` is a sequence, which is the default then.
        bank (str | os.PathLike | Mapping, optional): Classes to hold, a file
            of ``mmseg-panet fit``, see :meth:`hold`. Defaults to None.
        channels (int, optional): Number of channels of the features, if a
            subclass changes it. Defaults to the sum of ``in_channels``.

    Raises:
        InputError: If an argument is unknown, or invalid for the classifier,
            if the levels are inconsistent, or if the bank cannot be used.
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
                 input_transform: str | None = None,
                 bank: StrPath | Mapping[str, Any] | None = None,
                 channels: int | None = None) -> None:
        if isinstance(loss_decode, dict):
            loss_decode = dict(loss_name='loss_seg') | loss_decode
        super().__init__(
            in_channels, in_index, classifier, scale, distance, pool_at, bank,
            channels, loss_decode=loss_decode, align_corners=align_corners,
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
            inputs (Sequence[Tensor]): Outputs of the backbone for the
                B * (W * S + Q) images.
            batch_data_samples (Sequence[SegDataSample]): Samples of these
                images in the order of :class:`EpisodeLayout`. With a bank,
                they may also be ordinary images, whose labels are those of
                the bank.
            train_cfg (dict, optional): Not used, but passed by mmseg.

        Returns:
            dict[str, Tensor]: ``loss_seg``, ``loss_align`` (unless it is
            disabled) and the accuracy ``acc_seg`` in percent.

        Raises:
            InputError: If a support has no pixel of its way, or if the
                statistics of the bank were not loaded.
        """
        self.require_statistics()
        if self.bank is not None and 'role' not in batch_data_samples[0]:
            return self.loss_by_feat(self.forward(inputs), batch_data_samples)
        layout = EpisodeLayout.from_samples(batch_data_samples)
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

        The results are those of mmseg. Its accuracy indexes pixels by a
        mask, though, which requires a synchronization with the device.

        Args:
            seg_logits (Tensor): Logits (N, 1 + W, h, w).
            batch_data_samples (Sequence[SegDataSample]): Samples of the N
                queries.

        Returns:
            dict[str, Tensor]: Losses by name, and ``acc_seg``, the
            percentage of valid pixels that are correct.
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
        correct = (logits.argmax(1) == labels) & valid
        losses['acc_seg'] = 100 * correct.sum() / valid.sum().clamp_min(1)
        return losses
