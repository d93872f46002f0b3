"""Means of classes, and the scatter of their cells around them."""
from collections.abc import Sequence

import torch
from torch import Tensor

from .statistics import SupportStatistics


def class_scatter(supports: SupportStatistics, shots: Sequence[int]
                  ) -> tuple[Tensor, Tensor, Tensor]:
    """Compute the mean of each class, and the mean scatter within classes.

    All classes have the same weight, and so have all shots of a class. In
    particular, a support in a large photograph, whose areas are in pixels of
    its original size, does not weigh more than others. A shot without a
    pixel of the class has the weight 0. Supports with shares are weighted by
    them.

    Args:
        supports (SupportStatistics): Statistics with moments or cells and
            the leading dimensions (..., N), see
            :meth:`SupportStatistics.class_means`.
        shots (Sequence[int]): Numbers of supports of the ways, N in total
            without the negatives.

    Returns:
        tuple[Tensor, Tensor, Tensor]: The means (..., 1 + W, C), background
        first; the mean over the classes of ``E[u u^T] - E[u] E[u]^T``,
        (..., C, C); and whether every class has a pixel, (...) bool.
    """
    areas, groups = supports.areas, supports.groups(shots)
    classes = 1 + len(shots)
    seen = areas > 0  # (..., N, 2)
    background, of_way = seen.unbind(-1)
    counts = torch.stack([
        background.sum(-1),
        *(way.sum(-1) for way in of_way.split(groups, -1))], dim=-1)
    # The share of each support in the means of the background and its way.
    way = torch.repeat_interleave(
        torch.arange(1, 1 + len(groups)), torch.tensor(groups),
        output_size=sum(groups)).to(areas.device, non_blocking=True)
    of_support = torch.stack([
        counts[..., :1].expand(background.shape), counts[..., way]], dim=-1)
    shares = seen.to(areas) / of_support.clamp_min(1)  # (..., N, 2)
    if supports.shares is not None:
        shares = torch.stack([supports.shares, shares[..., 1]], dim=-1)
    if supports.way_shares is not None:
        shares = torch.stack([shares[..., 0], supports.way_shares], dim=-1)
    mask_means = supports.sums / areas.where(seen, 1)[..., None]
    background, of_way = (shares[..., None] * mask_means).unbind(-2)
    means = torch.stack([
        background.sum(-2),
        *(one.sum(-2) for one in of_way.split(groups, -2)[:len(shots)])
    ], dim=-2)
    scatter = (
        _within(supports, mask_means, shares) - means.mT @ means) / classes
    return means, scatter, (counts[..., :classes] > 0).all(-1)


def _within(supports: SupportStatistics, means: Tensor, shares: Tensor
            ) -> Tensor:
    """Sum ``E[u u^T]`` of all masks, weighted by their shares.

    Args:
        supports (SupportStatistics): Statistics with the leading dimensions
            (..., N) and n = 2.
        means (Tensor): Means of the masks, (..., N, 2, C).
        shares (Tensor): Shares of the masks, (..., N, 2).

    Returns:
        Tensor: Second moments (..., C, C).
    """
    areas = supports.areas
    a_pixel = shares / areas.where(areas > 0, 1)
    if supports.moments is None:
        return _within_cells(supports, a_pixel)
    if supports.axes is None:
        return torch.einsum(
            '...sn,...snij->...ij', a_pixel, supports.moments)
    # Along the axes, use the scatter around the mean, and add the exact mean
    # with all channels. The moments along the axes do not contain the part
    # of the mean that is orthogonal to them.
    axes = supports.axes.to(means)
    along = means @ axes.mT  # (..., N, 2, r)
    inner = (a_pixel[..., None, None] * supports.moments).sum(-3) - (
        shares[..., None] * along).mT @ along  # (..., N, r, r)
    # One matrix product for all supports.
    scattered = axes.flatten(-3, -2).mT @ (inner @ axes).flatten(-3, -2)
    exact = means.flatten(-3, -2)  # (..., N * 2, C)
    return scattered + (shares.flatten(-2)[..., None] * exact).mT @ exact


def _within_cells(supports: SupportStatistics, a_pixel: Tensor) -> Tensor:
    """Sum the cells' outer products; a cell may count for both masks."""
    cells, weights = supports.cells, supports.weights
    if cells is None or weights is None:
        raise ValueError(
            'expected statistics with moments or cells, got neither; add '
            "'moments' to the needs of the classifier")
    from_cells = torch.einsum('...sn,...snm->...sm', a_pixel, weights)
    weighted = from_cells[..., None] * cells  # (..., N, m, C)
    return weighted.flatten(-3, -2).mT @ cells.flatten(-3, -2)
