"""What the supports of a test add to its episodes."""
from collections.abc import Sequence

import torch
from torch import nn

from ..datasets.sampling import Episode
from ..models import Classifier, SupportStatistics
from ..models.statistics import join
from .labelled_images import LabelledImage


class SupportTable:
    """Statistics of all supports, and which episode needs which.

    A few vectors an image: nothing is kept a pixel.

    Args:
        images (Sequence[LabelledImage]): All supports.
        statistics (Sequence[SupportStatistics]): Of each, see
            :meth:`SupportStatistics.of_classes`.
        device (torch.device): Where the classifiers are needed.
    """

    def __init__(self, images: Sequence[LabelledImage],
                 statistics: Sequence[SupportStatistics],
                 device: torch.device) -> None:
        nothing = statistics[0].masks(slice(1)).each(torch.zeros_like)
        self._rows = join([nothing, *statistics]).each(
            lambda one: one.to(device))
        self._total: dict[tuple[int, int], int] = {}
        self._row: dict[tuple[int, int], int] = {}
        self._shown = set()
        start = 1
        for (image, class_ids), one in zip(images, statistics, strict=True):
            areas = one.areas.tolist()
            for number, class_id in enumerate(class_ids, start=1):
                self._total[image, class_id] = start
                self._row[image, class_id] = start + number
                if areas[number] > 0:
                    self._shown.add((image, class_id))
            start += len(areas)

    @property
    def values(self) -> int:
        """Values that a mask of a support has."""
        return sum(one[0].numel() for one in self._rows.tensors().values())

    def serves(self, episode: Episode) -> bool:
        """Whether every support shows its way after the pipeline.

        One that does not is grown by the data set, for that class alone.
        """
        return self._shown.issuperset(_pairs_of(episode))

    def fit(self, classifier: Classifier, episodes: Sequence[Episode],
            dtype: torch.dtype, by_shot: bool = False) -> nn.Module:
        """Fit the classes of episodes.

        Args:
            classifier (Classifier): The method.
            episodes (Sequence[Episode]): E, all of W ways and S shots.
            dtype (torch.dtype): The dtype of the features.
            by_shot (bool): Whether each shot is fitted alone. Defaults to
                False.

        Returns:
            nn.Module: A classifier of E episodes, with ``by_shot`` of E * S,
            the shots of an episode next to each other.
        """
        rows = [[
            [self._total[image, class_id],
             *(self._row.get((image, way), 0) for way in episode.class_ids),
             self._row[image, class_id]]
            for image, class_id in _pairs_of(episode)]
            for episode in episodes]
        # All valid pixels, every way's, and those of the own way.
        index = torch.tensor(rows).to(
            self._rows.areas.device, non_blocking=True)
        # Differences are float64, what follows is as in training.
        pairs = self._rows.masks(index).pair().each(
            lambda one: one.to(dtype))  # (E, W * S) supports, n = 2
        ways, shots = len(episodes[0].supports), len(episodes[0].supports[0])
        if by_shot:
            pairs = pairs.each(
                lambda one: one.unflatten(1, (ways, shots)).transpose(
                    1, 2).flatten(0, 1))  # (E * S, W)
        return classifier.fit(pairs, [1 if by_shot else shots] * ways)


def _pairs_of(episode: Episode) -> list[tuple[int, int]]:
    """The image and the class of every support, way by way."""
    return [
        (image, class_id) for class_id, images in zip(
            episode.class_ids, episode.supports, strict=True)
        for image in images]
