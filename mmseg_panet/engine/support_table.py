"""What the supports of a test add to its episodes."""
from collections.abc import Sequence

import torch
from torch import Tensor

from ..datasets.sampling import Episode
from ..models.support_sums import episode_prototypes
from .labelled_images import LabelledImage


class SupportTable:
    """Sums of all supports, and which episode needs which.

    A few vectors an image: nothing is kept a pixel.

    Args:
        images (Sequence[LabelledImage]): All supports.
        sums (Sequence[Tensor]): float64 (1 + n, C + 1) of each, see
            :func:`class_sums`, n its number of classes.
        device (torch.device): Where the prototypes are wanted.
    """

    def __init__(self, images: Sequence[LabelledImage], sums: Sequence[Tensor],
                 device: torch.device) -> None:
        nothing = sums[0].new_zeros(1, sums[0].shape[1])
        self._sums = torch.cat([nothing, *sums]).to(device)
        self._total: dict[tuple[int, int], int] = {}
        self._row: dict[tuple[int, int], int] = {}
        start = 1
        for image, class_ids in images:
            for number, class_id in enumerate(class_ids, start=1):
                self._total[image, class_id] = start
                self._row[image, class_id] = start + number
            start += 1 + len(class_ids)
        areas = self._sums[:, -1].tolist()
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

    def prototypes(self, episodes: Sequence[Episode],
                   by_shot: bool = False) -> Tensor:
        """Prototypes of episodes, see :func:`episode_prototypes`.

        Args:
            episodes (Sequence[Episode]): E, all of W ways and S shots.
            by_shot (bool): Whether each shot gives its own.

        Returns:
            Tensor: float64 (E, G, 1 + W, C), G = S with ``by_shot``, else 1.
        """
        totals = [[[self._total[image, class_id] for image in images]
                   for class_id, images in zip(
                       episode.class_ids, episode.supports, strict=True)]
                  for episode in episodes]
        ways = [[[[self._row.get((image, class_id), 0)
                   for class_id in episode.class_ids] for image in images]
                 for images in episode.supports] for episode in episodes]
        device = self._sums.device
        return episode_prototypes(
            self._sums, torch.tensor(totals, device=device),
            torch.tensor(ways, device=device), by_shot)
