"""A classifier that is refined by each query."""
from collections.abc import Sequence
from math import ceil
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...errors import check_number
from ...stacks import is_recording
from ..main_axes import check_rank
from ..repetition import repeated
from ..scatter import class_scatter
from ..statistics import SupportStatistics
from ..temperature import calibrated_scale
from .classifier import Classifier, build_classifier
from .discriminant import DiscriminantClassifier
from .linear import LinearClassifier
from .presence import reach, suppress
from .refined_discriminant import RefinedDiscriminant, added_query

_MIN_CELLS = 4
"""Minimum number of a class's cells in a query to refine the class."""
_EM_ROUNDS = 10
_MIN_SHARE = 1e-3
"""Minimum frequency of a class in a query, as no class is impossible."""


@MODELS.register_module()
class QueryRefinement(Classifier):
    """A classifier that uses a query's most certain cells as a support of it.

    The classes are refined ``rounds`` times. In each round, the fraction
    ``keep`` of a class's cells with the largest margins is added to the
    supports of the class with the weight ``share``, and the discriminant is
    fitted again. Every query is refined by itself, without other queries.

    With several ways, most are absent from a query, and their few false
    cells would reinforce themselves. Therefore the frequencies of the
    classes in the query are estimated first, by expectation maximisation
    (Saerens, Latinne and Decaestecker, Adjusting the outputs of a classifier
    to new a priori probabilities, 2002). Ways that are less frequent than
    ``present`` times the most frequent way are not refined. The final logits
    include the frequencies to the power of ``prior``.

    A way whose most certain cells are too far from its mean is absent: no
    pixel is assigned to it, see :func:`reach`.

    Args:
        start (dict): Config of the registered classifier of the first round,
            whose statistics are those of unit cells. Defaults to
            :class:`DiscriminantClassifier`.
        rounds (int): Number of rounds. 0 keeps the classes of the start;
            with ``prior=0``, the query then has no effect. Defaults to 3.
        share (float): Weight of the query in [0, 1]. Defaults to 0.2.
        keep (float): Fraction of the cells in (0, 1]. Defaults to 0.3.
        shrinkage (float): Shrinkage of the scatter, see
            :class:`DiscriminantClassifier`. Defaults to 1.
        present (float): Minimum relative frequency of a way, with several
            ways, in [0, 1]. Defaults to 0.8.
        prior (float): Power of the class frequencies in the final logits; 0
            ignores them. With larger values, fewer pixels of absent and of
            rare classes are found. Defaults to 1.
        presence (float): Minimum :func:`reach` of a way. It is 1 at the mean
            of the supports, and 0 half way from the background. Defaults to
            -1, which disables the test.
        scale (float): Inverse temperature. Defaults to 1.
        rank (int, optional): Number of main axes of the moments, see
            :class:`DiscriminantClassifier`. Defaults to 64.

    Raises:
        InputError: If a setting is unknown or out of range.
    """

    needs = ('moments',)
    train_needs = ('cells',)
    own_settings = ('scale',)
    unit_cells = True

    def __init__(self, start: dict | None = None, rounds: int = 3,
                 share: float = 0.2, keep: float = 0.3,
                 shrinkage: float = 1.0, present: float = 0.8,
                 prior: float = 1.0, presence: float = -1.0,
                 scale: float = 1.0, rank: int | None = 64) -> None:
        super().__init__()
        check_number('rounds', rounds, least=0, integer=True)
        for name, value in dict(
                share=share, present=present).items():
            check_number(name, value, least=0, most=1)
        check_number('keep', keep, above=0, most=1)
        check_number('shrinkage', shrinkage, above=0)
        check_number('prior', prior, least=0)
        check_number('presence', presence, least=-1)
        check_number('scale', scale, above=0)
        check_rank(rank)
        self.start = start or dict(type='DiscriminantClassifier')
        self.first = build_classifier(self.start, shrinkage=shrinkage)
        self.rounds = rounds
        self.share = share
        self.keep = keep
        self.shrinkage = shrinkage
        self.present = present
        self.prior = prior
        self.presence = presence
        self.scale = scale
        self.rank = rank

    def fit(self, supports: SupportStatistics,
            shots: Sequence[int]) -> nn.Module:
        """Fit the classes, see :meth:`Classifier.fit`."""
        solver = RefinedDiscriminant(
            *class_scatter(supports, shots), self.shrinkage)
        first = self.first
        if isinstance(first, DiscriminantClassifier) and (
                first.shrinkage == self.shrinkage):
            start: nn.Module = first.linear(*solver.of_supports())
        else:
            start = first.fit(supports, shots)
        return FittedRefinement(self, start, solver)


class FittedRefinement(nn.Module):
    """The fitted classes, which are refined for each query.

    Args:
        method (QueryRefinement): Method with the settings.
        start (nn.Module): Classifier of the first round.
        solver (RefinedDiscriminant): Discriminants of B episodes.
    """

    weight: Tensor
    bias: Tensor
    factor: Tensor | None

    def __init__(self, method: QueryRefinement, start: nn.Module,
                 solver: RefinedDiscriminant) -> None:
        super().__init__()
        # In a tuple, so that the head's parameters are not registered again.
        self.method = (method,)
        self.start = start
        self.solver = solver
        self.by_query = False
        self.register_buffer('factor', None, persistent=False)
        self.num_classes = solver.means.shape[-2]
        # Solved once for all queries, as a solve costs as much as a round.
        weight, bias = solver.of_supports() if method.presence > -1 else (
            None, None)
        self.register_buffer('weight', weight, persistent=False)
        self.register_buffer('bias', bias, persistent=False)

    def calibrate(self, means: Tensor) -> None:
        """Set the scale, or let it depend on each query's refined classes.

        Args:
            means (Tensor): Means of the supports' classes, (B, K, C).
        """
        self.by_query = self.method[0].rounds > 0
        if not self.by_query and isinstance(self.start, LinearClassifier):
            self.factor = calibrated_scale(
                self.start.scale * self.start.weight, means)  # (B,)

    def _scaled(self, logits: Tensor, factor: Tensor | None) -> Tensor:
        """Multiply logits (M, K, h, w) by factors (B,) or by the setting."""
        if factor is None:
            return self.method[0].scale * logits
        each = logits.shape[0] // max(1, factor.shape[0])
        return repeated(factor, each)[:, None, None, None] * logits

    def forward(self, features: Tensor) -> Tensor:
        """Classify features, see :meth:`Classifier.fit`."""
        method: Any = self.method[0]
        logits = self.start(features)  # (M, K, h, w)
        if not len(self.solver.means) or not (
                method.rounds or method.prior or method.presence > -1):
            return self._scaled(logits, self.factor)
        found, size = logits.flatten(2), logits.shape
        each = logits.shape[0] // len(self.solver.means)
        means, complete = (
            repeated(one, each)
            for one in (self.solver.means, self.solver.complete))
        cells = F.normalize(features, dim=1).flatten(2).transpose(
            1, 2)  # (M or 1, m, C)
        several = self.num_classes > 2
        absent = None
        if method.presence > -1:
            absent = complete[:, None] & (method.presence > reach(
                cells, means, *(repeated(one, each)
                                for one in (self.weight, self.bias))))
            found = suppress(found, absent)
        solve = self.solver.of_queries(each)
        for _ in range(method.rounds):
            places, weights = self._certain(found, several)
            places = places[..., None].expand(-1, -1, cells.shape[2])
            added = added_query(
                means, cells.expand(means.shape[0], -1, -1).gather(1, places),
                weights * complete[:, None, None], method.share)
            weight, bias = solve(added)
            found = weight @ cells.transpose(1, 2) + bias[..., None]
            found = found if absent is None else suppress(found, absent)
        if method.prior:
            share = class_shares(found).log() * complete[:, None, None]
            found = found + method.prior * share
        found = self._scaled(
            found.reshape(size),
            calibrated_scale(weight, added.means) if self.by_query
            else self.factor)
        return found if absent is None else suppress(
            found.flatten(2), absent).reshape(size)

    def _certain(self, logits: Tensor, several: bool
                 ) -> tuple[Tensor, Tensor]:
        """Select the most certain cells of each class in a query.

        Args:
            logits (Tensor): Logits (M, K, m).
            several (bool): Whether some ways may be absent.

        Returns:
            tuple[Tensor, Tensor]: Indices of cells, (M, L), and their
            weights for each class, (M, K, L). The weights add up to 1, or to
            0 for a class that is not refined.
        """
        method: Any = self.method[0]
        classes, number = logits.shape[1:]
        present = None
        if several:
            shares = class_shares(logits)  # (M, K, 1)
            logits = logits + shares.log()
            ways = shares[:, 1:, 0]
            present = ways >= method.present * ways.amax(1, keepdim=True)
        first, second = logits.topk(2, dim=1).values.unbind(1)
        order = _descending_order(first - second)
        label = logits.argmax(1).gather(1, order)  # (M, m), most certain first
        of_class = label[:, None] == torch.arange(
            classes, device=label.device)[:, None]  # (M, K, m)
        counts = of_class.sum(-1, keepdim=True)
        most = (method.keep * counts).round().clamp_min(1)
        # ONNX has no cumulative sum of bool.
        place = of_class.cumsum(-1, dtype=torch.int64)
        kept = of_class & (place <= most) & (counts >= _MIN_CELLS)
        if present is not None:
            kept = torch.cat(
                [kept[:, :1], kept[:, 1:] & present[..., None]], 1)
        # Only so many cells can be selected; the others need no computation.
        length = min(number, ceil(method.keep * number) + classes)
        some = _descending_order(kept.any(1).to(torch.uint8))[:, :length]
        weights = kept.gather(
            2, some[:, None].expand(-1, classes, -1)).to(logits)
        return (order.gather(1, some),
                weights / weights.sum(-1, keepdim=True).clamp_min(1))


def _descending_order(values: Tensor) -> Tensor:
    """Sort each row, so that the first of equal values stays the first.

    Args:
        values (Tensor): Values (M, m).

    Returns:
        Tensor: Indices of the values, (M, m), the largest value first.
    """
    if is_recording():
        # The only sort of ONNX, which defines the order of equal values.
        return values.float().topk(values.shape[1], dim=1).indices
    return values.argsort(dim=1, descending=True, stable=True)


def class_shares(logits: Tensor) -> Tensor:
    """Estimate the frequencies of the classes in each image.

    The method is expectation maximisation from equal frequencies (Saerens et
    al. 2002).

    Args:
        logits (Tensor): Logarithms of densities, (M, K, m).

    Returns:
        Tensor: Frequencies (M, K, 1), which add up to 1.
    """
    shares = torch.full_like(logits[..., :1], 1 / logits.shape[1])
    for _ in range(_EM_ROUNDS):
        shares = (logits + shares.log()).softmax(1).mean(-1, keepdim=True)
        shares = shares.clamp_min(_MIN_SHARE)
        shares = shares / shares.sum(1, keepdim=True)
    return shares
