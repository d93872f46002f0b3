"""The prototypes of PANet (arXiv 1908.06391, section 3.3)."""
from collections.abc import Sequence

import torch.nn.functional as F
from mmseg.registry import MODELS

from ...errors import check_choice
from ..statistics import SupportStatistics
from .classifier import Classifier
from .linear import LinearClassifier

DISTANCES = ('cosine', 'squared_euclidean')


@MODELS.register_module()
class PrototypeClassifier(Classifier):
    """A classifier by the similarity of a cell to the mean of each class.

    The logits are those of equation 3. For the cosine, they are
    ``scale * cos(f, p_k)``, a linear map of normalised cells with the weight
    ``p_k / |p_k|``. For the squared Euclidean distance, they are
    ``-scale * |f - p_k|^2``, a linear map of raw cells with the weight
    ``2 p_k`` and the bias ``-|p_k|^2``, as ``|f|^2`` is common to all
    classes.

    Args:
        distance (str): 'cosine' or 'squared_euclidean'. Defaults to
            'cosine'.
        scale (float): The paper's alpha, which is the factor before the
            softmax. It is 20 in the released code and 10 in later work.
            Defaults to 20.

    Raises:
        InputError: If the distance is unknown.
    """

    def __init__(self, distance: str = 'cosine', scale: float = 20.0) -> None:
        super().__init__()
        check_choice('distance', distance, DISTANCES)
        self.distance = distance
        self.scale = scale

    def fit(self, supports: SupportStatistics,
            shots: Sequence[int]) -> LinearClassifier:
        """Fit the classes, see :meth:`Classifier.fit`."""
        means = supports.class_means(shots)  # (B, K, C)
        if self.distance == 'cosine':
            return LinearClassifier(
                F.normalize(means, dim=-1, eps=1e-8), normalise=True,
                scale=self.scale)
        return LinearClassifier(
            2 * means, -means.square().sum(-1), scale=self.scale)
