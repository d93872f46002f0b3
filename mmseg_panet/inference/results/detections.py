"""Objects as detections of the package supervision."""
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import InputError
from .segmented_image import SegmentedImage


def detections(image: SegmentedImage, classes: Sequence[str],
               min_area: float) -> Any:
    """Make detections of the objects of an image, the largest first.

    Args:
        image (SegmentedImage): The image.
        classes (Sequence[str]): Names of the labels 1..W.
        min_area (float): See :func:`label_objects`.

    Returns:
        supervision.Detections: Of D objects ``xyxy`` (D, 4) float32,
        ``mask`` (D, H, W) bool, ``class_id`` (D,), from 0, ``confidence``
        (D,) float32 or None, and the names as ``data['class_name']``.

    Raises:
        InputError: If supervision is not installed.
    """
    try:
        from supervision import Detections
    except ImportError as error:
        raise InputError(
            'to_supervision() needs the package supervision, which is not '
            'installed; pip install supervision') from error
    found = image.objects(min_area)
    masks = np.zeros((len(found), *image.labels.shape), bool)
    for mask, (one, _) in zip(masks, found, strict=True):
        x, y, width, height = one.box
        mask[y:y + height, x:x + width] = one.mask
    boxes = np.array(
        [one.box for one, _ in found], np.float32).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    scores = None if image.confidence is None else np.array(
        [score for _, score in found], np.float32)
    return Detections(
        xyxy=boxes, mask=masks, confidence=scores,
        class_id=np.array([one.label - 1 for one, _ in found], int),
        data=dict(class_name=np.array(
            [classes[one.label - 1] for one, _ in found], str)))
