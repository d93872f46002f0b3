"""Supports annotated by the user's boxes."""
import os
from collections import Counter
from pathlib import Path

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...annotations.boxes import pixel_box
from ...annotations.formats.coco import CocoObject, coco_images, read_tables
from ...errors import InputError
from .box_annotation import rasterize_boxes

ImageBoxes = tuple[tuple[int, int], list[tuple]]
"""H and W of an image, and its boxes: crowd or not, minus the area, the class,
and x, y, width and height in pixels, with fractions; sorted."""


def read_boxes(ann_file: str | os.PathLike) -> dict[str, ImageBoxes]:
    """Read boxes in COCO's format.

    Args:
        ann_file (str | os.PathLike): A json with ``images`` (id, file_name,
            height, width), ``annotations`` (image_id, category_id, bbox) and
            ``categories`` (id, name).

    Returns:
        dict[str, ImageBoxes]: By the file name of the image, without folder.

    Raises:
        InputError: If the file is none of that, or two of its images have
            the same file name.
    """
    ann_file = Path(ann_file)
    try:
        images = [
            (os.path.basename(image.file_name),
             (image.size, sorted(map(_ranked, image.objects))))
            for image in coco_images(read_tables(ann_file), ann_file)]
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f'{ann_file} cannot be read as a COCO json of boxes ({error}); '
            'expected images with id, file_name, height and width, '
            'annotations with image_id, category_id and bbox [x, y, width, '
            'height], and categories with id and name') from error
    for name, times in Counter(name for name, _ in images).items():
        if times > 1:
            raise InputError(
                f'{ann_file} has more than one image with the file name '
                f'{name}, by which images are found; rename one')
    return dict(images)


def _ranked(one: CocoObject) -> tuple:
    """Put single objects before crowds, and the largest box first."""
    box = tuple(map(float, one.bbox))
    if len(box) != 4 or not np.isfinite(box).all():
        raise ValueError(f'annotation {one.id} has the bbox {one.bbox}')
    return one.crowd, -box[2] * box[3], one.category, box


@TRANSFORMS.register_module()
class LoadBoxes(BaseTransform):
    """Replace a mask by the boxes of a file in COCO's format.

    The largest box of the own way, single objects before crowds, becomes
    foreground, all other boxes of the episode's classes are unknown, the
    rest is background. It stands right after ``EpisodeLabels``, before any
    resize.

    Required keys: ``gt_seg_map`` (H, W), ``img_path``, ``way``,
    ``class_names`` (W,), which are matched with the names of the categories.
    Modified key: ``gt_seg_map`` (H, W) uint8.

    Args:
        ann_file (str | os.PathLike): See :func:`read_boxes`.
    """

    depends_on = 'class'

    def __init__(self, ann_file: str | os.PathLike) -> None:
        self.ann_file = ann_file
        self._images = read_boxes(ann_file)

    def transform(self, results: dict) -> dict:
        """Rasterize the boxes of one support.

        Raises:
            InputError: If the image has no box of its way, or another size.
        """
        size, path = results['gt_seg_map'].shape, results['img_path']
        class_names = results['class_names']
        own_name = class_names[results['way'] - 1]
        stated, boxes = self._images.get(os.path.basename(path), (size, []))
        if stated != size:
            raise InputError(
                f'{self.ann_file} gives {path} the height and width {stated}, '
                f'but it is loaded with {size}; put LoadBoxes right after '
                'EpisodeLabels, before any resize, or correct the file')
        boxes = [(name, pixel_box(box, size)) for *_, name, box in boxes
                 if name in class_names]
        own = [box for name, box in boxes
               if name == own_name and min(box[2:]) > 0]
        if not own:
            raise InputError(
                f"{self.ann_file} has no box of class '{own_name}' in {path}; "
                'add one, or leave the image out of the supports')
        results['gt_seg_map'] = rasterize_boxes(
            np.zeros(size, np.uint8), results['way'], own,
            [box for name, box in boxes if name != own_name])
        return results
