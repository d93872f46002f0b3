"""The main axes of the cells of an image."""
import math

import torch
from torch import Tensor

from ..errors import check_number

_ROUNDS = 4
"""After three more the moments of photographs change by less than 0.1%."""


def check_rank(rank: object) -> None:
    """Refuse a number of axes that is neither None nor an integer above 0."""
    if rank is not None:
        check_number('rank', rank, least=1, integer=True)


def main_axes(cells: Tensor, weights: Tensor, rank: int) -> Tensor:
    """Find the directions in which the cells of an image are large.

    The leading eigenvectors of the sum of their weighted outer products, by
    subspace iteration (Golub and Van Loan, Matrix Computations, section
    8.2.4) from a fixed start: the same cells give the same axes.

    Args:
        cells (Tensor): (N, m, C).
        weights (Tensor): (N, m), 0 or more.
        rank (int): r, below C.

    Returns:
        Tensor: (N, r, C), orthonormal, in float16, which is what files and
        tables keep.
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
