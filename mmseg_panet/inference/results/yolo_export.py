"""Objects as polygons of YOLO's segmentation, with ``data.yaml``."""
from collections.abc import Sequence

import numpy as np
import yaml

from .segmented_image import SegmentedImage


def yolo_lines(image: SegmentedImage, min_area: float) -> list[str]:
    """Describe the objects of an image, one in a line, the largest first.

    Args:
        image (SegmentedImage): The image.
        min_area (float): See :func:`label_objects`.

    Returns:
        list[str]: The number of the class, from 0, and x and y of each
        vertex as fractions of the width and the height, see
        :func:`outline`.
    """
    size = np.array(image.labels.shape[::-1], float)
    return [
        ' '.join([str(one.label - 1), *(
            f'{value:.8f}' for value in (one.polygon() / size).ravel())])
        for one, _ in image.objects(min_area)]


def data_yaml(classes: Sequence[str]) -> str:
    """Name the classes, and the folder of images for both splits.

    Without ``path``, Ultralytics finds the images beside this file.
    """
    return yaml.safe_dump(
        dict(train='images', val='images', names=dict(enumerate(classes))),
        allow_unicode=True, sort_keys=False)
