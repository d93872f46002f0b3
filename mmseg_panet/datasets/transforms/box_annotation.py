"""Supports annotated by boxes."""
from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...annotations.boxes import fill_boxes, object_boxes
from ...annotations.class_list import IGNORED


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
