"""Supports annotated by the user's scribbles."""
import os
from pathlib import Path

from mmcv.transforms import BaseTransform
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import TRANSFORMS
from PIL import Image

from ...errors import InputError


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
