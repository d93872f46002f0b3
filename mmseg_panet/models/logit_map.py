"""The logits of an image, and their resize to its pixels."""
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ..annotations.label_type import label_type
from .resize import Resize, cut_to_image, to_original_size


@dataclass(frozen=True, eq=False)
class LogitMap:
    """Logits at the cells of an image, and their linear resize to its pixels.

    This is the only place where labels, probabilities and rows of an image
    are computed.

    Attributes:
        cells (Tensor): Logits (..., K, h, w), background first. Leading
            dimensions are those of episodes, shots and so on.
        resize (Resize): Resize from (h, w) to the size of the image.

    Example:
        >>> logits = torch.tensor([[[0., 0.]], [[-1., 2.]]])  # (2, 1, 2)
        >>> metainfo = dict(img_shape=(1, 2), ori_shape=(1, 4))
        >>> LogitMap.from_cells(logits, metainfo).labels()
        tensor([[0, 0, 1, 1]], dtype=torch.uint8)
    """

    cells: Tensor
    resize: Resize

    @classmethod
    def from_cells(cls, logits: Tensor, metainfo: dict,
                   align_corners: bool = False) -> 'LogitMap':
        """Build a map from logits at the size of the feature map.

        Args:
            logits (Tensor): Logits (..., K, h, w).
            metainfo (dict): Metainfo of the image, see
                :func:`to_original_size`.
            align_corners (bool): ``align_corners`` of the resizes. Defaults
                to False.
        """
        return cls(logits, to_original_size(
            logits.shape[-2:], metainfo, align_corners, like=logits))

    @classmethod
    def from_input(cls, logits: Tensor, metainfo: dict,
                   align_corners: bool = False) -> 'LogitMap':
        """Build a map from logits at the size of the network's input.

        Args:
            logits (Tensor): Logits (..., K, H, W), such as those of sliding
                windows.
            metainfo (dict): Metainfo of the image, see
                :func:`to_original_size`.
            align_corners (bool): ``align_corners`` of the resize. Defaults
                to False.
        """
        return cls(*cut_to_image(logits, metainfo, align_corners))

    @property
    def size(self) -> tuple[int, int]:
        """The (H, W) of the image."""
        height, width = self.cells.shape[-2:]
        rows, columns = self.resize
        return (height if rows is None else len(rows),
                width if columns is None else len(columns))

    @cached_property
    def _lines(self) -> Tensor:
        """Logits at the width of the image, (..., K, h, W)."""
        return Resize(None, self.resize.columns)(self.cells)

    def rows(self, part: slice = slice(None)) -> Tensor:
        """Compute the logits of some rows of the image.

        Args:
            part (slice): Slice of n rows. Defaults to all rows.

        Returns:
            Tensor: Logits (..., K, n, W).
        """
        lines, rows = self._lines, self.resize.rows
        if rows is None:
            return lines[..., part, :]
        some = rows[part]
        if some.is_cpu and 0 < len(some) < len(rows):
            # Few lines contribute to some rows of a large image. To find
            # them on a device would require a synchronization.
            used = some.any(0).nonzero()
            reach = slice(int(used.min()), 1 + int(used.max()))
            lines, some = lines[..., reach, :], some[:, reach]
        return Resize(some)(lines)

    def at_image(self) -> 'LogitMap':
        """Return the map with its logits resized to (..., K, H, W)."""
        return LogitMap(self.rows(), Resize())

    def margins(self) -> Tensor:
        """Compute the logits of every way minus those of the background.

        Returns:
            Tensor: Margins (..., K - 1, H, W).
        """
        # Labels depend only on differences, which saves one of K resizes.
        return self.resize(
            self.cells[..., 1:, :, :] - self.cells[..., :1, :, :])

    def labels(self) -> Tensor:
        """Compute the class with the largest logit at every pixel.

        Returns:
            Tensor: Labels 0 to K - 1, (..., H, W), see :func:`tensor_type`;
            the first of equal ones, as argmax.
        """
        first, *others = self.margins().unbind(-3)
        labels = (first > 0).to(tensor_type(2 + len(others)))
        # An argmax over a short leading axis would be slower.
        best = first.clamp_min(0) if others else first
        for way, one in enumerate(others, start=2):
            labels = torch.where(one > best, way, labels)
            best = torch.maximum(best, one)
        return labels


def tensor_type(num_labels: int) -> torch.dtype:
    """Choose the type of a tensor of the labels 0..num_labels - 1.

    Args:
        num_labels (int): Number of classes with the background.

    Returns:
        torch.dtype: uint8 for up to 255 labels. int32 for more, as torch
        computes little with uint16, see :func:`label_type`.
    """
    is_narrow = label_type(num_labels) == np.uint8
    return torch.uint8 if is_narrow else torch.int32


def mean_probabilities(maps: Sequence[LogitMap], part: slice) -> Tensor:
    """Average the softmax over the views of an image.

    Args:
        maps (Sequence[LogitMap]): Logit maps (K, h, w) of the views.
        part (slice): Slice of n rows.

    Returns:
        Tensor: Probabilities (K, n, W).
    """
    total = maps[0].rows(part).softmax(0)
    for one in maps[1:]:
        total += one.rows(part).softmax(0)
    return total / len(maps) if len(maps) > 1 else total
