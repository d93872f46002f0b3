"""What the network says of an image, or of a changed view of it."""
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor


class View(NamedTuple):
    """Logits of an image, not yet resized to its height.

    Attributes:
        lines (Tensor): (1 + W, h, width), background first; mirrored images
            are turned back.
        rows (Tensor, optional): (height, h), the resize to the image's own
            height; None where it is done.
    """

    lines: Tensor
    rows: Tensor | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the image."""
        height = self.lines.shape[1] if self.rows is None else len(self.rows)
        return height, self.lines.shape[2]

    def logits(self, part: slice = slice(None)) -> Tensor:
        """Logits of some rows of the image.

        Args:
            part (slice): Of n rows. Defaults to all.

        Returns:
            Tensor: (1 + W, n, width).
        """
        if self.rows is None:
            return self.lines[:, part]
        return self.rows[part] @ self.lines


def mean_probabilities(views: Sequence[View], part: slice) -> Tensor:
    """Mean of the softmax over views.

    Args:
        views (Sequence[View]): Of one image.
        part (slice): Of n rows.

    Returns:
        Tensor: (1 + W, n, width).
    """
    total = views[0].logits(part).softmax(0)
    for view in views[1:]:
        total += view.logits(part).softmax(0)
    return total / len(views) if len(views) > 1 else total
