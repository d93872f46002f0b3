"""The temperature of logits, so that their softmax is a probability."""
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SEPARATION = 5.0
"""What the margin of a way over the background gains from the mean of the
one to the mean of the other.

Were the margins of both normally distributed with one variance, the softmax
would be calibrated where this gain is that variance, the squared distance of
the two in standard deviations. 5 is what it is in images that a classifier
was not fitted to, over methods, features and numbers of shots: measured on
half of the classes of MSRC and of PASCAL VOC's animals, docs/classifiers.md.
"""
_LENGTH = 0.625
"""Of the mean of the unit cells of a class, measured there too."""


def separation(weight: Tensor, means: Tensor) -> Tensor:
    """Measure how far a linear classifier tells ways from the background.

    ``(weight_k - weight_0) . (mean_k - mean_0)``; of a discriminant it is the
    squared distance of the means in the metric of its scatter (Mahalanobis
    1936).

    Args:
        weight (Tensor): (..., 1 + W, C), background first.
        means (Tensor): (..., 1 + W, C), of the cells of each class.

    Returns:
        Tensor: (..., W).
    """
    return ((weight[..., 1:, :] - weight[..., :1, :])
            * (means[..., 1:, :] - means[..., :1, :])).sum(-1)


def calibrated_scale(weight: Tensor, means: Tensor) -> Tensor:
    """Find the inverse of the temperature at which logits are calibrated.

    A factor that does not change any label (temperature scaling: Guo, Pleiss,
    Sun and Weinberger, On calibration of modern neural networks, 2017). It
    makes the mean :func:`separation` :data:`SEPARATION`, so it undoes any
    factor of the weights.

    The temperature at which supports that are left out in turn are least
    surprising was no better at ten shots and worse below: that one of a few
    is hard says little about the queries.

    Args:
        weight (Tensor): (..., 1 + W, C), see :func:`separation`.
        means (Tensor): (..., 1 + W, C).

    Returns:
        Tensor: (...), above 0. Where the means differ by rounding only, the
        logits stay close to each other.
    """
    # A thousandth of the products that the separation is a difference of.
    least = 1e-3 * (weight.norm(dim=-1) * means.norm(dim=-1)).mean(-1)
    found = separation(weight, means).mean(-1)
    return (SEPARATION / torch.maximum(found, least)).clamp_max(
        torch.finfo(found.dtype).max)


def calibrate(fitted: nn.Module, means: Tensor, unit_cells: bool) -> None:
    """Set the temperature of fitted classes, in place.

    Labels stay, but where several views of an image are averaged. Classes
    of a method of another project, which has no ``calibrate``, keep theirs.

    Args:
        fitted (nn.Module): What a :class:`Classifier` has fitted to B
            episodes.
        means (Tensor): (B, 1 + W, C), of the classes.
        unit_cells (bool): Whether they are those of normalised cells. Where
            a classifier normalises cells and raw ones were averaged, they
            are given a usual length.
    """
    own: Any = getattr(fitted, 'calibrate', None)
    if own is None:
        return
    if getattr(fitted, 'normalise', False) and not unit_cells:
        means = _LENGTH * F.normalize(means, dim=-1)
    own(means)
