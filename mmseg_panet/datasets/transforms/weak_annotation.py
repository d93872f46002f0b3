"""The base of weak annotations that are derived from masks."""
import os
import zlib
from collections.abc import Callable

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from scipy.ndimage import distance_transform_edt

from ...annotations.class_list import IGNORED
from ...errors import InputError

Mark = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""A function from a region to its marked part.

Both are (H, W) bool; the region is connected and not empty.
"""


def largest_object(region: np.ndarray) -> np.ndarray:
    """Find the largest 8-connected component of a region.

    Args:
        region (np.ndarray): Mask of the region, (H, W) bool.

    Returns:
        np.ndarray: Mask of the component, (H, W) bool; empty if the region
        is empty.
    """
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(
        region.view(np.uint8), connectivity=8)
    if count == 1:
        return region
    return pieces == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()


def border_distance(region: np.ndarray) -> np.ndarray:
    """Compute the distance of each pixel to the outside of its region.

    Pixels beyond the border of the image count as outside.

    Args:
        region (np.ndarray): Mask of the region, (H, W) bool.

    Returns:
        np.ndarray: Distances in pixels, (H, W) float32; 0 outside the
        region.
    """
    # The precise distances of OpenCV 5 differ from call to call.
    distance = distance_transform_edt(np.pad(region, 1))
    return distance[1:-1, 1:-1].astype(np.float32)


def annotate(labels: np.ndarray, way: int, mark: Mark,
             rng: np.random.Generator) -> np.ndarray:
    """Keep only the marked pixels of the object and of the background.

    Args:
        labels (np.ndarray): Episode labels, (H, W) uint8.
        way (int): Way of the support, 1..W.
        mark (Mark): Function that marks a part of a region.
        rng (np.random.Generator): Random generator of the marks.

    Returns:
        np.ndarray: Labels, (H, W) uint8: ``way`` at the marks in the way's
        largest object, 0 at those in the largest component of the
        background, and 255 elsewhere.
    """
    known = np.full_like(labels, IGNORED)
    for label in (way, 0):
        region = largest_object(labels == label)
        if region.any():
            known[mark(region, rng)] = label
    return known


class WeakAnnotation(BaseTransform):
    """Replace a support's mask by marks in its object and in the background.

    Place this transform after the resizes and crops and before
    ``PackEpisodeInputs``. The random numbers depend only on (seed, image,
    class), so that an object has the same marks in every episode and
    process. The same holds for its background, unless the other ways of the
    episode occupy different pixels of it. The image is identified by
    ``image_id`` or, without it, by the file name in ``img_path``. See
    :func:`annotate`.

    Required keys: ``gt_seg_map`` (H, W) of episode labels, ``way``,
    ``class_ids`` (W,), ``image_id`` or ``img_path``.
    Modified key: ``gt_seg_map`` (H, W) uint8.

    Args:
        mark (Mark): Function that marks the object and the background.
        seed (int): Seed of the marks, at least 0.

    Raises:
        InputError: If the seed is invalid.
    """

    depends_on = 'class'

    def __init__(self, mark: Mark, seed: int) -> None:
        if type(seed) is not int or seed < 0:
            raise InputError(
                f'expected seed of {type(self).__name__} of 0 or more, got '
                f'{seed!r}')
        self.mark = mark
        self.seed = seed

    def transform(self, results: dict) -> dict:
        """Annotate one support."""
        way = results['way']
        image = results.get('image_id') or os.path.basename(
            results['img_path'])
        rng = np.random.default_rng((
            self.seed, zlib.crc32(image.encode()),
            results['class_ids'][way - 1]))
        results['gt_seg_map'] = annotate(
            results['gt_seg_map'], way, self.mark, rng)
        return results
