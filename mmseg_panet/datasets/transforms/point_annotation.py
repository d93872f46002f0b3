"""Supports annotated by points."""
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...annotations.points import disc
from ...errors import InputError
from .weak_annotation import annotate, annotation_rng, border_distance


def point(region: np.ndarray, radius: float,
          rng: np.random.Generator) -> np.ndarray:
    """Mark a disc around a pixel well inside a region, never leaving it.

    Args:
        region (np.ndarray): (H, W) bool, not empty.
        radius (float): Radius of the disc in pixels, 0 or more.
        rng (np.random.Generator): Chooses among the pixels at least half as
            far from the border as the farthest one.

    Returns:
        np.ndarray: (H, W) bool, not empty.
    """
    depth = border_distance(region)
    inner = np.argwhere(depth >= depth.max() / 2)
    y, x = inner[rng.integers(len(inner))]
    return region & disc(region.shape, x, y, radius)


def point_labels(labels: np.ndarray, way: int, radius: float,
                 rng: np.random.Generator) -> np.ndarray:
    """Replace a mask by two points.

    Args:
        labels (np.ndarray): (H, W) uint8, episode labels.
        way (int): The support's own way, 1..W.
        radius (float): Radius of the discs in pixels, 0 or more.
        rng (np.random.Generator): What differs between points.

    Returns:
        np.ndarray: (H, W) uint8, ``way`` on a disc in the way's largest
        object, 0 on one in the largest piece of the background, all else
        255.
    """
    return annotate(labels, way, lambda region: point(region, radius, rng))


@TRANSFORMS.register_module()
class PointAnnotation(BaseTransform):
    """Replace a support's mask by a point in it and one in the background.

    It stands after the resizes and crops, before ``PackEpisodeInputs``. See
    :func:`point_labels` and :func:`annotation_rng`.

    Required keys: ``gt_seg_map`` (H, W) of episode labels, ``way``,
    ``class_ids`` (W,), ``image_id`` or ``img_path``.
    Modified key: ``gt_seg_map`` (H, W) uint8.

    Args:
        radius (float): Radius of the points in pixels; 0 is a single pixel.
            Defaults to 3.
        seed (int): Seed of the choice of points. Defaults to 0.
    """

    depends_on = 'class'

    def __init__(self, radius: float = 3, seed: int = 0) -> None:
        if not isinstance(radius, (int, float)) or not radius >= 0:
            raise InputError(
                'expected radius of PointAnnotation of 0 or more pixels, got '
                f'{radius!r}')
        if type(seed) is not int or seed < 0:
            raise InputError(
                f'expected seed of PointAnnotation of 0 or more, got {seed!r}')
        self.radius = radius
        self.seed = seed

    def transform(self, results: dict) -> dict:
        """Annotate one support."""
        results['gt_seg_map'] = point_labels(
            results['gt_seg_map'], results['way'], self.radius,
            annotation_rng(results, self.seed))
        return results
