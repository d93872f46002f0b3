"""What all weak annotations of a mask have in common."""
import os
import zlib
from collections.abc import Callable

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

from ...annotations.class_list import IGNORED


def annotation_rng(results: dict, seed: int) -> np.random.Generator:
    """Make a generator that depends on nothing but (seed, image, class).

    So an object is annotated alike in every episode and process, and so is
    its background where the other ways leave it the same pixels. The image
    is known by ``image_id``, or where there is none by the file name in
    ``img_path``.

    Args:
        results (dict): With ``class_ids`` (W,) and ``way`` 1..W.
        seed (int): The seed of the transform, 0 or more.
    """
    image = results.get('image_id') or os.path.basename(results['img_path'])
    class_id = results['class_ids'][results['way'] - 1]
    return np.random.default_rng(
        (seed, zlib.crc32(image.encode()), class_id))


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


def annotate(labels: np.ndarray, way: int,
             mark: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Keep only what is marked in the object and in the background.

    Args:
        labels (np.ndarray): (H, W) uint8, episode labels.
        way (int): The support's own way, 1..W.
        mark (Callable): From a region (H, W) bool that is not empty, one
            piece, to the part of it that is known, (H, W) bool.

    Returns:
        np.ndarray: (H, W) uint8, ``way`` in the way's largest object, 0 in
        the largest piece of the background, all else 255.
    """
    known = np.full_like(labels, IGNORED)
    for label in (way, 0):
        region = largest_object(labels == label)
        if region.any():
            known[mark(region)] = label
    return known
