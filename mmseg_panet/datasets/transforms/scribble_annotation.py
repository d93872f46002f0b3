"""Supports annotated by scribbles: made from a mask, or the user's."""
import os
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import TRANSFORMS
from PIL import Image

from ...annotations.shapes import strokes
from ...errors import InputError
from .weak_annotation import WeakAnnotation, border_distance

_GRID = 32
"""Cells along a region's longer side: time grows with its square, and a
scribble need not be finer."""


def middle_path(depth: np.ndarray) -> np.ndarray:
    """Find a path along the middle of a region, between pixels far apart.

    One end is the farthest pixel from any, the other the farthest from that;
    between them goes the cheapest path, where a step costs its length times
    the sum of 1 / depth^2 at its ends.

    Args:
        depth (np.ndarray): (H, W), distance to the border of the region, 0
            outside. The region is in one piece and not empty.

    Returns:
        np.ndarray: (P, 2) rows and columns, from end to end.
    """
    # Not at the top: they would slow down every import of the package.
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import dijkstra
    from scipy.spatial import cKDTree

    points = np.argwhere(depth > 0)
    one, other = cKDTree(points).query_pairs(1.5, output_type='ndarray').T
    lengths = np.linalg.norm(points[one] - points[other], axis=1)
    weights = depth[tuple(points.T)]**-2

    def graph(costs: np.ndarray) -> coo_matrix:
        return coo_matrix((costs, (one, other)), shape=[len(points)] * 2)

    plain = graph(lengths)
    start = dijkstra(plain, directed=False, indices=0).argmax()
    end = dijkstra(plain, directed=False, indices=start).argmax()
    _, previous = dijkstra(
        graph(lengths * (weights[one] + weights[other])),
        directed=False, indices=start, return_predecessors=True)
    path = [end]
    while path[-1] != start:
        path.append(previous[path[-1]])
    return points[path]


def skeleton_path(region: np.ndarray) -> np.ndarray:
    """Find a long path along the middle of a region in bounded time.

    The path goes over the cells of a grid; each stands for its pixel that
    is farthest from the border.

    Args:
        region (np.ndarray): (H, W) bool, in one piece, not empty.

    Returns:
        np.ndarray: (P, 2) rows and columns of pixels of the region.
    """
    left, top, width, height = cv2.boundingRect(region.view(np.uint8))
    depth = border_distance(region[top:top + height, left:left + width])
    step = -(-max(depth.shape) // _GRID)
    depth = np.pad(depth, [(0, -size % step) for size in depth.shape])
    cells = depth.reshape(
        depth.shape[0] // step, step, -1, step).swapaxes(1, 2)
    cells = cells.reshape(*cells.shape[:2], -1)  # (rows, columns, pixels)
    path = middle_path(cells.max(-1))
    deepest = cells[tuple(path.T)].argmax(-1)
    return path * step + np.stack(
        np.divmod(deepest, step), axis=1) + (top, left)


def scribble(region: np.ndarray, rng: np.random.Generator,
             width: int) -> np.ndarray:
    """Mark a line along the middle of a region, never leaving it.

    Args:
        region (np.ndarray): (H, W) bool, in one piece, not empty.
        rng (np.random.Generator): Cuts an eighth to a quarter of the
            skeleton's path off either end.
        width (int): Width of the line in pixels, 1 or more.

    Returns:
        np.ndarray: (H, W) bool, not empty.
    """
    path = skeleton_path(region)
    first, last = rng.integers(len(path) // 8, len(path) // 4 + 1, size=2)
    path = path[first:len(path) - last]
    return region & strokes(region.shape, [path[:, ::-1]], width)


@TRANSFORMS.register_module()
class ScribbleAnnotation(WeakAnnotation):
    """Replace a support's mask by scribbles in it and in the background.

    Args:
        width (int): Width of the lines in pixels. Defaults to 3.
        seed (int): Seed of the choice of lines. Defaults to 0.

    Raises:
        InputError: If the width or the seed is none.
    """

    def __init__(self, width: int = 3, seed: int = 0) -> None:
        super().__init__(partial(scribble, width=width), seed)
        if type(width) is not int or width < 1:
            raise InputError(
                'expected width of ScribbleAnnotation of 1 or more pixels, '
                f'got {width!r}')


@TRANSFORMS.register_module()
class LoadScribbles(BaseTransform):
    """Replace a mask by ``<scribble_dir>/<stem of the image><suffix>``.

    The file is a palette or grey PNG of 8 bits, of the image's size: the
    data set's class ids where something is marked, 255 where nothing is.
    ``reduce_zero_label`` and ``label_map`` of the data set hold for it as for
    its masks. It stands right after ``LoadAnnotations``, before
    ``EpisodeLabels``.

    Required keys: ``gt_seg_map`` (H, W), ``img_path``, ``reduce_zero_label``.
    Modified key: ``gt_seg_map`` (H, W) uint8.

    Args:
        scribble_dir (str | os.PathLike): The folder of all scribbles.
        suffix (str): What follows the stem. Defaults to '.png'.
    """

    depends_on = 'class'

    def __init__(self, scribble_dir: str | os.PathLike,
                 suffix: str = '.png') -> None:
        self.scribble_dir = Path(scribble_dir)
        self.suffix = suffix
        # Held, not inherited: the class index counts with the first
        # LoadAnnotations of a pipeline, and that must read the masks.
        self._loader = LoadAnnotations()

    def transform(self, results: dict) -> dict:
        """Load the scribbles of one support.

        Raises:
            InputError: If the file is missing, or no PNG as above.
        """
        image = results['img_path']
        path = self.scribble_dir / f'{Path(image).stem}{self.suffix}'
        height, width = results['gt_seg_map'].shape
        try:
            with Image.open(path) as picture:
                mode, size = picture.mode, picture.size
        except OSError as error:
            raise InputError(
                f'the scribbles {path} of {image} cannot be read ({error}); '
                'save them as a PNG of class ids, 255 where nothing is known'
            ) from error
        if mode not in ('L', 'P') or size != (width, height):
            raise InputError(
                f'expected the scribbles {path} to be a palette or grey '
                f'picture of 8 bits (mode P or L) of {width}x{height} pixels '
                f'as {image}, got mode {mode} of {size[0]}x{size[1]}; save '
                'them in the size of the image')
        # A list of its own: mmseg appends to it, and a mask listed twice
        # would be flipped twice.
        loaded = self._loader(
            dict(results, seg_map_path=str(path), seg_fields=[]))
        results['gt_seg_map'] = loaded['gt_seg_map']
        return results
