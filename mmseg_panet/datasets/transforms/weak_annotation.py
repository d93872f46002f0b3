"""What all weak annotations of a mask have in common."""
import os
import zlib
from collections.abc import Callable

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt


def annotation_rng(results: dict, seed: int) -> np.random.Generator:
    """A generator that depends on nothing but (seed, image, class).

    So an object is annotated alike in every episode and process, and so is
    its background where the other ways leave it the same pixels. The image
    is known by ``image_id``, or where there is none by the file name in
    ``img_path``.

    Args:
        results (dict): With ``class_ids`` (W,) and ``way`` 1..W.
        seed (int): 0 or more.
    """
    image = results.get('image_id') or os.path.basename(results['img_path'])
    class_id = results['class_ids'][results['way'] - 1]
    return np.random.default_rng(
        (seed, zlib.crc32(image.encode()), class_id))


def largest_object(region: np.ndarray) -> np.ndarray:
    """The largest 8-connected piece of a region.

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
    """Distance of each pixel to the outside, which is also past the image.

    Args:
        region (np.ndarray): (H, W) bool.

    Returns:
        np.ndarray: (H, W) float32 in pixels, 0 outside the region.
    """
    # Not by OpenCV 5, whose precise distances differ from call to call.
    distance = distance_transform_edt(np.pad(region, 1))
    return distance[1:-1, 1:-1].astype(np.float32)


def annotate(labels: np.ndarray, way: int,
             draw: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Leave only what is drawn in the object and in the background.

    Args:
        labels (np.ndarray): (H, W) uint8, episode labels.
        way (int): The support's own way, 1..W.
        draw (Callable): From a region (H, W) bool that is not empty, one
            piece, to the part of it that is known, (H, W) bool.

    Returns:
        np.ndarray: (H, W) uint8, ``way`` in the way's largest object, 0 in
        the largest piece of the background, all else 255.
    """
    known = np.full_like(labels, 255)
    for label in (way, 0):
        region = largest_object(labels == label)
        if region.any():
            known[draw(region)] = label
    return known
