"""Supports annotated with boxes, from their masks or from a file."""
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...annotations.class_list import IGNORED
from ...annotations.formats.coco_tables import (
    CocoImage,
    CocoObject,
    coco_images,
    read_tables,
)
from ...annotations.shapes import fill_boxes, object_boxes, pixel_box
from ...errors import InputError

ImageBoxes = tuple[tuple[int, int], list[tuple]]
"""H and W of an image, and its sorted boxes.

A box is whether it is a crowd, the negative area, the class, and x, y, width
and height in pixels as floats.
"""


def rasterize_boxes(labels: np.ndarray, way: int,
                    boxes: np.ndarray | Sequence[Sequence[int]],
                    others: Sequence[Sequence[int]] = ()) -> np.ndarray:
    """Label the first box of a way, and mark all other boxes as unknown.

    The pixels of the other boxes may be object or background.

    Args:
        labels (np.ndarray): Labels outside the boxes, (H, W) uint8: 0 is
            background and 255 unknown.
        way (int): The way, 1..W.
        boxes (np.ndarray | Sequence[Sequence[int]]): Boxes of the way,
            (N, 4): x, y, width and height in pixels.
        others (Sequence[Sequence[int]]): Boxes of other ways, (M, 4).
            Defaults to ().

    Returns:
        np.ndarray: Labels, (H, W) uint8: ``way`` in the first box, 255 in
        the others, and the given labels elsewhere.
    """
    labels = labels.copy()
    fill_boxes(labels, [*boxes[1:], *others], IGNORED)
    fill_boxes(labels, boxes[:1], way)
    return labels


def box_labels(labels: np.ndarray, way: int) -> np.ndarray:
    """Replace a mask by the box of its largest object (PANet, section 4.4).

    The boxes of the way's other objects and of other ways' objects are
    neither foreground nor background. Ignored pixels outside the box of the
    largest object remain ignored, although boxes of a user would not mark
    them.

    Args:
        labels (np.ndarray): Episode labels, (H, W) uint8.
        way (int): Way of the support, 1..W.

    Returns:
        np.ndarray: Labels 0, ``way`` and 255, (H, W) uint8; ``way`` does not
        occur if it is not in the mask.
    """
    others = [
        box for label in np.unique(labels) if label not in (0, way, IGNORED)
        for box in object_boxes(labels == label)]
    known = np.where(labels == 0, 0, IGNORED).astype(np.uint8)
    return rasterize_boxes(known, way, object_boxes(labels == way), others)


@TRANSFORMS.register_module()
class BoxAnnotation(BaseTransform):
    """Replace a support's mask by a box, see :func:`box_labels`.

    Place this transform after the resizes and crops and before
    ``PackEpisodeInputs``.

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
        ann_file (str | os.PathLike): Path of a JSON file with ``images``
            (id, file_name, height, width), ``annotations`` (image_id,
            category_id, bbox) and ``categories`` (id, name).

    Returns:
        dict[str, ImageBoxes]: Boxes by the file name of the image, without
        its folder.

    Raises:
        InputError: If the file is not such JSON, or if two of its images
            have the same file name.
    """
    ann_file = Path(ann_file)
    try:
        tables = read_tables(ann_file, lenient=True)
        for row in tables.images.values():
            row.update({side: int(row[side]) for side in ('height', 'width')})
        unnamed = [i for i, row in tables.categories.items()
                   if 'name' not in row]
        if unnamed:
            raise ValueError(f'the categories {unnamed} have no name')
        images = [
            (os.path.basename(image.file_name),
             (_size_of(image), sorted(map(_ranked, image.objects))))
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


def _size_of(image: CocoImage) -> tuple[int, int]:
    if image.size is None:
        raise ValueError(f'the image {image.file_name} has no size')
    return image.size


def _ranked(one: CocoObject) -> tuple:
    """Build a key that sorts objects before crowds, and by size."""
    box = tuple(map(float, one.bbox))
    if len(box) != 4 or not np.isfinite(box).all():
        raise ValueError(f'annotation {one.id} has the bbox {one.bbox}')
    return one.crowd, -box[2] * box[3], one.category, box


@TRANSFORMS.register_module()
class LoadBoxes(BaseTransform):
    """Replace a mask by the boxes of a file in COCO's format.

    The largest box of the support's way becomes foreground; single objects
    take precedence over crowds. All other boxes of the episode's classes are
    unknown, and the rest of the image is background. Place this transform
    right after ``EpisodeLabels``, before any resize.

    Required keys: ``gt_seg_map`` (H, W), ``img_path``, ``way``,
    ``class_names`` (W,), which must be names of the file's categories.
    Modified key: ``gt_seg_map`` (H, W) uint8.

    Args:
        ann_file (str | os.PathLike): Path of the file, see
            :func:`read_boxes`.
    """

    depends_on = 'class'

    def __init__(self, ann_file: str | os.PathLike) -> None:
        self.ann_file = ann_file
        self._images = read_boxes(ann_file)

    def transform(self, results: dict) -> dict:
        """Rasterize the boxes of one support.

        Raises:
            InputError: If the image has no box of its way, or if its size
                differs from that in the file.
        """
        size, path = results['gt_seg_map'].shape, results['img_path']
        class_names = results['class_names']
        name_of_way = class_names[results['way'] - 1]
        stated, boxes = self._images.get(os.path.basename(path), (size, []))
        if stated != size:
            raise InputError(
                f'{self.ann_file} gives {path} the height and width {stated}, '
                f'but it is loaded with {size}; put LoadBoxes right after '
                'EpisodeLabels, before any resize, or correct the file')
        boxes = [(name, pixel_box(box, size)) for *_, name, box in boxes
                 if name in class_names]
        of_way = [box for name, box in boxes
                  if name == name_of_way and min(box[2:]) > 0]
        if not of_way:
            raise InputError(
                f"{self.ann_file} has no box of class '{name_of_way}' in "
                f'{path}; add one, or remove the image from the supports')
        results['gt_seg_map'] = rasterize_boxes(
            np.zeros(size, np.uint8), results['way'], of_way,
            [box for name, box in boxes if name != name_of_way])
        return results
