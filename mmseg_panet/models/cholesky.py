"""Linear equations with a positive definite matrix."""
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def cholesky_solve(matrix: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Solve ``matrix @ solution = right``, with gradients.

    Args:
        matrix (Tensor): (..., C, C), symmetric. Its gradient is that of a
            symmetric matrix: it need not be symmetric itself.
        right (Tensor): (..., C, K).

    Returns:
        tuple[Tensor, Tensor]: The solution (..., C, K), and bool (...),
        whether the matrix is positive definite; where it is not, the
        solution is ``right``.
    """
    return _CholeskySolve.apply(matrix, right)


class _CholeskySolve(torch.autograd.Function):
    """The gradient goes through the solution, not through the factor.

    Autograd would solve for C columns on the way back, where K are enough.
    """

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, right: Tensor
                ) -> tuple[Tensor, Tensor]:
        factor, failed = torch.linalg.cholesky_ex(matrix)
        solved = failed == 0
        # Not the factor, which is C / K times as large.
        solution = torch.where(
            solved[..., None, None], torch.cholesky_solve(right, factor),
            right)
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
