"""Linear systems that are close to one whose inverse is known."""
from typing import NamedTuple

import torch
from torch import Tensor

from ..stacks import is_recording

_MAX_STEPS = 100
"""Maximum number of steps; features of photographs take 10 to 20."""
_RECORDED_STEPS = 16
"""Number of steps in a recorded graph, which cannot depend on the residual.

On photographs, 16 steps give the classes of the solution on 99.997% of the
pixels, 12 on at least 99.95%, and 8 on 99.9%. More steps do not change the
rest, whose logits are equal up to rounding.
"""
_TOLERANCE = 64
"""Tolerance of the residuals in units of the machine epsilon.

The residuals of a Cholesky solution are of this size.
"""


class Solution(NamedTuple):
    """The solution of a system, which may be the start of the next one.

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

    The method of conjugate gradients is used, preconditioned with the
    inverse of A (Golub and Van Loan, Matrix Computations, section 11.5). The
    products with A follow from those with its inverse, so that a step takes
    ``C * C + 2 * L * C`` multiplications per row, compared with ``C^3 / 6``
    of a Cholesky factorisation.

    Args:
        inverse (Tensor): Inverse of A, (M, C, C). A is symmetric and
            positive definite.
        factor (Tensor): Factor of A, (M, 1, 1), above 0.
        shift (Tensor): Factor of the identity, (M, 1, 1). It may be negative
            if the sum is positive definite.
        rows (Tensor): R, (M, L, C).
        weights (Tensor): Weights of the rows, (M, L).
        right (Tensor): Right-hand sides, (M, K, C).
        start (Solution): Initial guess and its product with A.

    Returns:
        Solution: The solution. Its rows are not finite if the system is not.
    """

    def other_terms(x: Tensor) -> Tensor:
        along = (x @ rows.transpose(1, 2)) * weights[:, None]  # (M, K, L)
        return shift * x + along @ rows

    def dot(one: Tensor, other: Tensor) -> Tensor:
        return (one * other).sum(-1, keepdim=True)  # (M, K, 1)

    x, product = start
    residual = right - factor * product - other_terms(x)
    tolerance = _TOLERANCE * torch.finfo(
        right.dtype).eps * right.norm(dim=-1)
    direction = residual @ inverse
    direction_product = residual  # direction @ A
    rho = dot(residual, direction)
    recording = is_recording()
    for _ in range(_RECORDED_STEPS if recording else _MAX_STEPS):
        # The comparison is False for nan, which no step can improve.
        if not recording and not bool(
                (residual.norm(dim=-1) > tolerance).any()):
            break
        image = factor * direction_product + other_terms(direction)
        curvature = dot(direction, image)
        # A row may be solved to the last bit before the others.
        alpha = torch.where(curvature != 0, rho / curvature, 0)
        x = x + alpha * direction
        product = product + alpha * direction_product
        residual = residual - alpha * image
        preconditioned = residual @ inverse
        next_rho = dot(residual, preconditioned)
        beta = torch.where(rho != 0, next_rho / rho, 0)
        direction = preconditioned + beta * direction
        direction_product = residual + beta * direction_product
        rho = next_rho
    return Solution(x, product)
