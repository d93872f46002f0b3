"""A test of whether a query shows a class."""
import torch
from torch import Tensor

from ..temperature import separation

_CERTAIN = 0.01
"""Fraction of a query's cells by which the presence is decided."""
_MIN_CELLS = 4
_OFF = 20.0
"""Margin by which absent classes are below the background.

It is a probability of 2e-9, as suppression is the last step.
"""


def reach(cells: Tensor, means: Tensor, weight: Tensor, bias: Tensor
          ) -> Tensor:
    """Compute the normalised margin of each way's most certain cells.

    The margin of a way over the background is divided by half of the squared
    distance of the two means in the metric of the scatter. It is then -1 at
    the mean of the background and 1 at that of the way, so that the same
    threshold applies to all classes, backbones and numbers of shots.

    Args:
        cells (Tensor): Unit cells (M, m, C) or (1, m, C).
        means (Tensor): Means of the supports, (M, 1 + W, C).
        weight (Tensor): Weights (M, 1 + W, C), see :func:`discriminant`.
        bias (Tensor): Biases (M, 1 + W).

    Returns:
        Tensor: Mean margins of the largest 1% of the cells, at least 4
        cells, (M, W).
    """
    margins, unit = way_margins(cells, means, weight, bias)
    number = cells.shape[1]
    most = min(number, max(_MIN_CELLS, int(_CERTAIN * number)))
    certain = margins.topk(most, dim=-1).values.mean(-1)  # (M, W)
    return 2 * certain / unit


def way_margins(cells: Tensor, means: Tensor, weight: Tensor, bias: Tensor
                ) -> tuple[Tensor, Tensor]:
    """Compute the margins of each way over the background.

    Args:
        cells (Tensor): Unit cells (M, m, C) or (1, m, C).
        means (Tensor): Means of the supports, (M, 1 + W, C).
        weight (Tensor): Weights (M, 1 + W, C).
        bias (Tensor): Biases (M, 1 + W).

    Returns:
        tuple[Tensor, Tensor]: Margins (M, W, m), and the squared distance of
        each way's mean from that of the background, (M, W).
    """
    direction = weight[:, 1:] - weight[:, :1]  # (M, W, C)
    offset = bias[:, 1:] - bias[:, :1]  # (M, W)
    margins = direction @ cells.transpose(1, 2) + offset[..., None]
    distance = separation(weight, means)
    return margins, distance.clamp_min(torch.finfo(distance.dtype).tiny)


def suppress(logits: Tensor, absent: Tensor) -> Tensor:
    """Lower the logits of absent ways below those of the background.

    Args:
        logits (Tensor): Logits (M, 1 + W, m).
        absent (Tensor): Whether each way is absent, (M, W) bool.

    Returns:
        Tensor: Logits (M, 1 + W, m).
    """
    background, ways = logits[:, :1], logits[:, 1:]
    return torch.cat([background, torch.where(
        absent[..., None], torch.minimum(ways, background - _OFF), ways)], 1)
