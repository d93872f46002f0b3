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
        start = 1
        for image, class_ids in images:
            for number, class_id in enumerate(class_ids, start=1):
                self._total[image, class_id] = start
                self._row[image, class_id] = start + number
            start += 1 + len(class_ids)
        areas = [0., *(
            area for one in statistics for area in one.areas.tolist())]
        self._empty = {
            key for key, row in self._row.items() if not areas[row] > 0}

    def serves(self, episode: Episode) -> bool:
        """Whether every support shows its way after the pipeline.

        One that does not is grown by the data set, for that class alone.
        """
        return all(
            (image, class_id) in self._row
            and (image, class_id) not in self._empty
            for class_id, images in zip(
                episode.class_ids, episode.supports, strict=True)
            for image in images)

    def fit(self, classifier: Classifier, episodes: Sequence[Episode],
            by_shot: bool = False) -> nn.Module:
        """Fit the classes of episodes.

        Args:
            classifier (Classifier): The method.
            episodes (Sequence[Episode]): E, all of W ways and S shots.
            by_shot (bool): Whether each shot is fitted alone. Defaults to
                False.

        Returns:
            nn.Module: A classifier of E episodes, with ``by_shot`` of E * S,
            the shots of an episode next to each other.
        """
        rows = [[[
            [self._total[image, class_id],
             *(self._row.get((image, way), 0) for way in episode.class_ids),
             self._row[image, class_id]]
            for image in images] for class_id, images in zip(
                episode.class_ids, episode.supports, strict=True)]
            for episode in episodes]
        # All valid pixels, every way's, and those of the own way.
        shown = self._rows.masks(
            torch.tensor(rows, device=self._rows.areas.device))
        pairs = join([
            shown.masks(slice(-1)).background(),
            shown.masks(slice(-1, None))])  # (E, W, S) supports, n = 2
        ways, shots = pairs.areas.shape[1:3]
        if by_shot:
            return classifier.fit(pairs.each(
                lambda one: one.transpose(1, 2).flatten(0, 1)), [1] * ways)
        return classifier.fit(
            pairs.each(lambda one: one.flatten(1, 2)), [shots] * ways)
