"""Prototype alignment regularisation (PANet, section 3.4)."""
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from ..errors import check_choice
from .classifiers import build_classifier
from .statistics import join, label_masks, stack

MASK_SOURCES = ('prediction', 'true')


@MODELS.register_module()
class PrototypeAlignmentLoss(nn.Module):
    """The loss of segmenting the supports with the queries' prototypes.

    A classifier of the background and each way is fitted to the queries of
    an episode, which are pooled; in the paper it consists of prototypes.
    Every support is then segmented into background and its way. The loss is
    the cross entropy summed over the supports and divided by W * S
    (equation 5), averaged over the episodes of the batch. A way without a
    pixel in the masks of the queries is not fitted and contributes 0.

    Args:
        mask_source (str): Source of the queries' masks. 'prediction' is the
            argmax of the logits at feature resolution, as in the paper;
            'true' is the ground truth of the queries. Defaults to
            'prediction'.
        loss_weight (float): Weight of the loss. Defaults to 1.0, which is
            the paper's lambda.
        ignore_index (int): Label to ignore. Defaults to 255.
        align_corners (bool): ``align_corners`` of the resize of the logits.
            Defaults to False.
        classifier (dict, optional): Config of a registered
            :class:`Classifier` that is fitted to the queries. Its cells are
            also normalised if those of the head's classifier are. Defaults
            to the classifier of the head.

    Raises:
        InputError: If ``mask_source`` is unknown, or if ``classifier`` is
            not a classifier.
    """

    def __init__(self, mask_source: str = 'prediction',
                 loss_weight: float = 1.0, ignore_index: int = 255,
                 align_corners: bool = False,
                 classifier: dict | None = None) -> None:
        super().__init__()
        check_choice('mask_source', mask_source, MASK_SOURCES)
        self.mask_source = mask_source
        self.loss_weight = loss_weight
        self.ignore_index = ignore_index
        self.align_corners = align_corners
        self.classifier = None if classifier is None else (
            build_classifier(classifier))

    def forward(self, supports: Tensor, support_labels: Tensor,
                queries: Tensor, query_labels: Tensor, query_logits: Tensor,
                head: Any) -> Tensor:
        """Compute the loss of a batch of episodes.

        Args:
            supports (Tensor): Features of the supports,
                (B, W, S, C, h, w).
            support_labels (Tensor): Episode labels of the supports,
                (B, W, S, H, W).
            queries (Tensor): Features of the queries, (B, Q, C, h, w).
            query_labels (Tensor): Episode labels of the queries,
                (B, Q, H, W).
            query_logits (Tensor): Logits of the queries,
                (B, Q, 1 + W, h, w).
            head (FewShotHead): Head that computes statistics and logits.

        Returns:
            Tensor: Scalar loss, which has a graph even if no way is present.
        """
        episodes, ways, shots = support_labels.shape[:3]
        labels = query_labels if self.mask_source == 'true' else (
            query_logits.argmax(2))  # at feature resolution
        classifier = self.classifier or head.classifier
        measured = head.mask_statistics(
            queries.flatten(0, 1),
            label_masks(labels.flatten(0, 1), range(1 + ways)),
            classifier=classifier)
        # Leading dimension B and n = 1 + W, pooled over an episode's queries.
        measured = measured.each(
            lambda one: one.unflatten(0, (episodes, -1))).pooled(1)
        present = measured.areas[:, 1:] > 0  # (B, W)

        # Each way is an episode whose support is the pooled queries.
        background = measured.masks(slice(1))
        pairs = stack([
            join([background, measured.masks(slice(way, 1 + way))])
            for way in range(1, 1 + ways)])
        pairs = pairs.each(
            lambda one: one.transpose(0, 1).flatten(0, 1)[:, None])
        fitted = classifier.fit(pairs, [1])  # B*W episodes
        logits = head.match(supports.flatten(0, 2), fitted)
        logits = F.interpolate(
            logits, support_labels.shape[-2:], mode='bilinear',
            align_corners=self.align_corners)  # (B*W*S, 2, H, W)

        way_of = torch.arange(1, 1 + ways, device=support_labels.device)
        way_of = way_of.view(ways, 1, 1, 1)
        targets = torch.full_like(support_labels, self.ignore_index)
        targets[support_labels == 0] = 0
        targets[support_labels == way_of] = 1
        targets = targets.flatten(0, 2)  # (B*W*S, H, W)
        errors = F.cross_entropy(
            logits, targets, ignore_index=self.ignore_index, reduction='none')
        # F.cross_entropy's mean would be nan for a support without a valid
        # pixel.
        valid = (targets != self.ignore_index).sum((1, 2)).clamp_min(1)
        per_support = errors.sum((1, 2)) / valid  # (B*W*S,)
        per_way = per_support.view(episodes, ways, shots).sum(2)
        per_way = torch.where(present, per_way, 0)
        loss = per_way.sum(1) / (ways * shots)  # (B,)
        return self.loss_weight * loss.mean()
