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
    counts nothing. Where supports have shares they count by these.

    Args:
        supports (SupportStatistics): (..., N) supports with moments or
            cells, see :meth:`SupportStatistics.class_means`.
        shots (Sequence[int]): Supports of each way, N in all without the
            negatives.

    Returns:
        tuple[Tensor, Tensor, Tensor]: The means (..., 1 + W, C), background
        first; the mean over the classes of ``E[u u^T] - E[u] E[u]^T``
        (..., C, C); and bool (...), whether every class has a pixel.
    """
    areas, groups = supports.areas, supports.groups(shots)
    classes = 1 + len(shots)
    seen = areas > 0  # (..., N, 2)
    background, own = seen.unbind(-1)
    counts = torch.stack([
        background.sum(-1),
        *(way.sum(-1) for way in own.split(groups, -1))], dim=-1)
    # The share of a support in the mean of its own class, a pixel.
    way = torch.repeat_interleave(
        torch.arange(1, 1 + len(groups)), torch.tensor(groups),
        output_size=sum(groups)).to(areas.device, non_blocking=True)
    of_support = torch.stack([
        counts[..., :1].expand(background.shape), counts[..., way]], dim=-1)
    shares = seen.to(areas) / of_support.clamp_min(1)  # (..., N, 2)
    if supports.shares is not None:
        shares = torch.stack([supports.shares, shares[..., 1]], dim=-1)
    if supports.own_shares is not None:
        shares = torch.stack([shares[..., 0], supports.own_shares], dim=-1)
    own_means = supports.sums / areas.where(seen, 1)[..., None]
    background, own = (shares[..., None] * own_means).unbind(-2)
    means = torch.stack([
        background.sum(-2),
        *(one.sum(-2) for one in own.split(groups, -2)[:len(shots)])], dim=-2)
    scatter = (
        _within(supports, own_means, shares) - means.mT @ means) / classes
    return means, scatter, (counts[..., :classes] > 0).all(-1)


def _within(supports: SupportStatistics, means: Tensor, shares: Tensor
            ) -> Tensor:
    """Add ``E[u u^T]`` of all masks, by their shares.

    Args:
        supports (SupportStatistics): (..., N), n is 2.
        means (Tensor): (..., N, 2, C).
        shares (Tensor): (..., N, 2).

    Returns:
        Tensor: (..., C, C).
    """
    areas = supports.areas
    a_pixel = shares / areas.where(areas > 0, 1)
    if supports.moments is None:
        return _within_cells(supports, a_pixel)
    if supports.axes is None:
        return torch.einsum(
            '...sn,...snij->...ij', a_pixel, supports.moments)
    # The axes keep the scatter around a mean, which itself is exact: moments
    # along them and a mean with all channels would differ by more than both.
    axes = supports.axes.to(means)
    along = means @ axes.mT  # (..., N, 2, r)
    inner = (a_pixel[..., None, None] * supports.moments).sum(-3) - (
        shares[..., None] * along).mT @ along  # (..., N, r, r)
    # One product for all supports.
    scattered = axes.flatten(-3, -2).mT @ (inner @ axes).flatten(-3, -2)
    exact = means.flatten(-3, -2)  # (..., N * 2, C)
    return scattered + (shares.flatten(-2)[..., None] * exact).mT @ exact


def _within_cells(supports: SupportStatistics, a_pixel: Tensor) -> Tensor:
    """Weigh the cells themselves: a cell counts for both of its masks."""
    cells, weights = supports.cells, supports.weights
    if cells is None or weights is None:
        raise ValueError(
            'expected statistics with moments or cells, got neither; name '
            "'moments' in the needs of the classifier")
    of_cells = torch.einsum('...sn,...snm->...sm', a_pixel, weights)
    weighted = of_cells[..., None] * cells  # (..., N, m, C)
    return weighted.flatten(-3, -2).mT @ cells.flatten(-3, -2)
