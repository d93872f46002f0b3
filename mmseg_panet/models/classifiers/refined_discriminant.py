"""The discriminant of supports and one query more."""
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..conjugate_gradients import Solution, conjugate_gradients
from .discriminant import discriminant, ridge_of, with_biases

_MANY_CHANNELS = 256
"""From here on, on a CPU, steps towards the solution cost less than a factor
for each round: with 256 channels half, with 1024 a tenth."""
_LEAST_SHRINKAGE = 0.1
"""Below it the equations are so ill-conditioned that steps are many."""


class AddedQuery(NamedTuple):
    """What a query changes in the classes that it shows.

    Attributes:
        means (Tensor): (M, K, C), with the query.
        rows (Tensor): R, (M, L, C).
        weights (Tensor): (M, L). ``R^T diag(weights) R`` is what comes to
            the scatter of the supports.
        share (Tensor): (M, 1, 1), what the scatter of the supports loses.
    """

    means: Tensor
    rows: Tensor
    weights: Tensor
    share: Tensor


def added_query(means: Tensor, cells: Tensor, weights: Tensor, share: float
                ) -> AddedQuery:
    """Add a query to the supports of the classes that it shows.

    Args:
        means (Tensor): (M, K, C), see :func:`class_scatter`.
        cells (Tensor): (M, L, C), unit cells of the query.
        weights (Tensor): (M, K, L); those of a class add up to 1, or to 0
            where it gets nothing of the query.
        share (float): Weight of the query in its classes.

    Returns:
        AddedQuery: Its rows are the cells, then two for each class.
    """
    shown = weights.sum(-1, keepdim=True) > 0.5  # (M, K, 1)
    number = shown.sum(1, keepdim=True)  # (M, 1, 1)
    found = weights @ cells  # (M, K, C)
    step = (found - means) * shown
    some = shown[..., 0].to(means)
    # The scatter of a mixture: that within its parts, and between them.
    of_rows = torch.cat(
        [weights.sum(1), -some, (1 - share) * some], 1)
    return AddedQuery(
        means + share * step, torch.cat([cells, found, step], 1),
        share * of_rows / number[..., 0].clamp_min(1),
        share * (number > 0).to(means))


def mixed_scatter(scatter: Tensor, added: AddedQuery) -> Tensor:
    """Mix the scatter (M, C, C) of supports with that of a query."""
    return (1 - added.share) * scatter + (
        added.rows * added.weights[..., None]).mT @ added.rows


class RefinedDiscriminant(nn.Module):
    """Solves for the discriminant of supports, and again for each query.

    Args:
        means (Tensor): (B, K, C), see :func:`class_scatter`.
        scatter (Tensor): (B, C, C).
        complete (Tensor): bool (B,).
        shrinkage (float): See :class:`DiscriminantClassifier`.
    """

    means: Tensor
    scatter: Tensor
    complete: Tensor
    inverse: Tensor | None

    def __init__(self, means: Tensor, scatter: Tensor, complete: Tensor,
                 shrinkage: float) -> None:
        super().__init__()
        self.shrinkage = shrinkage
        inverse = None
        channels = means.shape[-1]
        # Where prototypes answer, a query changes nothing.
        ridge, complete = ridge_of(
            _trace(scatter), channels, complete, shrinkage)
        if (channels >= _MANY_CHANNELS and shrinkage >= _LEAST_SHRINKAGE
                and means.is_cpu and not scatter.requires_grad):
            shrunk = scatter.where(complete[:, None, None], 0)
            shrunk.diagonal(dim1=-2, dim2=-1).add_(
                ridge.where(complete, 1)[:, None])
            factor, failed = torch.linalg.cholesky_ex(shrunk)
            if not failed.any():
                inverse = torch.cholesky_inverse(factor)
        for name, one in dict(means=means, scatter=scatter, inverse=inverse,
                              complete=complete).items():
            self.register_buffer(name, one, persistent=False)

    def of_supports(self) -> tuple[Tensor, Tensor]:
        """Solve without a query, see :func:`discriminant`."""
        if self.inverse is None:
            return discriminant(
                self.means, self.scatter, self.complete, self.shrinkage)
        return with_biases(
            self.means @ self.inverse, self.means, self.complete)

    def of_queries(self, each: int
                   ) -> Callable[[AddedQuery], tuple[Tensor, Tensor]]:
        """Make the solver of queries, which remembers the round before.

        Args:
            each (int): Queries of an episode, M / B.

        Returns:
            Callable: From an :class:`AddedQuery` to weights (M, K, C) and
            biases (M, K).
        """
        complete = _repeated(self.complete, each)
        if self.inverse is None:
            scatter = _repeated(self.scatter, each)
            return lambda added: discriminant(
                added.means, mixed_scatter(scatter, added), complete,
                self.shrinkage)
        means, inverse, size = (
            _repeated(one, each)
            for one in (self.means, self.inverse, _trace(self.scatter)))
        channels = means.shape[-1]
        before, _ = ridge_of(size, channels, complete, self.shrinkage)
        last = Solution(means @ inverse, means)

        def solve(added: AddedQuery) -> tuple[Tensor, Tensor]:
            nonlocal last
            kept = 1 - added.share  # (M, 1, 1)
            ridge, some = ridge_of(
                kept[:, 0, 0] * size + (
                    added.weights * added.rows.square().sum(-1)).sum(-1),
                channels, complete, self.shrinkage)
            last = conjugate_gradients(
                inverse, kept, (ridge - kept[:, 0, 0] * before)[
                    :, None, None],
                added.rows, added.weights, added.means, last)
            return with_biases(last.solution, added.means, some)

        return solve


def _repeated(tensor: Tensor, each: int) -> Tensor:
    # Without a copy of large matrices where none is needed.
    return tensor if each == 1 else tensor.repeat_interleave(each, 0)


def _trace(matrices: Tensor) -> Tensor:
    return matrices.diagonal(dim1=-2, dim2=-1).sum(-1)
