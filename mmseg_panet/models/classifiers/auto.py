"""The default classifier of the inferencer."""
from collections.abc import Sequence
from typing import Any

from mmseg.registry import MODELS
from torch import nn

from ..statistics import SupportStatistics
from .classifier import Classifier, format_shots
from .query_refinement import QueryRefinement


@MODELS.register_module()
class AutoClassifier(Classifier):
    """A choice of the method by the number of ways and shots.

    The scatter of a class can hardly be estimated from one image. Therefore
    the refinement by the query starts from prototypes for one way and one
    shot, and from the discriminant otherwise. The logits are aligned with
    the edges of the image. These choices were made on half of the classes of
    MSRC and of PASCAL VOC's animals; docs/classifiers.md has the results.

    Args:
        prior (float): Power of the class frequencies, see
            :class:`QueryRefinement`. Defaults to 1.
        presence (float): Threshold of the presence test, see
            :class:`QueryRefinement`. With one shot, the test suppresses many
            classes that are present. Defaults to -1, which disables it.
        scale (float): Inverse temperature. Defaults to 1.
        rank (int, optional): Number of main axes of the moments, see
            :class:`DiscriminantClassifier`. Defaults to 64.

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
        self.one_shot = QueryRefinement(
            dict(type='PrototypeClassifier'), **common)
        self.many_shot = QueryRefinement(**common)

    def choice(self, shots: Sequence[int]) -> QueryRefinement:
        """Choose the method by the numbers of shots of the ways."""
        return self.one_shot if list(shots) == [1] else self.many_shot

    def fit(self, supports: SupportStatistics,
            shots: Sequence[int]) -> nn.Module:
        """Fit the classes, see :meth:`Classifier.fit`."""
        return self.choice(shots).fit(supports, shots)

    def describe(self, shots: Sequence[int]) -> str:
        """Describe the chosen method, see :meth:`Classifier.describe`."""
        start = ('prototypes' if self.choice(shots) is self.one_shot
                 else 'the discriminant')
        return f'auto: refinement from {start} for {format_shots(shots)}'
