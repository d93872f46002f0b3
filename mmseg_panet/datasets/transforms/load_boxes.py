"""Supports annotated by the user's boxes."""
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...errors import InputError
from .box_annotation import rasterize_boxes


class ImageBoxes(NamedTuple):
    """The boxes of one image, single objects first, then the largest."""

    size: tuple[int, int]
    """H and W."""
    names: list[str]
    """(N,), the class of each box."""
    boxes: list[Sequence[float]]
    """(N, 4), x, y, width, height in pixels, with fractions."""


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
    try:
        content = json.loads(Path(ann_file).read_text(encoding='utf-8'))
        classes = {one['id']: one['name'] for one in content['categories']}
        found: dict = {one['id']: [] for one in content['images']}
        for one in content['annotations']:
            x, y, width, height = map(float, one['bbox'])
            if not np.isfinite((x, y, width, height)).all():
                raise ValueError(f"bbox {one['bbox']}")
            found[one['image_id']].append((
                one.get('iscrowd', 0), -width * height,
                classes[one['category_id']], (x, y, width, height)))
        images = [
            (os.path.basename(one['file_name']),
             (int(one['height']), int(one['width'])), sorted(found[one['id']]))
            for one in content['images']]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f'{ann_file} cannot be read as a COCO json of boxes '
            f'({type(error).__name__}: {error}); expected images with id, '
            'file_name, height and width, annotations with image_id, '
            'category_id and bbox [x, y, width, height], and categories with '
            'id and name') from error
    boxes: dict[str, ImageBoxes] = {}
    for name, size, rows in images:
        if name in boxes:
            raise InputError(
                f'{ann_file} has more than one image with the file name '
                f'{name}, and images are told apart by it; rename one')
        boxes[name] = ImageBoxes(
            size, [row[2] for row in rows], [row[3] for row in rows])
    return boxes


def pixel_box(box: Sequence[float],
              size: Sequence[int]) -> tuple[int, int, int, int]:
    """The pixels that a box touches within the image.

    Args:
        box (Sequence[float]): x, y, width, height; pixel i covers i..i + 1.
        size (Sequence[int]): H and W.

    Returns:
        tuple[int, int, int, int]: x, y, width, height, without area where
        the box is outside the image.
    """
    x, y, width, height = box
    left, right = np.clip(
        [np.floor(x), np.ceil(x + width)], 0, size[1]).astype(int)
    top, bottom = np.clip(
        [np.floor(y), np.ceil(y + height)], 0, size[0]).astype(int)
    return left, top, right - left, bottom - top


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
        """Draw the boxes of one support.

        Raises:
            InputError: If the image has no box of its way, or another size.
        """
        size = results['gt_seg_map'].shape
        class_names = results['class_names']
        own_name = class_names[results['way'] - 1]
        image = self._images.get(
            os.path.basename(results['img_path']), ImageBoxes(size, [], []))
        if image.size != size:
            raise InputError(
                f"{self.ann_file} gives {results['img_path']} the height and "
                f'width {image.size}, but it is loaded with {size}; put '
                'LoadBoxes right after EpisodeLabels, before any resize, or '
                'correct the file')
        boxes: dict[str, list] = {name: [] for name in class_names}
        for name, box in zip(image.names, image.boxes, strict=True):
            pixels = pixel_box(box, size)
            if name in boxes and min(pixels[2:]) > 0:
                boxes[name].append(pixels)
        own = boxes.pop(own_name)
        if not own:
            raise InputError(
                f"{self.ann_file} has no box of class '{own_name}' in "
                f"{results['img_path']}; add one, or leave the image out of "
                'the supports')
        results['gt_seg_map'] = rasterize_boxes(
            np.zeros(size, np.uint8), results['way'], own,
            [box for name in boxes for box in boxes[name]])
        return results
