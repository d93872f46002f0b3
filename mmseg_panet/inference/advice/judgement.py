"""How well prototypes fit the mask of a support."""
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...models.label_maps import resize_operators
from ...models.support_sums import area_mean, background_mean
from ..bank.prototype_bank import BankedSupport


class Judgement(NamedTuple):
    """How prototypes fit the mask of a support.

    Attributes:
        cells (float): Of the feature map that the mask covers.
        ious (list[float]): In percent, of every set of
            :func:`prototype_sets`.
        own_fit (float): :func:`mask_agreement` of the first set.
        agreement (float): Of the second set, or of the only one.
    """

    cells: float
    ious: list[float]
    own_fit: float
    agreement: float


def shot_prototypes(shots: Sequence[BankedSupport]) -> Tensor:
    """Prototypes of a class and of all else, by shot.

    Args:
        shots (Sequence[BankedSupport]): S, of one class.

    Returns:
        Tensor: float64 (S, 2, C), background first.
    """
    return torch.stack([
        torch.stack([
            background_mean(one.sums[0], one.sums[1:2]),
            area_mean(one.sums[1])])
        for one in shots])


def prototype_sets(prototypes: Tensor, shot: int) -> Tensor:
    """What one shot of a class is judged by.

    Args:
        prototypes (Tensor): (S, 2, C), see :func:`shot_prototypes`.
        shot (int): From 0.

    Returns:
        Tensor: (G, 2, C): its own; the mean of the others; and their mean
        without each of them in turn. G is 1 + S, with two shots 2, with one
        shot 1.
    """
    others = torch.cat([prototypes[:shot], prototypes[shot + 1:]])
    sets = [prototypes[shot]]
    if len(others):
        sets.append(others.mean(0))
    if len(others) > 1:
        sets += list((others.sum(0) - others) / (len(others) - 1))
    return torch.stack(sets)


def judge(head: Any, features: Tensor, metainfo: dict, labels: Tensor,
          sets: Tensor) -> Judgement:
    """Compare the mask of a support with what prototypes find.

    Args:
        head (PANetHead): Matches.
        features (Tensor): (C, h, w), of the support's image.
        metainfo (dict): Of it, see :func:`resize_operators`.
        labels (Tensor): (H, W), at the image's own size: 1 the class, 0 not,
            255 unknown.
        sets (Tensor): (G, 2, C), see :func:`prototype_sets`.

    Returns:
        Judgement: Of the support.
    """
    rows, columns = resize_operators(
        features.shape[1:], metainfo, head.align_corners, like=features)
    logits = head.match(
        features[None], sets.to(features).flatten(0, 1)[None])[0]
    logits = logits.unflatten(0, (-1, 2))  # (G, 2, h, w)
    ious, agreements = [], []
    # One by one, as an image may be large.
    for number, lead in enumerate(logits[:, 1] - logits[:, 0]):
        lead = rows @ lead @ columns.T  # (H, W)
        ious.append(mask_iou(lead > 0, labels))
        if number < 2:
            agreements.append(mask_agreement(lead, labels))
    share = int((labels == 1).sum()) / labels.numel()
    return Judgement(
        share * features[0].numel(), ious, agreements[0], agreements[-1])


def mask_iou(found: Tensor, labels: Tensor) -> float:
    """IoU of a class in percent, where it is known.

    Args:
        found (Tensor): bool (H, W).
        labels (Tensor): (H, W): 1 the class, 0 not, 255 unknown.
    """
    mask = labels == 1
    union = mask | (found & (labels != 255))
    return 100 * int((found & mask).sum()) / int(union.sum())


def mask_agreement(lead: Tensor, labels: Tensor) -> float:
    """How well a mask parts the high values of a map from the low ones.

    ``(mean inside - mean outside)``, over the same of the best mask of that
    area. Unlike an IoU it does not depend on a threshold.

    Args:
        lead (Tensor): (H, W), of the class over the background.
        labels (Tensor): (H, W): 1 the class, 0 not, 255 unknown.

    Returns:
        float: 1 if no mask is better, 0 if it is as good as chance, and less
        if it is rather the other way round; 1 if nothing is outside.
    """
    inside, outside = lead[labels == 1], lead[labels == 0]
    if not len(outside):
        return 1.0
    ordered = torch.cat([inside, outside]).sort(descending=True).values
    best = ordered[:len(inside)].mean() - ordered[len(inside):].mean()
    gap = inside.mean() - outside.mean()
    return float(gap / best.clamp_min(torch.finfo(gap.dtype).tiny))
