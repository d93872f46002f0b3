"""The main axes of an image's cells."""
import math

import torch
from torch import Tensor

from ..errors import check_number

_ROUNDS = 4
"""Three more rounds change the moments of photographs by less than 0.1%."""


def check_rank(rank: object) -> None:
    """Check that a number of axes is None or a positive integer."""
    if rank is not None:
        check_number('rank', rank, least=1, integer=True)


def main_axes(cells: Tensor, weights: Tensor, rank: int) -> Tensor:
    """Compute the leading eigenvectors of the second moments of cells.

    The eigenvectors of the weighted sum of the cells' outer products are
    found by subspace iteration (Golub and Van Loan, Matrix Computations,
    section 8.2.4) from a fixed start, so that the same cells give the same
    axes.

    Args:
        cells (Tensor): Cells (N, m, C).
        weights (Tensor): Weights of the cells, (N, m), at least 0.
        rank (int): Number r of axes, below C.

    Returns:
        Tensor: Orthonormal axes (N, r, C) in float16, which is the precision
        of bank files and of the tables of a test.
    """
    weighted = cells.detach() * weights.sqrt()[..., None]  # (N, m, C)
    channels = cells.shape[2]
    place = torch.arange(channels, device=cells.device)[:, None] + 0.5
    wave = torch.arange(rank, device=cells.device)
    axes = torch.cos(math.pi / channels * place * wave).to(cells)  # (C, r)
    for _ in range(_ROUNDS):
        along = weighted.transpose(1, 2) @ (weighted @ axes)  # (N, C, r)
        axes = torch.linalg.qr(along).Q
    return axes.transpose(1, 2).half()
