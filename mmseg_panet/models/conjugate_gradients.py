"""Linear equations close to ones whose inverse is known."""
from typing import NamedTuple

import torch
from torch import Tensor

_MOST = 100
"""Steps; features of photographs take 10 to 20."""
_TOLERANCE = 64
"""Of the residuals, in units of rounding: what a Cholesky factor leaves."""


class Solution(NamedTuple):
    """What a solve returns, and where the next one may start.

    Attributes:
        solution (Tensor): X, (M, K, C).
        product (Tensor): ``X @ A``, (M, K, C).
    """

    solution: Tensor
    product: Tensor


def conjugate_gradients(inverse: Tensor, factor: Tensor, shift: Tensor,
                        rows: Tensor, weights: Tensor, right: Tensor,
                        start: Solution) -> Solution:
    """Solve ``X @ (factor * A + shift * I + R^T diag(weights) R) = right``.

    By conjugate gradients, preconditioned with the inverse of A (Golub and
    Van Loan, Matrix Computations, section 11.5). The products with A itself
    follow from those with its inverse, so a step costs ``C * C + 2 * L * C``
    products a row, where a Cholesky factor would take ``C^3 / 6``.

    Args:
        inverse (Tensor): (M, C, C), of A, which is symmetric and positive
            definite.
        factor (Tensor): (M, 1, 1), above 0.
        shift (Tensor): (M, 1, 1); it may be negative, as long as the sum is
            positive definite.
        rows (Tensor): R, (M, L, C).
        weights (Tensor): (M, L).
        right (Tensor): (M, K, C).
        start (Solution): A guess, with its product.

    Returns:
        Solution: Rows that are not finite where the equations are not.
    """

    def others(some: Tensor) -> Tensor:
        along = (some @ rows.mT) * weights[:, None]  # (M, K, L)
        return shift * some + along @ rows

    def dot(one: Tensor, other: Tensor) -> Tensor:
        return (one * other).sum(-1, keepdim=True)  # (M, K, 1)

    found, product = start
    left = right - factor * product - others(found)
    enough = _TOLERANCE * torch.finfo(right.dtype).eps * right.norm(dim=-1)
    towards = left @ inverse
    of_towards = left
    size = dot(left, towards)
    for _ in range(_MOST):
        # False for nan, which nothing improves.
        if not bool((left.norm(dim=-1) > enough).any()):
            break
        step = factor * of_towards + others(towards)
        bend = dot(towards, step)
        # A row may be solved to the last bit before the others.
        length = torch.where(bend != 0, size / bend, 0)
        found = found + length * towards
        product = product + length * of_towards
        left = left - length * step
        next_one = left @ inverse
        next_size = dot(left, next_one)
        ratio = torch.where(size != 0, next_size / size, 0)
        towards = next_one + ratio * towards
        of_towards = left + ratio * of_towards
        size = next_size
    return Solution(found, product)
