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
        eye = torch.eye(
            matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
        factor = torch.where(solved[..., None, None], factor, eye)
        solution = torch.cholesky_solve(right, factor)
        ctx.save_for_backward(factor, solution, solved)
        ctx.mark_non_differentiable(solved)
        return solution, solved

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, _: Tensor
                 ) -> tuple[Tensor, Tensor]:
        factor, solution, solved = ctx.saved_tensors
        # d X = A^-1 (d B - d A X)
        to_right = torch.cholesky_solve(gradient, factor)
        to_matrix = -to_right @ solution.mT * solved[..., None, None]
        return to_matrix, to_right
