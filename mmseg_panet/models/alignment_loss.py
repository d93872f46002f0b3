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
    """Segments the supports back from the queries' prototypes.

    The background and each way are fitted to the queries (all of an episode
    pooled together), in the paper as prototypes, and every support is
    segmented into (background, its way) with them. The loss is the cross
    entropy summed over the supports and divided by W * S (equation 5), then
    the mean over the episodes of the batch. A way that the mask source shows
    nowhere in the queries is not fitted and adds nothing.

    Args:
        mask_source (str): Which masks of the queries are pooled.
            'prediction': the argmax of the logits at feature resolution, as
            in the paper; 'true': the queries' ground truth. Defaults to
            'prediction'.
        loss_weight (float): Defaults to 1.0, the paper's lambda.
        ignore_index (int): Label left out. Defaults to 255.
        align_corners (bool): Of the logits' resize. Defaults to False.
        classifier (dict, optional): How the queries are fitted, a registered
            :class:`Classifier` with settings of its own; its cells are
            normalised where those of the head's classifier are. Defaults to
            the classifier of the head.

    Raises:
        InputError: If ``mask_source`` is unknown, or what is no classifier.
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
            supports (Tensor): Features (B, W, S, C, h, w).
            support_labels (Tensor): (B, W, S, H, W), episode labels.
            queries (Tensor): Features (B, Q, C, h, w).
            query_labels (Tensor): (B, Q, H, W), episode labels.
            query_logits (Tensor): (B, Q, 1 + W, h, w).
            head (FewShotHead): Measures the queries, and fits and matches
                their classes.

        Returns:
            Tensor: A scalar, part of the graph also where no way is present.
        """
        episodes, ways, shots = support_labels.shape[:3]
        labels = query_labels if self.mask_source == 'true' else (
            query_logits.argmax(2))  # on the cells: no resize
        classifier = self.classifier or head.classifier
        measured = head.mask_statistics(
            queries.flatten(0, 1),
            label_masks(labels.flatten(0, 1), range(1 + ways)),
            classifier=classifier)
        # (B, 1 + W), over all queries of an episode.
        measured = measured.each(
            lambda one: one.unflatten(0, (episodes, -1))).pooled(1)
        present = measured.areas[:, 1:] > 0  # (B, W)

        # An episode for each way, with all queries as its support.
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

        own_way = torch.arange(1, 1 + ways, device=support_labels.device)
        own_way = own_way.view(ways, 1, 1, 1)
        targets = torch.full_like(support_labels, self.ignore_index)
        targets[support_labels == 0] = 0
        targets[support_labels == own_way] = 1
        targets = targets.flatten(0, 2)  # (B*W*S, H, W)
        errors = F.cross_entropy(
            logits, targets, ignore_index=self.ignore_index, reduction='none')
        # By hand: the mean of a support without a valid pixel would be nan.
        valid = (targets != self.ignore_index).sum((1, 2)).clamp_min(1)
        per_support = errors.sum((1, 2)) / valid  # (B*W*S,)
        per_way = per_support.view(episodes, ways, shots).sum(2)
        per_way = torch.where(present, per_way, 0)
        loss = per_way.sum(1) / (ways * shots)  # (B,)
        return self.loss_weight * loss.mean()
