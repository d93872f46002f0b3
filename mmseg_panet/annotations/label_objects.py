"""The objects of a label map: the connected components of its classes."""
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from scipy.ndimage import find_objects

from ..errors import check_number
from .label_type import ignored_of
from .outline import outline
from .shapes import PixelBox


class LabelObject(NamedTuple):
    """A connected component of a class.

    Attributes:
        label (int): The class, 1..W.
        box (PixelBox): The pixels that it spans: x, y, width and height.
        mask (np.ndarray): (height, width) bool, its pixels in the box.
        area (int): Number of its pixels.
    """

    label: int
    box: PixelBox
    mask: np.ndarray
    area: int

    def polygon(self) -> np.ndarray:
        """Trace it in the image: (P, 2) x and y, see :func:`outline`."""
        return outline(self.mask) + np.array(self.box[:2], np.float32)

    def runs(self, size: Sequence[int]) -> dict:
        """Encode it as pycocotools' ``encode`` does, without its image.

        Args:
            size (Sequence[int]): H and W of the image.

        Returns:
            dict: ``size``, and ``counts`` as compressed text.
        """
        from pycocotools import mask as coco
        x, y = self.box[:2]
        columns = np.pad(self.mask.T, ((0, 0), (1, 1)))
        column, row = np.nonzero(columns[:, 1:] != columns[:, :-1])
        edges = (x + column) * size[0] + y + row
        # A run that reaches the last row may go on in the next column.
        goes_on = edges[1:] == edges[:-1]
        edges = edges[~(np.append(goes_on, False) | np.append(False, goes_on))]
        last = size[0] * size[1]
        ends = edges if edges[-1] == last else np.append(edges, last)
        runs = coco.frPyObjects(dict(
            size=list(size), counts=np.diff(ends, prepend=0).tolist()), *size)
        return dict(size=list(size), counts=runs['counts'].decode())

    def pixels(self, image: np.ndarray) -> np.ndarray:
        """Return its pixels of an array (H, W), in one dimension."""
        x, y, width, height = self.box
        return image[y:y + height, x:x + width][self.mask]


def label_objects(labels: np.ndarray,
                  min_area: float = 1) -> list[LabelObject]:
    """Find the objects of a label map, the largest first.

    Objects are 8-connected, as for :func:`clear_small_components`. Undecided
    pixels are no objects.

    Args:
        labels (np.ndarray): (H, W) uint8 or uint16, see
            :class:`Prediction`.
        min_area (float): Smallest object to keep: a number of pixels or,
            below 1, a fraction of the image. Defaults to 1.

    Returns:
        list[LabelObject]: The objects. Those of equal area are sorted by
        label.

    Raises:
        InputError: If ``min_area`` is negative or no number.

    Example:
        >>> [(one.label, one.box) for one in label_objects(
        ...     np.array([[1, 0, 2, 2], [0, 1, 0, 255]], np.uint8))]
        [(1, (0, 0, 2, 2)), (2, (2, 0, 2, 1))]
    """
    check_number('min_area', min_area, least=0)
    least = min_area if min_area >= 1 else min_area * labels.size
    undecided = ignored_of(labels.dtype)
    found = [
        one for label, box in enumerate(find_objects(labels), start=1)
        if box is not None and label != undecided
        for one in _components(labels[box] == label, label, box, least)]
    return sorted(found, key=lambda one: -one.area)


def _components(mask: np.ndarray, label: int,
                box: tuple[slice, slice],
                least: float) -> Iterator[LabelObject]:
    """Split the mask of a class, which fills a box of the image."""
    _, numbers, statistics, _ = cv2.connectedComponentsWithStats(
        mask.view(np.uint8), connectivity=8)
    for number, (x, y, width, height, area) in enumerate(
            statistics[1:].tolist(), start=1):
        if area >= least:
            yield LabelObject(
                label, (box[1].start + x, box[0].start + y, width, height),
                numbers[y:y + height, x:x + width] == number, area)
