"""An image with its label map, as the exports take it."""
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...annotations.label_objects import LabelObject, label_objects
from ..images.image_list import ImageItem
from .mask_file import mask_path, read_mask, read_summary


class SegmentedImage(NamedTuple):
    """An image with its label map.

    Attributes:
        item (ImageItem): The image.
        labels (np.ndarray): (H, W), see :class:`Prediction`.
        confidence (np.ndarray | Mapping[int, float | None] | None): (H, W)
            of the pixels; or their mean for each label, which is all that
            the file of a mask holds; or None.
    """

    item: ImageItem
    labels: np.ndarray
    confidence: np.ndarray | Mapping[int, float | None] | None = None

    def objects(self, min_area: float
                ) -> list[tuple[LabelObject, float | None]]:
        """Find the objects with their mean confidence, the largest first.

        Args:
            min_area (float): See :func:`label_objects`.
        """
        return [(one, self._score(one))
                for one in label_objects(self.labels, min_area)]

    def _score(self, one: LabelObject) -> float | None:
        if isinstance(self.confidence, np.ndarray):
            return round(float(one.pixels(self.confidence).mean()), 4)
        return (self.confidence or {}).get(one.label)


def read_segmented(out_dir: Path, item: ImageItem) -> SegmentedImage:
    """Read the mask of an image from a folder of results."""
    path = mask_path(out_dir, item.name)
    return SegmentedImage(item, read_mask(path), {
        label: confidence
        for label, _, confidence in read_summary(path).areas})
