"""Supports annotated with scribbles, from their masks or from files."""
import os
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import TRANSFORMS

from ...annotations.shapes import strokes
from ...errors import InputError
from ...images.pixel_limit import open_limited
from .weak_annotation import WeakAnnotation, border_distance
from .wide_annotations import LoadWideAnnotations

_GRID = 32
"""Number of cells along a region's longer side.

The time grows with its square, and a scribble needs no finer grid.
"""


def middle_path(depth: np.ndarray) -> np.ndarray:
    """Find a path along the middle of a region, between distant pixels.

    One end is the farthest pixel from an arbitrary one, and the other end is
    the farthest pixel from the first end. The path between them has the
    lowest cost, where the cost of a step is its length times the sum of
    1 / depth^2 at its two pixels.

    Args:
        depth (np.ndarray): Distance of each pixel to the border of the
            region, (H, W), 0 outside. The region is connected and not empty.

    Returns:
        np.ndarray: Rows and columns of the path, (P, 2).
    """
    # At the top, these imports would slow down the import of the package.
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

    The path is found on a grid of cells. Each cell is represented by its
    pixel that is farthest from the border.

    Args:
        region (np.ndarray): Mask of the region, (H, W) bool, connected and
            not empty.

    Returns:
        np.ndarray: Rows and columns of pixels of the region, (P, 2).
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
    """Mark a line along the middle of a region.

    A random eighth to quarter of the path is cut off at each end. The line
    is clipped to the region.

    Args:
        region (np.ndarray): Mask of the region, (H, W) bool, connected and
            not empty.
        rng (np.random.Generator): Random generator.
        width (int): Width of the line in pixels, at least 1.

    Returns:
        np.ndarray: Mask of the line, (H, W) bool, not empty.
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
        seed (int): Seed of the random lines. Defaults to 0.

    Raises:
        InputError: If the width or the seed is invalid.
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

    The file is an 8-bit PNG, grey or with a palette, of the image's size. It
    contains the data set's class ids at marked pixels and 255 elsewhere; or
    it is a grey 16-bit PNG, with 65535 elsewhere, if the mask was loaded by
    ``LoadWideAnnotations``. As for masks, the data set's
    ``reduce_zero_label`` and ``label_map`` are applied. Place this transform
    right after ``LoadAnnotations``, before ``EpisodeLabels``.

    Required keys: ``gt_seg_map`` (H, W), ``img_path``, ``reduce_zero_label``.
    Modified key: ``gt_seg_map`` (H, W) uint8 or uint16.

    Args:
        scribble_dir (str | os.PathLike): Folder of all scribbles.
        suffix (str): Text after the stem, with the file extension. Defaults
            to '.png'.
    """

    depends_on = 'class'

    def __init__(self, scribble_dir: str | os.PathLike,
                 suffix: str = '.png') -> None:
        self.scribble_dir = Path(scribble_dir)
        self.suffix = suffix
        # An attribute and not a base class: the class index uses the first
        # LoadAnnotations of a pipeline, which must read the masks.
        self._loaders = {
            'L': LoadAnnotations(), 'P': LoadAnnotations(),
            'I;16': LoadWideAnnotations()}

    def transform(self, results: dict) -> dict:
        """Load the scribbles of one support.

        Raises:
            InputError: If the file is missing, or is not such a PNG.
        """
        image = results['img_path']
        path = self.scribble_dir / f'{Path(image).stem}{self.suffix}'
        height, width = results['gt_seg_map'].shape
        try:
            with open_limited(path) as picture:
                mode, size = picture.mode, picture.size
        except OSError as error:
            raise InputError(
                f'the scribbles {path} of {image} cannot be read ({error}); '
                'save them as a PNG of class ids, with 255 for unknown pixels'
            ) from error
        # In other data sets, 16 bits would hide that 255 is unknown.
        wide = ['I;16'] * (results['gt_seg_map'].dtype == np.uint16)
        if mode not in ('L', 'P', *wide) or size != (width, height):
            raise InputError(
                f'expected the scribbles {path} to be a palette or grey '
                f'picture of 8 bits (mode P or L) of {width}x{height} pixels '
                f'as {image}, got mode {mode} of {size[0]}x{size[1]}; save '
                'them in the size of the image')
        # A separate list for seg_fields: mmseg appends to it, and a mask
        # that is listed twice would be flipped twice.
        loaded = self._loaders[mode](
            dict(results, seg_map_path=str(path), seg_fields=[]))
        results['gt_seg_map'] = loaded['gt_seg_map']
        return results
