"""Masked sums of supports, from which any episode's prototypes follow.

A prototype is a sum over pixels divided by their number (PANet, equations 1
and 2), and the background is what the ways leave over. So one vector a class
and one for all valid pixels are all that an image adds to any episode.
"""
import torch
from torch import Tensor

from .prototypes import EPS, class_masks, masked_sums, pooling_weights

_NOTHING = 1e-10
"""Share of an image's area below which a difference is rounding."""


def class_sums(features: Tensor,
               labels: Tensor,
               num_classes: int,
               pool_at: str = 'image',
               align_corners: bool = False) -> Tensor:
    """Sum the features of images under each of their classes.

    Args:
        features (Tensor): (N, C, h, w).
        labels (Tensor): (N, H, W), 1..num_classes, 0 for any other class
            and 255 for ignored pixels.
        num_classes (int): n.
        pool_at (str): See :func:`pooling_weights`. Defaults to 'image'.
        align_corners (bool): See :func:`pooling_weights`.

    Returns:
        Tensor: float64 (N, 1 + n, C + 1): first the sum over all valid
        pixels, then over those of each class; the last column is the area.
    """
    masks = class_masks(labels, num_classes)
    masks[:, 0] = labels != 255
    # float64: the background is a difference of these.
    weights = pooling_weights(
        masks.double(), features.shape[-2:], pool_at, align_corners)
    return sums_and_areas(features, weights)


def sums_and_areas(features: Tensor, weights: Tensor) -> Tensor:
    """Weighted sums (N, M, C + 1) of features; the last column is the area.

    Args:
        features (Tensor): (N, C, h, w).
        weights (Tensor): float64 (N, M, h, w).
    """
    sums = masked_sums(features.double(), weights)
    return torch.cat([sums, weights.sum((2, 3))[..., None]], dim=2)


def episode_prototypes(sums: Tensor,
                       totals: Tensor,
                       ways: Tensor,
                       by_shot: bool = False) -> Tensor:
    """Prototypes of episodes from the sums of their supports.

    Equal to :func:`support_prototypes` of the supports' features but for
    rounding.

    Args:
        sums (Tensor): float64 (R, C + 1), rows of :func:`class_sums`, and a
            row of zeros for what an image does not show.
        totals (Tensor): int64 (E, W, S), the row of all valid pixels of each
            support of E episodes.
        ways (Tensor): int64 (E, W, S, W), the rows of all of its episode's
            ways in each support.
        by_shot (bool): Whether each shot gives prototypes of its own.
            Defaults to False.

    Returns:
        Tensor: float64 (E, G, 1 + W, C), background first; G is S with
        ``by_shot``, otherwise 1.
    """
    of_ways = sums[ways]  # (E, W, S, W, C + 1)
    background = background_mean(sums[totals], of_ways).mean(1)  # (E, S, C)
    foreground = area_mean(
        of_ways.diagonal(dim1=1, dim2=3).permute(0, 3, 1, 2))
    prototypes = torch.cat([background[:, None], foreground], dim=1)
    prototypes = prototypes.transpose(1, 2)  # (E, S, 1 + W, C)
    return prototypes if by_shot else prototypes.mean(1, keepdim=True)


def area_mean(sums: Tensor) -> Tensor:
    """Divide sums (..., C + 1) by their areas, the last column."""
    return sums[..., :-1] / (sums[..., -1:] + EPS)


def background_mean(totals: Tensor, of_classes: Tensor) -> Tensor:
    """Mean over what the classes leave of an image; zeros of nothing.

    Args:
        totals (Tensor): float64 (..., C + 1), over all valid pixels.
        of_classes (Tensor): float64 (..., n, C + 1), over those of each
            class.

    Returns:
        Tensor: float64 (..., C).
    """
    background = totals - of_classes.sum(-2)
    # Rounding must not become a direction.
    left = background[..., -1:] > _NOTHING * totals[..., -1:]
    return area_mean(background * left)
