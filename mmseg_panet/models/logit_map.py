"""The logits of an image, and the map that brings them to its pixels."""
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from .resize import Resize, cut_to_image, to_own_size

UNDECIDED = 255
"""Label of a pixel that is given to no class."""


@dataclass(frozen=True, eq=False)
class LogitMap:
    """Logits on the cells of an image, and the linear map to its pixels.

    Labels, probabilities and rows of an image are found here and nowhere
    else.

    Attributes:
        cells (Tensor): (..., K, h, w), background first; leading dimensions
            are those of episodes, shots and so on.
        resize (Resize): From (h, w) to the image.
    """

    cells: Tensor
    resize: Resize

    @classmethod
    def of_cells(cls, logits: Tensor, metainfo: dict,
                 align_corners: bool = False) -> 'LogitMap':
        """Take the logits of a feature map.

        Args:
            logits (Tensor): (..., K, h, w).
            metainfo (dict): The image's, see :func:`to_own_size`.
            align_corners (bool): Of the resizes. Defaults to False.
        """
        return cls(logits, to_own_size(
            logits.shape[-2:], metainfo, align_corners, like=logits))

    @classmethod
    def of_input(cls, logits: Tensor, metainfo: dict,
                 align_corners: bool = False) -> 'LogitMap':
        """Take logits that have the size of the network's input.

        Args:
            logits (Tensor): (..., K, H, W), such as those of windows.
            metainfo (dict): The image's, see :func:`to_own_size`.
            align_corners (bool): Of the resize. Defaults to False.
        """
        return cls(*cut_to_image(logits, metainfo, align_corners))

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the image."""
        height, width = self.cells.shape[-2:]
        rows, columns = self.resize
        return (height if rows is None else len(rows),
                width if columns is None else len(columns))

    @cached_property
    def _lines(self) -> Tensor:
        """Logits at the width of the image, (..., K, h, W)."""
        return Resize(None, self.resize.columns)(self.cells)

    def rows(self, part: slice = slice(None)) -> Tensor:
        """Logits of some rows of the image.

        Args:
            part (slice): Of n rows. Defaults to all.

        Returns:
            Tensor: (..., K, n, W).
        """
        lines, rows = self._lines, self.resize.rows
        if rows is None:
            return lines[..., part, :]
        some = rows[part]
        if some.is_cpu and 0 < len(some) < len(rows):
            # Few lines reach some rows of a large image. To find them, a
            # device would have to be waited for.
            used = some.any(0).nonzero()
            reach = slice(int(used.min()), 1 + int(used.max()))
            lines, some = lines[..., reach, :], some[:, reach]
        return Resize(some)(lines)

    def at_image(self) -> 'LogitMap':
        """The map with its logits resized, (..., K, H, W)."""
        return LogitMap(self.rows(), Resize())

    def margins(self) -> Tensor:
        """Logits of every way over those of the background.

        Returns:
            Tensor: (..., K - 1, H, W).
        """
        # Only differences matter to labels, which saves one of K resizes.
        return self.resize(
            self.cells[..., 1:, :, :] - self.cells[..., :1, :, :])

    def labels(self) -> Tensor:
        """The class of the largest logit of every pixel.

        Returns:
            Tensor: uint8 (..., H, W), 0 to K - 1; the first of equals, as
            argmax.
        """
        first, *others = self.margins().unbind(-3)
        labels = (first > 0).to(torch.uint8)
        # Channel by channel: an argmax over a short leading axis is slow.
        best = first.clamp_min(0) if others else first
        for way, one in enumerate(others, start=2):
            labels = torch.where(one > best, way, labels)
            best = torch.maximum(best, one)
        return labels


def mean_probabilities(maps: Sequence[LogitMap], part: slice) -> Tensor:
    """Mean of the softmax over the views of an image.

    Args:
        maps (Sequence[LogitMap]): One a view.
        part (slice): Of n rows.

    Returns:
        Tensor: (K, n, W).
    """
    total = maps[0].rows(part).softmax(0)
    for one in maps[1:]:
        total += one.rows(part).softmax(0)
    return total / len(maps) if len(maps) > 1 else total
