"""Supports annotated by boxes: those of a mask, or the user's."""
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...annotations.class_list import IGNORED
from ...annotations.formats.coco import CocoObject, coco_images, read_tables
from ...annotations.shapes import fill_boxes, object_boxes, pixel_box
from ...errors import InputError

ImageBoxes = tuple[tuple[int, int], list[tuple]]
"""H and W of an image, and its boxes: crowd or not, minus the area, the class,
and x, y, width and height in pixels, with fractions; sorted."""


def rasterize_boxes(labels: np.ndarray, way: int,
                    boxes: np.ndarray | Sequence[Sequence[int]],
                    others: Sequence[Sequence[int]] = ()) -> np.ndarray:
    """Label the first box of a way, and make all other boxes unknown.

    Nobody has said which pixels of the others are an object's and which are
    background.

    Args:
        labels (np.ndarray): (H, W) uint8: what is known outside the boxes, 0
            background and 255 unknown.
        way (int): 1..W.
        boxes (np.ndarray | Sequence[Sequence[int]]): (N, 4), of the way: x,
            y, width, height in pixels.
        others (Sequence[Sequence[int]]): (M, 4), of other ways. Defaults to
            none.

    Returns:
        np.ndarray: (H, W) uint8, ``way`` in all of the first box, 255 in the
        others, and the given labels elsewhere.
    """
    labels = labels.copy()
    fill_boxes(labels, [*boxes[1:], *others], IGNORED)
    fill_boxes(labels, boxes[:1], way)
    return labels


def box_labels(labels: np.ndarray, way: int) -> np.ndarray:
    """Replace a mask by the box of its largest object, as PANet section 4.4.

    The boxes of the way's other objects and of other ways' objects are
    neither foreground nor background. What is ignored stays so outside the
    box of the largest object, although a user's boxes would not show it.

    Args:
        labels (np.ndarray): (H, W) uint8, episode labels.
        way (int): The support's own way, 1..W.

    Returns:
        np.ndarray: (H, W) uint8 of 0, ``way`` and 255; without ``way`` where
        the mask has none.
    """
    others = [
        box for label in np.unique(labels) if label not in (0, way, IGNORED)
        for box in object_boxes(labels == label)]
    known = np.where(labels == 0, 0, IGNORED).astype(np.uint8)
    return rasterize_boxes(known, way, object_boxes(labels == way), others)


@TRANSFORMS.register_module()
class BoxAnnotation(BaseTransform):
    """Replace a support's mask by a box, as :func:`box_labels` does.

    It stands after the resizes and crops, before ``PackEpisodeInputs``.

    Required keys: ``gt_seg_map`` (H, W) of episode labels, ``way``.
    Modified key: ``gt_seg_map`` (H, W) uint8.
    """

    depends_on = 'class'

    def transform(self, results: dict) -> dict:
        """Annotate one support."""
        results['gt_seg_map'] = box_labels(
            results['gt_seg_map'], results['way'])
        return results


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
        tables = read_tables(ann_file, lenient=True)
        for row in tables['images'].values():
            row.update({side: int(row[side]) for side in ('height', 'width')})
        unnamed = [i for i, row in tables['categories'].items()
                   if 'name' not in row]
        if unnamed:
            raise ValueError(f'the categories {unnamed} have no name')
        images = [
            (os.path.basename(image.file_name),
             (image.size, sorted(map(_ranked, image.objects))))
            for image in coco_images(tables, ann_file)]
    except (OSError, ValueError, TypeError, KeyError) as error:
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
