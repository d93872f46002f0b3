"""Symmetric matrices as their upper triangles, half of the memory."""
import math

import torch
from torch import Tensor


def pack(matrices: Tensor) -> Tensor:
    """Keep the upper triangle of symmetric matrices.

    Args:
        matrices (Tensor): (..., n, n).

    Returns:
        Tensor: (..., n * (n + 1) / 2), row by row.
    """
    rows, columns = _triangle(matrices.shape[-1], matrices.device)
    return matrices[..., rows, columns]


def unpack(triangles: Tensor) -> Tensor:
    """Make the matrices (..., n, n) of :func:`pack`."""
    size = (math.isqrt(1 + 8 * triangles.shape[-1]) - 1) // 2
    rows, columns = _triangle(size, triangles.device)
    matrices = triangles.new_empty(*triangles.shape[:-1], size, size)
    matrices[..., rows, columns] = triangles
    matrices[..., columns, rows] = triangles
    return matrices


def _triangle(size: int, device: torch.device) -> Tensor:
    return torch.triu_indices(size, size, device=device)
