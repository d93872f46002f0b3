"""Whether a query shows a class at all."""
import torch
from torch import Tensor

from ..temperature import separation

_CERTAIN = 0.01
"""Share of a query's cells that a class is judged by."""
_FEWEST = 4
_OFF = 20.0
"""Logits that an absent class is below the background: a chance of 2e-9, as
it is turned off once more after all other factors."""


def reach(cells: Tensor, means: Tensor, weight: Tensor, bias: Tensor
          ) -> Tensor:
    """Measure how far the most certain cells of a query reach to each way.

    The margin of a way over the background is -1 at the mean of the
    background and 1 at that of the way, in units of half of the squared
    distance of the two in the metric of the scatter. So one threshold serves
    all classes, backbones and numbers of shots.

    Args:
        cells (Tensor): (M, m, C) or (1, m, C), unit cells.
        means (Tensor): (M, 1 + W, C), those of the supports.
        weight (Tensor): (M, 1 + W, C), see :func:`discriminant`.
        bias (Tensor): (M, 1 + W).

    Returns:
        Tensor: (M, W), the mean margin of 1% of the cells, 4 at least.
    """
    margins, unit = way_margins(cells, means, weight, bias)
    number = cells.shape[1]
    most = min(number, max(_FEWEST, int(_CERTAIN * number)))
    certain = margins.topk(most, dim=-1).values.mean(-1)  # (M, W)
    return 2 * certain / unit


def way_margins(cells: Tensor, means: Tensor, weight: Tensor, bias: Tensor
                ) -> tuple[Tensor, Tensor]:
    """Find the margins of each way over the background.

    Args:
        cells (Tensor): (M, m, C) or (1, m, C), unit cells.
        means (Tensor): (M, 1 + W, C), see :func:`reach`.
        weight (Tensor): (M, 1 + W, C).
        bias (Tensor): (M, 1 + W).

    Returns:
        tuple[Tensor, Tensor]: Margins (M, W, m), and (M, W), the squared
        distance of each way's mean from that of the background.
    """
    direction = weight[:, 1:] - weight[:, :1]  # (M, W, C)
    margins = direction @ cells.mT + (bias[:, 1:] - bias[:, :1])[..., None]
    distance = separation(weight, means)
    return margins, distance.clamp_min(torch.finfo(distance.dtype).tiny)


def turn_off(logits: Tensor, absent: Tensor) -> Tensor:
    """Put the logits of absent ways below those of the background.

    Args:
        logits (Tensor): (M, 1 + W, m).
        absent (Tensor): bool (M, W).

    Returns:
        Tensor: (M, 1 + W, m).
    """
    background, ways = logits[:, :1], logits[:, 1:]
    return torch.cat([background, torch.where(
        absent[..., None], torch.minimum(ways, background - _OFF), ways)], 1)
