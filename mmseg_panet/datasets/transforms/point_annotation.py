"""Supports annotated by points."""
from functools import partial

import numpy as np
from mmseg.registry import TRANSFORMS

from ...annotations.shapes import disc
from ...errors import InputError
from .weak_annotation import WeakAnnotation, border_distance


def point(region: np.ndarray, rng: np.random.Generator,
          radius: float) -> np.ndarray:
    """Mark a disc around a pixel well inside a region, never leaving it.

    Args:
        region (np.ndarray): (H, W) bool, not empty.
        rng (np.random.Generator): Chooses among the pixels at least half as
            far from the border as the farthest one.
        radius (float): Radius of the disc in pixels, 0 or more.

    Returns:
        np.ndarray: (H, W) bool, not empty.
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
        seed (int): Seed of the choice of points. Defaults to 0.

    Raises:
        InputError: If the radius or the seed is none.
    """

    def __init__(self, radius: float = 3, seed: int = 0) -> None:
        super().__init__(partial(point, radius=radius), seed)
        if not isinstance(radius, (int, float)) or not radius >= 0:
            raise InputError(
                'expected radius of PointAnnotation of 0 or more pixels, got '
                f'{radius!r}')
