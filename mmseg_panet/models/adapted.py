"""Images without labels whose most certain cells join the supports."""
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from .classifiers import Classifier
from .classifiers.discriminant import discriminant
from .classifiers.presence import way_margins
from .mixture import mixture
from .scatter import class_scatter
from .statistics import SupportStatistics

ADAPTED_SHARE = 0.5
"""Of each class and of the background, measured with a ResNet-18 on MSRC and
on PASCAL VOC's animals."""
_KEEP = 0.3
"""Share of the cells that go to a class, by their margins."""
_FEWEST = 4
_PRESENT = 0.8
"""An image serves ways with that many cells, in those of its largest way."""


def weigh_adapted(statistics: SupportStatistics, is_adapted: Sequence[bool],
                  numbers: Sequence[int], share: float = ADAPTED_SHARE
                  ) -> SupportStatistics:
    """Give images of an adaptation a fixed share of each class.

    For means and second moments alike, ``E_k = (1 - share) * E_supports +
    share * E_adapted``: the means over the supports and over the images,
    whatever their numbers. In the background the share is that of what
    negatives leave.

    Args:
        statistics (SupportStatistics): (N + M,), n is 2: supports and images
            of an adaptation way by way, and negatives, see
            :func:`add_negatives`.
        is_adapted (Sequence[bool]): N.
        numbers (Sequence[int]): Rows of each way, N in all.
        share (float): 0..1. Defaults to :data:`ADAPTED_SHARE`.

    Returns:
        SupportStatistics: With ``shares`` and ``own_shares``; the same where
        no image is of an adaptation.
    """
    if not any(is_adapted):
        return statistics
    areas = statistics.areas
    number = len(is_adapted)
    adapted = torch.tensor(is_adapted, device=areas.device)
    background, own = (areas[:number] > 0).unbind(-1)
    shares = torch.ones_like(areas[:, 0])
    if statistics.shares is not None:
        shares = statistics.shares.clone()
        left = shares[:number].sum()
    else:
        left = shares.new_ones(())
    shares[:number] = left * mixture(background, adapted, share)
    own_shares = torch.zeros_like(shares)
    own_shares[:number] = torch.cat([
        mixture(*way, share) for way in zip(
            own.split(list(numbers)), adapted.split(list(numbers)),
            strict=True)])
    return replace(statistics, shares=shares, own_shares=own_shares)


@dataclass(frozen=True)
class CertainCells:
    """The most certain cells of a way in an image.

    Attributes:
        way (int): From 0.
        reach (float): How far they reach from the background to the mean of
            the way's supports, see :func:`reach`.
        weights (Tensor): float64 (2, h, w), 1 for the cells of the
            background, and of the way.
    """

    way: int
    reach: float
    weights: Tensor


class CertainCellFinder:
    """Finds the most certain cells of images that have no labels.

    Of the cells that go to a class the 30% with the largest margins are
    certain, four at least. An image serves a way with four cells or more
    that has 80% of the cells of the image's largest way, as others may be
    absent.

    Args:
        supports (SupportStatistics): (N,) with moments, in the dtype and on
            the device of the features.
        shots (Sequence[int]): See :func:`class_scatter`.
    """

    def __init__(self, supports: SupportStatistics,
                 shots: Sequence[int]) -> None:
        self._means, scatter, complete = (
            one[None] for one in class_scatter(supports, shots))
        self._fitted = discriminant(self._means, scatter, complete)

    def find(self, features: Tensor, logits: Tensor, valid: Tensor
             ) -> Iterator[CertainCells]:
        """Find them in one image.

        Args:
            features (Tensor): (C, h, w).
            logits (Tensor): (1 + W, h, w), of the classifier in use.
            valid (Tensor): bool (h, w), cells that are not padding.

        Yields:
            CertainCells: One a way that the image serves.
        """
        cells = F.normalize(features, dim=0).flatten(1).mT  # (m, C)
        reaching, units = way_margins(
            cells[None], self._means, *self._fitted)
        first, second = logits.flatten(1).topk(2, dim=0).values
        labels = logits.flatten(1).argmax(0).where(valid.flatten(), -1)
        counts = labels[labels >= 0].bincount(minlength=len(logits))
        fewest = max(_FEWEST, _PRESENT * int(counts[1:].max()))
        served = [way for way, count in enumerate(counts[1:].tolist())
                  if count >= fewest]
        background = _most_certain(labels == 0, first - second)
        for way in served:
            own = _most_certain(labels == 1 + way, first - second)
            reach = 2 * reaching[0, way, own].mean() / units[0, way]
            yield CertainCells(way, float(reach), torch.stack(
                [background, own]).unflatten(1, logits.shape[1:]).double())


def certain_statistics(classifier: Classifier, features: Tensor,
                       weights: Tensor) -> SupportStatistics:
    """Measure certain cells as a bank keeps supports.

    Args:
        classifier (Classifier): The one in use.
        features (Tensor): (C, h, w).
        weights (Tensor): (2, h, w), of :class:`CertainCells`.

    Returns:
        SupportStatistics: float64, n is 2, without leading dimensions.
    """
    return SupportStatistics.of_weights(
        features[None].double(), weights[None].to(features.device),
        classifier.needs, classifier.unit_cells, classifier.rank
    ).each(lambda one: one[0])


def _most_certain(own: Tensor, margins: Tensor) -> Tensor:
    """Choose cells by their margins: bool (m,), of (m,) each."""
    number = int(own.sum())
    kept = min(number, max(_FEWEST, int(_KEEP * number)))
    order = margins.where(own, -torch.inf).argsort(
        descending=True, stable=True)
    chosen = torch.zeros_like(own)
    chosen[order[:kept]] = True
    return chosen
