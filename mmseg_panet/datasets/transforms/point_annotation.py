"""Supports annotated with points."""
from functools import partial

import numpy as np
from mmseg.registry import TRANSFORMS

from ...annotations.shapes import disc
from ...errors import InputError
from .weak_annotation import WeakAnnotation, border_distance


def point(region: np.ndarray, rng: np.random.Generator,
          radius: float) -> np.ndarray:
    """Mark a disc around a random pixel well inside a region.

    The pixel is sampled among those at least half as far from the border of
    the region as the farthest one. The disc is clipped to the region.

    Args:
        region (np.ndarray): Mask of the region, (H, W) bool, not empty.
        rng (np.random.Generator): Random generator.
        radius (float): Radius of the disc in pixels, at least 0.

    Returns:
        np.ndarray: Mask of the disc, (H, W) bool, not empty.
    """
    depth = border_distance(region)
    inner = np.argwhere(depth >= depth.max() / 2)
    y, x = inner[rng.integers(len(inner))]
    return region & disc(region.shape, x, y, radius)


@TRANSFORMS.register_module()
class PointAnnotation(WeakAnnotation):
    """Replace a support's mask by a point in it and one in the background.

    Args:
        radius (float): Radius of the points in pixels; 0 is a single pixel.
            Defaults to 3.
        seed (int): Seed of the random points. Defaults to 0.

    Raises:
        InputError: If the radius or the seed is invalid.
    """

    def __init__(self, radius: float = 3, seed: int = 0) -> None:
        super().__init__(partial(point, radius=radius), seed)
        if not isinstance(radius, (int, float)) or not radius >= 0:
            raise InputError(
                'expected radius of PointAnnotation of 0 or more pixels, got '
                f'{radius!r}')
