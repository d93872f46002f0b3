"""Linear systems with a positive definite matrix."""
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def cholesky_solve(matrix: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Solve ``matrix @ solution = right`` with gradients.

    Args:
        matrix (Tensor): Symmetric matrices, (..., C, C). Their gradient need
            not be symmetric.
        right (Tensor): Right-hand sides, (..., C, K).

    Returns:
        tuple[Tensor, Tensor]: Solutions, (..., C, K), and whether each
        matrix is positive definite, (...) bool. The solution for a matrix
        that is not is ``right``.

    Example:
        >>> cholesky_solve(2 * torch.eye(2), torch.ones(2, 1))
        (tensor([[0.5000],
                [0.5000]]), tensor(True))
    """
    if torch.is_grad_enabled() and (
            matrix.requires_grad or right.requires_grad):
        return _CholeskySolve.apply(matrix, right)
    return _solve(matrix, right)[:2]


def _solve(matrix: Tensor, right: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return also the Cholesky factors of the matrices."""
    factor, failed = torch.linalg.cholesky_ex(matrix)
    solved = failed == 0
    # Select the solution, as the factor is C / K times as large.
    solution = torch.where(
        solved[..., None, None], torch.cholesky_solve(right, factor), right)
    return solution, solved, factor


class _CholeskySolve(torch.autograd.Function):
    """The solution, with a gradient that does not use the factor's.

    Autograd would solve for C columns in the backward pass, but K suffice.
    """

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, right: Tensor
                ) -> tuple[Tensor, Tensor]:
        solution, solved, factor = _solve(matrix, right)
        ctx.save_for_backward(factor, solution, solved)
        ctx.mark_non_differentiable(solved)
        return solution, solved

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, _: Tensor
                 ) -> tuple[Tensor, Tensor]:
        factor, solution, solved = ctx.saved_tensors
        # d X = A^-1 (d B - d A X)
        some = solved[..., None, None]
        to_right = torch.cholesky_solve(gradient, factor)
        to_matrix = torch.where(some, -to_right @ solution.mT, 0)
        to_right = torch.where(some, to_right, gradient)
        return to_matrix, to_right
