"""What every method of few-shot classification has in common."""
from collections.abc import Sequence
from inspect import signature
from typing import Any

from torch import nn

from ..statistics import SupportStatistics


class Classifier(nn.Module):
    """A method: from the statistics of supports to a classifier of cells.

    A method inherits from it and is registered with ``MODELS``. It defines
    :meth:`fit`, and keeps its settings in attributes of their names.

    Attributes:
        needs (tuple[str, ...]): What :meth:`fit` reads beside areas and
            sums, of :data:`NEEDS`. Statistics with 'cells' grow with the
            pixels of the supports: a test then goes episode by episode.
        unit_cells (bool): Whether the statistics are those of normalised
            cells.
    """

    needs: tuple[str, ...] = ()
    unit_cells: bool = False

    def fit(self, supports: SupportStatistics,
            shots: Sequence[int]) -> nn.Module:
        """Fit the classes of an episode, or of B episodes at once.

        Args:
            supports (SupportStatistics): (B, N) supports, the shots of a way
                next to each other; n is 2, background and own way.
            shots (Sequence[int]): Supports of each way, N in all.

        Returns:
            nn.Module: A :class:`LinearClassifier`, or anything else that is
            called with features (M, C, h, w), M a multiple of B, and
            returns logits (M, 1 + W, h, w).
        """
        raise TypeError(
            f'{type(self).__name__} has no fit(supports, shots); define it '
            'as PrototypeClassifier does')

    def settings(self) -> dict[str, Any]:
        """Type and arguments, as a config builds this method."""
        return {'type': type(self).__name__} | {
            name: getattr(self, name)
            for name in signature(type(self)).parameters}
