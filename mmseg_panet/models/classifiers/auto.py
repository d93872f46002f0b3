"""The classifier for those who choose none."""
from collections.abc import Sequence

from mmseg.registry import MODELS
from torch import nn

from ..statistics import SupportStatistics
from .classifier import Classifier
from .query_refinement import QueryRefinement


@MODELS.register_module()
class AutoClassifier(Classifier):
    """Chooses the method by the number of ways and shots.

    One image hardly tells how a class scatters: with one way and one shot
    everywhere the refinement by the query starts from prototypes, otherwise
    from the discriminant. The logits follow the edges of the image. It was
    chosen on half of the classes of MSRC and of PASCAL VOC's animals; the
    documentation has the figures.

    Args:
        prior (float): See :class:`QueryRefinement`. Defaults to 1.
        scale (float): The temperature's inverse. Defaults to 1.
        rank (int, optional): See :class:`DiscriminantClassifier`. Defaults
            to 64.

    Raises:
        InputError: If a setting is out of range.
    """

    needs = ('moments',)
    unit_cells = True
    edges = dict(radius=0.05, eps=1e-3)

    def __init__(self, prior: float = 1.0, scale: float = 1.0,
                 rank: int | None = 64) -> None:
        super().__init__()
        self.prior = prior
        self.scale = scale
        self.rank = rank
        self.of_one, self.of_more = (
            QueryRefinement(
                dict(type=start), prior=prior, scale=scale, rank=rank)
            for start in ('PrototypeClassifier', 'DiscriminantClassifier'))

    def choice(self, shots: Sequence[int]) -> QueryRefinement:
        """Choose the method for classes with some numbers of shots."""
        return self.of_one if list(shots) == [1] else self.of_more

    def fit(self, supports: SupportStatistics,
            shots: Sequence[int]) -> nn.Module:
        """Fit the classes, see :meth:`Classifier.fit`."""
        return self.choice(shots).fit(supports, shots)
