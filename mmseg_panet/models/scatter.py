"""Means of classes, and how their cells scatter around them."""
from collections.abc import Sequence

import torch
from torch import Tensor

from .statistics import SupportStatistics


def class_scatter(supports: SupportStatistics, shots: Sequence[int]
                  ) -> tuple[Tensor, Tensor, Tensor]:
    """Find the mean of each class, and the mean scatter within the classes.

    Every class weighs the same, however large, and so does every shot of it:
    a support in a large photograph, whose areas are in pixels of its own
    size, counts no more than another. A shot without a pixel of the class
    counts nothing.

    Args:
        supports (SupportStatistics): (..., N) supports with moments, see
            :meth:`SupportStatistics.class_means`.
        shots (Sequence[int]): Supports of each way, N in all.

    Returns:
        tuple[Tensor, Tensor, Tensor]: The means (..., 1 + W, C), background
        first; the mean over the classes of ``E[u u^T] - E[u] E[u]^T``
        (..., C, C); and bool (...), whether every class has a pixel.
    """
    areas = supports.areas
    seen = areas > 0  # (..., N, 2)
    background, own = seen.unbind(-1)
    counts = torch.stack([
        background.sum(-1),
        *(way.sum(-1) for way in own.split(list(shots), -1))], dim=-1)
    # The share of a support in the mean of its own class, a pixel.
    way = torch.repeat_interleave(
        torch.arange(1, 1 + len(shots)), torch.tensor(shots),
        output_size=sum(shots)).to(areas.device, non_blocking=True)
    of_support = torch.stack([
        counts[..., :1].expand(background.shape), counts[..., way]], dim=-1)
    shares = seen / (of_support * areas).where(seen, 1)  # (..., N, 2)
    parts = shares[..., None] * supports.sums  # (..., N, 2, C)
    background, own = parts.unbind(-2)
    means = torch.stack([
        background.sum(-2),
        *(one.sum(-2) for one in own.split(list(shots), -2))], dim=-2)
    classes = means.shape[-2]
    total = _sum_of_moments(supports, shares / classes)
    scatter = total - means.mT @ means / classes
    return means, scatter, (counts > 0).all(-1)


def _sum_of_moments(supports: SupportStatistics, shares: Tensor) -> Tensor:
    """Weigh the moments of all masks (..., N, n) and add them."""
    moments = supports.moments
    if moments is None:
        raise ValueError(
            'expected statistics with moments, got those without; name '
            "'moments' in the needs of the classifier")
    if supports.axes is None:
        return torch.einsum('...sn,...snij->...ij', shares, moments)
    inner = (shares[..., None, None] * moments).sum(-3)  # (..., N, r, r)
    axes = supports.axes.to(moments)
    # One product for all supports.
    return axes.flatten(-3, -2).mT @ (inner @ axes).flatten(-3, -2)
