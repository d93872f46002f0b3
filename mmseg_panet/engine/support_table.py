"""The statistics of all supports of a test."""
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..datasets.sampling import Episode
from ..models import Classifier, SupportStatistics
from ..models.symmetric import pack, unpack
from .labelled_images import LabelledImage


class SupportRows(NamedTuple):
    """The statistics of one image, with a row for each mask.

    The first row is for all valid pixels, each of the others for a class.
    See :class:`SupportStatistics` for the attributes.

    Attributes:
        areas (Tensor): Areas of the masks, float64 (n,).
        sums (Tensor): Sums of the features, float64 (n, C).
        moments (Tensor, optional): Upper triangles of the second moments,
            float32 (n, r * (r + 1) / 2). Their differences are far larger
            than the rounding of float32.
        axes (Tensor, optional): Axes of the moments, float16 (r, C).
    """

    areas: Tensor
    sums: Tensor
    moments: Tensor | None = None
    axes: Tensor | None = None

    @classmethod
    def from_statistics(cls, one: SupportStatistics) -> 'SupportRows':
        """Copy the statistics (n,) of one image out of a batch."""
        return cls(
            one.areas.clone(), one.sums.clone(),
            None if one.moments is None else pack(one.moments).float(),
            None if one.axes is None else one.axes.clone())


class SupportTable:
    """A table of the statistics of all supports, which fits episodes.

    It keeps a few vectors and matrices for each image, and nothing for each
    pixel. With 64 axes and 1024 channels these are 0.16 to 0.18 MB, so that
    20,000 supports take less than 4 GB.

    Args:
        images (Sequence[LabelledImage]): All supports.
        rows (Sequence[SupportRows]): Statistics of each support.
        device (torch.device): Device on which classifiers are fitted.
    """

    def __init__(self, images: Sequence[LabelledImage],
                 rows: Sequence[SupportRows], device: torch.device) -> None:
        # The first row, of zeros, is for classes that an image lacks.
        self._rows = {
            name: torch.cat([torch.zeros_like(parts[0][:1]), *parts]).to(
                device)
            for name in ('areas', 'sums', 'moments')
            if (parts := [getattr(one, name) for one in rows])[0] is not None}
        axes = [one.axes for one in rows if one.axes is not None]
        self._axes = torch.stack(axes).to(device) if axes else None
        self._total: dict[tuple[int, int], int] = {}
        self._row: dict[tuple[int, int], int] = {}
        self._image: dict[tuple[int, int], int] = {}
        self._shown = set()
        start = 1
        for index, ((image, class_ids), one) in enumerate(
                zip(images, rows, strict=True)):
            shown = one.areas.tolist()
            for number, class_id in enumerate(class_ids, start=1):
                self._total[image, class_id] = start
                self._row[image, class_id] = start + number
                self._image[image, class_id] = index
                if shown[number] > 0:
                    self._shown.add((image, class_id))
            start += len(shown)

    def values(self, ways: int, shots: int, by_shot: bool = False) -> int:
        """Count the values that are in memory while an episode is fitted.

        Args:
            ways (int): Number of ways, W.
            shots (int): Number of shots, S.
            by_shot (bool): Whether each shot is fitted alone. Defaults to
                False.

        Returns:
            int: Number of values of the masks and the axes, and, with
            moments, of the scatter matrix (C, C) of each fit.
        """
        mask = sum(one[0].numel() for one in self._rows.values())
        if 'moments' in self._rows:
            mask += self._rows['moments'][0].numel()  # unpacked
        axes = 0 if self._axes is None else self._axes[0].numel()
        scatter = 'moments' in self._rows and (
            self._rows['sums'].shape[1]**2 * (shots if by_shot else 1))
        return ways * shots * (mask * (2 + ways) + axes) + scatter

    def serves(self, episode: Episode) -> bool:
        """Return whether all supports of an episode show their class.

        A support whose class the pipeline removed is not in the table: the
        data set grows its mask, for that class only.
        """
        return self._shown.issuperset(_pairs_of(episode))

    def fit(self, classifier: Classifier, episodes: Sequence[Episode],
            dtype: torch.dtype, by_shot: bool = False) -> nn.Module:
        """Fit the classes of episodes.

        Args:
            classifier (Classifier): Classifier to fit.
            episodes (Sequence[Episode]): E episodes of W ways and S shots.
            dtype (torch.dtype): Dtype of the features.
            by_shot (bool): Whether each shot is fitted alone. Defaults to
                False.

        Returns:
            nn.Module: Classifier of E episodes, or of E * S with ``by_shot``,
            where the shots of an episode are adjacent.
        """
        pairs = self.pairs(episodes, dtype)
        ways, shots = len(episodes[0].supports), len(episodes[0].supports[0])
        if by_shot:
            pairs = pairs.each(
                lambda one: one.unflatten(1, (ways, shots)).transpose(
                    1, 2).flatten(0, 1))  # (E * S, W)
        with torch.autocast(pairs.sums.device.type, enabled=False):
            return classifier.fit(pairs, [1 if by_shot else shots] * ways)

    def pairs(self, episodes: Sequence[Episode], dtype: torch.dtype
              ) -> SupportStatistics:
        """Look up the background and the way of all supports of episodes.

        Args:
            episodes (Sequence[Episode]): E episodes of W ways and S shots.
            dtype (torch.dtype): Dtype of the features.

        Returns:
            SupportStatistics: Statistics (E, W * S) with n = 2.
        """
        # Differences of sums are float64. The fit uses the dtype of training.
        return self._statistics(episodes).pair().each(
            lambda one: one.to(dtype))

    def _statistics(self, episodes: Sequence[Episode]) -> SupportStatistics:
        """Look up the statistics of the supports of episodes.

        The masks of a support are all valid pixels, every way of the episode,
        and the way of the support.
        """
        rows = [[
            [self._total[image, class_id],
             *(self._row.get((image, way), 0) for way in episode.class_ids),
             self._row[image, class_id]]
            for image, class_id in _pairs_of(episode)]
            for episode in episodes]
        found = {
            name: one[_indices(rows, one.device)]
            for name, one in self._rows.items()}
        if 'moments' in found:
            found['moments'] = unpack(found['moments'])
        axes = None if self._axes is None else self._axes[_indices(
            [[self._image[pair] for pair in _pairs_of(episode)]
             for episode in episodes], self._axes.device)]
        return SupportStatistics(**found, axes=axes)


def _indices(rows: list, device: torch.device) -> Tensor:
    return torch.tensor(rows).to(device, non_blocking=True)


def _pairs_of(episode: Episode) -> list[tuple[int, int]]:
    """List the image and the class of every support, way by way."""
    return [
        (image, class_id) for class_id, images in zip(
            episode.class_ids, episode.supports, strict=True)
        for image in images]
