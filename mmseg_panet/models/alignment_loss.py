"""Prototype alignment regularisation (PANet, section 3.4)."""
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from ..errors import InputError
from .prototypes import EPS, class_masks, masked_sums

MASK_SOURCES = ('prediction', 'true')


@MODELS.register_module()
class PrototypeAlignmentLoss(nn.Module):
    """Segments the supports back from the queries' prototypes.

    Prototypes of the background and of each way are taken from the queries
    (all of an episode pooled together), and every support is segmented into
    (background, its way) with them. The loss is the cross entropy summed
    over the supports and divided by W * S (equation 5), then the mean over
    the episodes of the batch. A way that the mask source shows nowhere in
    the queries has no prototype and adds nothing.

    Args:
        mask_source (str): Which masks of the queries are pooled.
            'prediction': the argmax of the logits at feature resolution, as
            in the paper; 'true': the queries' truth. Defaults to
            'prediction'.
        loss_weight (float): Defaults to 1.0, the paper's lambda.
        ignore_index (int): Label left out. Defaults to 255.
        align_corners (bool): Of the logits' resize. Defaults to False.

    Raises:
        InputError: If ``mask_source`` is unknown.
    """

    def __init__(self,
                 mask_source: str = 'prediction',
                 loss_weight: float = 1.0,
                 ignore_index: int = 255,
                 align_corners: bool = False) -> None:
        super().__init__()
        if mask_source not in MASK_SOURCES:
            raise InputError(
                f'mask_source must be one of {MASK_SOURCES}, got '
                f"'{mask_source}'")
        self.mask_source = mask_source
        self.loss_weight = loss_weight
        self.ignore_index = ignore_index
        self.align_corners = align_corners

    def forward(self, supports: Tensor, support_labels: Tensor,
                queries: Tensor, query_labels: Tensor, query_logits: Tensor,
                weigh: Callable[[Tensor, Sequence[int]], Tensor],
                match: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """Compute the loss of a batch of episodes.

        Args:
            supports (Tensor): Features (B, W, S, C, h, w).
            support_labels (Tensor): (B, W, S, H, W), episode labels.
            queries (Tensor): Features (B, Q, C, h, w).
            query_labels (Tensor): (B, Q, H, W), episode labels.
            query_logits (Tensor): (B, Q, 1 + W, h, w).
            weigh (Callable): The head's pooling: masks (..., H, W) and a
                size (h, w) to weights (..., h, w).
            match (Callable): The head's matching: features (N, C, h, w) and
                prototypes (N, K, C) to logits (N, K, h, w).

        Returns:
            Tensor: A scalar, part of the graph also where no way is present.
        """
        episodes, ways, shots = support_labels.shape[:3]
        if self.mask_source == 'true':
            masks = class_masks(query_labels, ways).to(queries)
            weights = weigh(masks, queries.shape[-2:])
        else:
            predicted = query_logits.argmax(2)  # (B, Q, h, w)
            weights = class_masks(predicted, ways).to(queries)
        areas = weights.sum((1, 3, 4))  # (B, 1 + W), over all queries
        sums = masked_sums(queries.flatten(0, 1), weights.flatten(0, 1))
        sums = sums.unflatten(0, (episodes, -1)).sum(1)  # (B, 1 + W, C)
        prototypes = sums / (areas + EPS)[..., None]  # (B, 1 + W, C)

        background = prototypes[:, :1].expand(-1, ways, -1)  # (B, W, C)
        pairs = torch.stack([background, prototypes[:, 1:]], dim=2)
        pairs = pairs.repeat_interleave(shots, dim=1)  # (B, W*S, 2, C)
        logits = match(supports.flatten(0, 2), pairs.flatten(0, 1))
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
        present = areas[:, 1:] > 0  # (B, W)
        loss = (per_way * present).sum(1) / (ways * shots)  # (B,)
        return self.loss_weight * loss.mean()
