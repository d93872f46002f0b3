"""Adaptation: unlabelled images whose most certain cells join the supports."""
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
"""Weight of the adaptation's images in each class and in the background.

It was measured with a ResNet-18 on MSRC and on PASCAL VOC's animals.
"""
_KEEP = 0.3
"""Fraction of the cells of a class that are certain, by their margins."""
_MIN_CELLS = 4
_PRESENT = 0.8
"""Minimum number of cells of a way, relative to the image's largest way."""


def weigh_adapted(statistics: SupportStatistics, is_adapted: Sequence[bool],
                  numbers: Sequence[int], share: float = ADAPTED_SHARE
                  ) -> SupportStatistics:
    """Give the images of an adaptation a fixed weight in each class.

    For means and second moments, ``E_k = (1 - share) * E_supports +
    share * E_adapted``, where the two terms are the means over the supports
    and over the images of the adaptation, for any numbers of them. In the
    background, ``share`` applies to the part that negatives leave.

    Args:
        statistics (SupportStatistics): Statistics with the leading dimension
            N + M and n = 2: N supports and images of the adaptation, way by
            way, and M negatives, see :func:`add_negatives`.
        is_adapted (Sequence[bool]): Whether each of the N rows is an image
            of the adaptation.
        numbers (Sequence[int]): Number of rows of each way, N in total.
        share (float): Weight of the adaptation in [0, 1]. Defaults to
            :data:`ADAPTED_SHARE`.

    Returns:
        SupportStatistics: Statistics with ``shares`` and ``way_shares``; the
        given ones if there is no image of an adaptation.
    """
    if not any(is_adapted):
        return statistics
    areas = statistics.areas
    number = len(is_adapted)
    adapted = torch.tensor(is_adapted, device=areas.device)
    background, of_way = (areas[:number] > 0).unbind(-1)
    shares = torch.ones_like(areas[:, 0])
    if statistics.shares is not None:
        shares = statistics.shares.clone()
        left = shares[:number].sum()
    else:
        left = shares.new_ones(())
    shares[:number] = left * mixture(background, adapted, share)
    way_shares = torch.zeros_like(shares)
    way_shares[:number] = torch.cat([
        mixture(*way, share) for way in zip(
            of_way.split(list(numbers)), adapted.split(list(numbers)),
            strict=True)])
    return replace(statistics, shares=shares, way_shares=way_shares)


@dataclass(frozen=True)
class CertainCells:
    """The most certain cells of a way in an image.

    Attributes:
        way (int): Index of the way, from 0.
        reach (float): Mean margin of the cells, which is -1 at the mean of
            the background and 1 at that of the way, see :func:`reach`.
        weights (Tensor): Masks of the certain cells of the background and of
            the way, (2, h, w) float64 of 0 and 1.
    """

    way: int
    reach: float
    weights: Tensor


class CertainCellFinder:
    """A finder of the most certain cells of images without labels.

    Of the cells that are labelled as a class, the 30% with the largest
    margins are certain, and at least four. An image is used for a way if the
    way has at least four cells, and at least 80% of the number of cells of
    the image's largest way, because smaller ways may be absent.

    Args:
        supports (SupportStatistics): Statistics with moments and the leading
            dimension N, in the dtype and on the device of the features.
        shots (Sequence[int]): Numbers of supports of the ways, see
            :func:`class_scatter`.
    """

    def __init__(self, supports: SupportStatistics,
                 shots: Sequence[int]) -> None:
        self._means, scatter, complete = (
            one[None] for one in class_scatter(supports, shots))
        self._fitted = discriminant(self._means, scatter, complete)

    def find(self, features: Tensor, logits: Tensor, valid: Tensor
             ) -> Iterator[CertainCells]:
        """Find the most certain cells of one image.

        Args:
            features (Tensor): Features of the image, (C, h, w).
            logits (Tensor): Logits of the classifier in use, (1 + W, h, w).
            valid (Tensor): Mask of the cells that are not padding, (h, w)
                bool.

        Yields:
            CertainCells: Cells of each way that the image is used for.
        """
        cells = F.normalize(features, dim=0).flatten(1).mT  # (m, C)
        reaching, units = way_margins(
            cells[None], self._means, *self._fitted)
        first, second = logits.flatten(1).topk(2, dim=0).values
        labels = logits.flatten(1).argmax(0).where(valid.flatten(), -1)
        counts = labels[labels >= 0].bincount(minlength=len(logits))
        minimum = max(_MIN_CELLS, _PRESENT * int(counts[1:].max()))
        present = [way for way, count in enumerate(counts[1:].tolist())
                   if count >= minimum]
        background = _most_certain(labels == 0, first - second)
        for way in present:
            of_way = _most_certain(labels == 1 + way, first - second)
            reach = 2 * reaching[0, way, of_way].mean() / units[0, way]
            yield CertainCells(way, float(reach), torch.stack(
                [background, of_way]).unflatten(1, logits.shape[1:]).double())


def certain_statistics(classifier: Classifier, features: Tensor,
                       weights: Tensor) -> SupportStatistics:
    """Compute the statistics of certain cells in the form of a bank's.

    Args:
        classifier (Classifier): The classifier in use.
        features (Tensor): Features of the image, (C, h, w).
        weights (Tensor): Weights of :class:`CertainCells`, (2, h, w).

    Returns:
        SupportStatistics: Statistics in float64 with n = 2 and without
        leading dimensions.
    """
    return SupportStatistics.from_weights(
        features[None].double(), weights[None].to(features.device),
        classifier.needs, classifier.unit_cells, classifier.rank
    ).each(lambda one: one[0])


def _most_certain(of_class: Tensor, margins: Tensor) -> Tensor:
    """Select the cells (m,) of a class with the largest margins (m,)."""
    number = int(of_class.sum())
    kept = min(number, max(_MIN_CELLS, int(_KEEP * number)))
    order = margins.where(of_class, -torch.inf).argsort(
        descending=True, stable=True)
    selected = torch.zeros_like(of_class)
    selected[order[:kept]] = True
    return selected
