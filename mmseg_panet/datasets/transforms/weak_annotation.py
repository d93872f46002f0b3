"""Weak annotations that are made from a mask."""
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
"""From a region, (H, W) bool, not empty and one piece, to the part of it that
is known, (H, W) bool."""


def largest_object(region: np.ndarray) -> np.ndarray:
    """Find the largest 8-connected piece of a region.

    Args:
        region (np.ndarray): (H, W) bool.

    Returns:
        np.ndarray: (H, W) bool, empty where the region is.
    """
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(
        region.view(np.uint8), connectivity=8)
    if count == 1:
        return region
    return pieces == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()


def border_distance(region: np.ndarray) -> np.ndarray:
    """Measure how far each pixel of a region is from the outside of it.

    What lies past the border of the image is outside.

    Args:
        region (np.ndarray): (H, W) bool.

    Returns:
        np.ndarray: (H, W) float32 in pixels, 0 outside the region.
    """
    # Not by OpenCV 5, whose precise distances differ from call to call.
    distance = distance_transform_edt(np.pad(region, 1))
    return distance[1:-1, 1:-1].astype(np.float32)


def annotate(labels: np.ndarray, way: int, mark: Mark,
             rng: np.random.Generator) -> np.ndarray:
    """Keep only what is marked in the object and in the background.

    Args:
        labels (np.ndarray): (H, W) uint8, episode labels.
        way (int): The support's own way, 1..W.
        mark (Mark): Marks a region.
        rng (np.random.Generator): What differs between marks.

    Returns:
        np.ndarray: (H, W) uint8, ``way`` in the way's largest object, 0 in
        the largest piece of the background, all else 255.
    """
    known = np.full_like(labels, IGNORED)
    for label in (way, 0):
        region = largest_object(labels == label)
        if region.any():
            known[mark(region, rng)] = label
    return known


class WeakAnnotation(BaseTransform):
    """Replace a support's mask by marks in its object and in the background.

    It stands after the resizes and crops, before ``PackEpisodeInputs``. What
    is random depends on nothing but (seed, image, class), so that an object
    is annotated alike in every episode and process, and so is its background
    where the other ways leave it the same pixels. The image is known by
    ``image_id``, or where there is none by the file name in ``img_path``.
    See :func:`annotate`.

    Required keys: ``gt_seg_map`` (H, W) of episode labels, ``way``,
    ``class_ids`` (W,), ``image_id`` or ``img_path``.
    Modified key: ``gt_seg_map`` (H, W) uint8.

    Args:
        mark (Mark): Marks the object, and then the background.
        seed (int): Seed of what differs between marks, 0 or more.

    Raises:
        InputError: If the seed is none.
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
