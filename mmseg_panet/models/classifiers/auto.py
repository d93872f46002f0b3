"""The classifier for those who choose none."""
from collections.abc import Sequence
from typing import Any

from mmseg.registry import MODELS
from torch import nn

from ..statistics import SupportStatistics
from .classifier import Classifier, counted
from .query_refinement import QueryRefinement


@MODELS.register_module()
class AutoClassifier(Classifier):
    """Chooses the method by the number of ways and shots.

    One image hardly tells how a class scatters: with one way and one shot
    the refinement by the query starts from prototypes, otherwise from the
    discriminant. The logits follow the edges of the image. All of it was
    chosen on half of the classes of MSRC and of PASCAL VOC's animals; the
    documentation has the figures.

    Args:
        prior (float): See :class:`QueryRefinement`. Defaults to 1.
        presence (float): See :class:`QueryRefinement`; by one shot it turns
            off many classes that are there. Defaults to -1: off.
        scale (float): The temperature's inverse. Defaults to 1.
        rank (int, optional): See :class:`DiscriminantClassifier`. Defaults
            to 64.

    Raises:
        InputError: If a setting is out of range.
    """

    needs = ('moments',)
    train_needs = ('cells',)
    own_settings = ('scale',)
    unit_cells = True
    edges = dict(radius=0.05, eps=1e-3)

    def __init__(self, prior: float = 1.0, presence: float = -1.0,
                 scale: float = 1.0, rank: int | None = 64) -> None:
        super().__init__()
        self.prior = prior
        self.presence = presence
        self.scale = scale
        self.rank = rank
        common: dict[str, Any] = dict(
            prior=prior, presence=presence, scale=scale, rank=rank)
        self.of_one = QueryRefinement(
            dict(type='PrototypeClassifier'), **common)
        self.of_more = QueryRefinement(**common)

    def choice(self, shots: Sequence[int]) -> QueryRefinement:
        """Choose the method for classes with some numbers of shots."""
        return self.of_one if list(shots) == [1] else self.of_more

    def fit(self, supports: SupportStatistics,
            shots: Sequence[int]) -> nn.Module:
        """Fit the classes, see :meth:`Classifier.fit`."""
        return self.choice(shots).fit(supports, shots)

    def describe(self, shots: Sequence[int]) -> str:
        """Say which method it chooses, see :meth:`Classifier.describe`."""
        start = ('prototypes' if self.choice(shots) is self.of_one
                 else 'the discriminant')
        return f'auto: refinement from {start} for {counted(shots)}'
