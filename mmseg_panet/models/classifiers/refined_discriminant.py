"""The discriminant of supports and one query."""
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..conjugate_gradients import Solution, conjugate_gradients
from ..repetition import repeated
from .discriminant import discriminant, ridge_of, with_biases

_MANY_CHANNELS = 256
"""Minimum number of channels for conjugate gradients on a CPU.

Compared with a factorisation in each round, they take half of the time with
256 channels and a tenth with 1024.
"""
_MIN_SHRINKAGE = 0.1
"""Minimum shrinkage for conjugate gradients.

With less shrinkage, the systems are ill-conditioned and need many steps.
"""


class AddedQuery(NamedTuple):
    """The changes of the classes by a query.

    Attributes:
        means (Tensor): Means with the query, (M, K, C).
        rows (Tensor): R, (M, L, C).
        weights (Tensor): Weights of the rows, (M, L). The scatter of the
            query is ``R^T diag(weights) R``.
        share (Tensor): Weight that the scatter of the supports loses,
            (M, 1, 1).
    """

    means: Tensor
    rows: Tensor
    weights: Tensor
    share: Tensor


def added_query(means: Tensor, cells: Tensor, weights: Tensor, share: float
                ) -> AddedQuery:
    """Add a query to the supports of the classes that it shows.

    Args:
        means (Tensor): Means of the supports, (M, K, C), see
            :func:`class_scatter`.
        cells (Tensor): Unit cells of the query, (M, L, C).
        weights (Tensor): Weights of the cells for each class, (M, K, L),
            which add up to 1, or to 0 for a class that is not refined.
        share (float): Weight of the query in its classes.

    Returns:
        AddedQuery: The changes. The rows are the cells, and then two for
        each class.
    """
    refined = weights.sum(-1, keepdim=True) > 0.5  # (M, K, 1)
    number = refined.sum(1, keepdim=True)  # (M, 1, 1)
    found = weights @ cells  # (M, K, C)
    step = (found - means) * refined
    some = refined[..., 0].to(means)
    # The scatter of a mixture is that within its parts plus that between
    # them.
    of_rows = torch.cat(
        [weights.sum(1), -some, (1 - share) * some], 1)
    return AddedQuery(
        means + share * step, torch.cat([cells, found, step], 1),
        share * of_rows / number[..., 0].clamp_min(1),
        share * (number > 0).to(means))


def mixed_scatter(scatter: Tensor, added: AddedQuery) -> Tensor:
    """Combine the scatter (M, C, C) of supports with that of a query."""
    return (1 - added.share) * scatter + (
        added.rows * added.weights[..., None]).mT @ added.rows


class RefinedDiscriminant(nn.Module):
    """A solver of the discriminants of supports, with and without a query.

    Args:
        means (Tensor): Means (B, K, C), see :func:`class_scatter`.
        scatter (Tensor): Mean scatter within the classes, (B, C, C).
        complete (Tensor): Whether every class has a mean, (B,) bool.
        shrinkage (float): Shrinkage of the scatter, see
            :class:`DiscriminantClassifier`.
    """

    means: Tensor
    scatter: Tensor
    complete: Tensor
    inverse: Tensor | None

    def __init__(self, means: Tensor, scatter: Tensor, complete: Tensor,
                 shrinkage: float) -> None:
        super().__init__()
        self.shrinkage = shrinkage
        channels = means.shape[-1]
        # Prototypes, which replace a missing solution, are not refined.
        _, complete = ridge_of(
            _trace(scatter), channels, complete, shrinkage)
        for name, one in dict(means=means, scatter=scatter, inverse=None,
                              complete=complete).items():
            self.register_buffer(name, one, persistent=False)
        if (channels >= _MANY_CHANNELS and shrinkage >= _MIN_SHRINKAGE
                and means.is_cpu and not scatter.requires_grad):
            self.invert()

    def invert(self) -> bool:
        """Invert the scatter, so that queries need no factorisation.

        Returns:
            bool: Whether it is positive definite. If it is not, queries are
            still solved by factorisations.
        """
        ridge, _ = ridge_of(
            _trace(self.scatter), self.means.shape[-1], self.complete,
            self.shrinkage)
        shrunk = self.scatter.where(self.complete[:, None, None], 0)
        shrunk.diagonal(dim1=-2, dim2=-1).add_(
            ridge.where(self.complete, 1)[:, None])
        factor, failed = torch.linalg.cholesky_ex(shrunk)
        if failed.any():
            return False
        self.inverse = torch.cholesky_inverse(factor)
        return True

    def of_supports(self) -> tuple[Tensor, Tensor]:
        """Solve without a query, see :func:`discriminant`."""
        if self.inverse is None:
            return discriminant(
                self.means, self.scatter, self.complete, self.shrinkage)
        return with_biases(
            self.means @ self.inverse, self.means, self.complete)

    def of_queries(self, each: int
                   ) -> Callable[[AddedQuery], tuple[Tensor, Tensor]]:
        """Build a solver for queries, which starts from its last solution.

        Args:
            each (int): Number of queries per episode, M / B.

        Returns:
            Callable: Function from an :class:`AddedQuery` to weights
            (M, K, C) and biases (M, K).
        """
        complete = repeated(self.complete, each)
        if self.inverse is None:
            scatter = repeated(self.scatter, each)
            return lambda added: discriminant(
                added.means, mixed_scatter(scatter, added), complete,
                self.shrinkage)
        means, inverse, size = (
            repeated(one, each)
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


def _trace(matrices: Tensor) -> Tensor:
    return matrices.diagonal(dim1=-2, dim2=-1).sum(-1)
