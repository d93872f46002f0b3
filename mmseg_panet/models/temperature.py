"""Temperature scaling, which calibrates the softmax of logits."""
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SEPARATION = 5.0
"""Mean difference of a way's margin between its mean and the background's.

If the margins of a way and of the background are normally distributed with
the same variance, the softmax is calibrated when this difference equals the
variance, which is the squared distance of the means in standard deviations.
In images that a classifier was not fitted to, it is about 5 for all methods,
features and numbers of shots. It was measured on half of the classes of MSRC
and of PASCAL VOC's animals, see docs/classifiers.md.
"""
_LENGTH = 0.625
"""Length of the mean of a class's unit cells, measured on the same data."""


def separation(weight: Tensor, means: Tensor) -> Tensor:
    """Compute the separation of ways and background by a linear classifier.

    It is ``(weight_k - weight_0) . (mean_k - mean_0)``. For a discriminant,
    this is the squared distance of the means in the metric of the scatter
    (Mahalanobis 1936).

    Args:
        weight (Tensor): Weights (..., 1 + W, C), background first.
        means (Tensor): Means of the classes' cells, (..., 1 + W, C).

    Returns:
        Tensor: Separations (..., W).
    """
    return ((weight[..., 1:, :] - weight[..., :1, :])
            * (means[..., 1:, :] - means[..., :1, :])).sum(-1)


def calibrated_scale(weight: Tensor, means: Tensor) -> Tensor:
    """Compute the inverse temperature that calibrates logits.

    Temperature scaling does not change any label (Guo, Pleiss, Sun and
    Weinberger, On calibration of modern neural networks, 2017). The factor
    sets the mean :func:`separation` to :data:`SEPARATION`, so that it does
    not depend on the scale of the weights.

    The temperature that maximises the leave-one-out likelihood of the
    supports was not better at ten shots, and worse with fewer shots: a
    difficult support among few says little about the queries.

    Args:
        weight (Tensor): Weights (..., 1 + W, C), see :func:`separation`.
        means (Tensor): Means (..., 1 + W, C).

    Returns:
        Tensor: Factors (...), above 0. If the means differ only by rounding,
        the logits remain close to each other.
    """
    # A thousandth of the products whose difference is the separation.
    least = 1e-3 * (weight.norm(dim=-1) * means.norm(dim=-1)).mean(-1)
    found = separation(weight, means).mean(-1)
    return (SEPARATION / torch.maximum(found, least)).clamp_max(
        torch.finfo(found.dtype).max)


def calibrate(fitted: nn.Module, means: Tensor, unit_cells: bool) -> None:
    """Set the temperature of fitted classes in place.

    Labels do not change, unless several views of an image are averaged. The
    classes of a custom method without ``calibrate`` are not changed.

    Args:
        fitted (nn.Module): Classes that a :class:`Classifier` has fitted to
            B episodes.
        means (Tensor): Means of the classes, (B, 1 + W, C).
        unit_cells (bool): Whether the means are those of normalised cells.
            If they are not, but the classifier normalises cells, the means
            are scaled to a typical length.
    """
    set_scale: Any = getattr(fitted, 'calibrate', None)
    if set_scale is None:
        return
    if getattr(fitted, 'normalise', False) and not unit_cells:
        means = _LENGTH * F.normalize(means, dim=-1)
    set_scale(means)
