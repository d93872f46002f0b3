"""The plausibility of statistics: whether an image can have them."""
import torch
from torch import Tensor

from ..statistics import SupportStatistics

LARGEST = 1e18
"""Largest sum, whose square is finite in float32."""
_ROUNDING = 1e-6
_MOMENT_ROUNDING = 1e-4
"""Fraction of a trace that exceeds the rounding of moments to float32."""
_TINY = 1e-30


def fault_of(statistics: SupportStatistics, unit: bool = False) -> str:
    """Describe why no image can have these statistics.

    The masks of classes are parts of all valid pixels, and do not overlap.
    The matrix of the moments of (1, cell), which holds area, sums and second
    moments, is positive semidefinite for each mask and for the background.
    Areas are not checked for whole numbers, as ``pool_at='feature'`` makes
    fractions.

    Args:
        statistics (SupportStatistics): Statistics of a support, n is the
            number of masks: all valid pixels, the class of the support, and
            others; or of a negative, n is 1. All numbers are at most
            :data:`LARGEST`.
        unit (bool): Whether the cells have length 1. Defaults to False.

    Returns:
        str: The fault; empty if there is none.
    """
    areas, sums = statistics.areas, statistics.sums
    if not (areas[:2] > 0).all():
        return (
            'expected an area above 0 of all pixels and of the class, got '
            f'{areas[:2].tolist()}')
    total = areas[0]
    if areas[1:].sum() > (1 + _ROUNDING) * total:
        return (
            f'expected areas of classes within the total of {total:g} pixels, '
            f'got {areas[1:].tolist()}')
    if (sums[areas == 0] != 0).any():
        return 'expected no sums without pixels, got some for an area of 0'
    if unit and (sums.norm(dim=-1) > (1 + _ROUNDING) * areas).any():
        return 'expected sums of cells of length 1, got longer ones'
    if statistics.cells is not None and statistics.weights is not None:
        weights, cells = statistics.weights, statistics.cells
        within = _ROUNDING * (weights @ cells.abs()) + _TINY
        if not torch.allclose(weights.sum(-1), areas, rtol=_ROUNDING) or (
                (weights @ cells - sums).abs() > within).any():
            return 'expected weights and cells of the areas and sums'
    if statistics.moments is None:
        return ''
    matrices = _matrices(statistics, statistics.moments)
    background = matrices[:1] - matrices[1:].sum(0, True)
    for some, scales in ((matrices, matrices), (background, matrices[:1])):
        if not _is_positive(some, scales):
            return (
                'expected moments of the cells that the areas and sums are '
                'of, got others')
    return ''


def _matrices(statistics: SupportStatistics, moments: Tensor) -> Tensor:
    """Return the moments of (1, cell), (n, 1 + r, 1 + r) float64."""
    sums = statistics.sums  # (n, C)
    if statistics.axes is not None:
        sums = sums @ statistics.axes.to(sums).mT  # (n, r)
    column = torch.cat([statistics.areas[:, None], sums], 1)
    rows = torch.cat([sums[:, None], moments.to(sums)], 1)  # (n, 1 + r, r)
    return torch.cat([column[..., None], rows], 2)


def _is_positive(matrices: Tensor, scales: Tensor) -> bool:
    """Tell whether matrices are positive semidefinite up to rounding.

    Args:
        matrices (Tensor): Symmetric matrices (n, m, m).
        scales (Tensor): Matrices whose first element and whose trace of the
            others set the scale of the rounding.
    """
    diagonal = scales.diagonal(dim1=-2, dim2=-1)  # (n, m)
    trace = diagonal[:, 1:].sum(1, True).clamp(min=_TINY)
    scale = torch.cat([
        diagonal[:, :1].clamp(min=_TINY),
        trace.expand(-1, diagonal.shape[1] - 1)], 1).rsqrt()
    scaled = scale[:, :, None] * matrices * scale[:, None, :]
    rounding = _MOMENT_ROUNDING * torch.eye(scaled.shape[-1]).to(scaled)
    info = torch.linalg.cholesky_ex(scaled + rounding).info
    return bool((info == 0).all())
