"""Packing of symmetric matrices into half of the memory."""
import math

import torch
from torch import Tensor


def pack(matrices: Tensor) -> Tensor:
    """Extract the upper triangles of symmetric matrices.

    Args:
        matrices (Tensor): Symmetric matrices (..., n, n).

    Returns:
        Tensor: Upper triangles (..., n * (n + 1) / 2), row by row.

    Example:
        >>> pack(torch.tensor([[1, 2], [2, 3]]))
        tensor([1, 2, 3])
    """
    rows, columns = _triangle(matrices.shape[-1], matrices.device)
    return matrices[..., rows, columns]


def unpack(triangles: Tensor) -> Tensor:
    """Restore the matrices (..., n, n) from the result of :func:`pack`."""
    size = (math.isqrt(1 + 8 * triangles.shape[-1]) - 1) // 2
    rows, columns = _triangle(size, triangles.device)
    matrices = triangles.new_empty(*triangles.shape[:-1], size, size)
    matrices[..., rows, columns] = triangles
    matrices[..., columns, rows] = triangles
    return matrices


def _triangle(size: int, device: torch.device) -> Tensor:
    return torch.triu_indices(size, size, device=device)
