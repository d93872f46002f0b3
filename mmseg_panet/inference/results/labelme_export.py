"""Objects as labelme's JSON."""
import base64
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...annotations.label_objects import LabelObject
from .segmented_image import SegmentedImage

_VERSION = '5.5.0'
"""The version of labelme whose fields are written."""


def labelme_file(image: SegmentedImage, folder: Path, classes: Sequence[str],
                 polygons: bool, min_area: float) -> dict[str, Any]:
    """Describe the objects of an image, the largest first.

    Args:
        image (SegmentedImage): An image that is a file.
        folder (Path): Folder of the JSON file, to which the path of the
            image is relative.
        classes (Sequence[str]): Names of the labels 1..W.
        polygons (bool): Whether the shapes are polygons, see
            :func:`outline`, or masks, which are exact.
        min_area (float): See :func:`label_objects`.

    Returns:
        dict[str, Any]: Contents of the file.
    """
    height, width = image.labels.shape
    shapes = []
    for one, score in image.objects(min_area):
        shape = {
            'label': classes[one.label - 1], 'points': [], 'group_id': None,
            'description': '', 'shape_type': 'polygon', 'flags': {},
            'mask': None} | (
                dict(points=one.polygon().tolist()) if polygons
                else _mask_shape(one))
        shapes.append(shape if score is None else shape | {'score': score})
    return {
        'version': _VERSION, 'flags': {}, 'shapes': shapes,
        'imagePath': _relative(str(image.item.source), folder),
        'imageData': None, 'imageHeight': height, 'imageWidth': width}


def _mask_shape(one: LabelObject) -> dict[str, Any]:
    """Encode a mask as a PNG with the corner pixels of its box."""
    x, y, width, height = one.box
    file = io.BytesIO()
    Image.fromarray(one.mask.view(np.uint8)).save(file, 'PNG')
    return dict(
        shape_type='mask',
        points=[[x, y], [x + width - 1, y + height - 1]],
        mask=base64.b64encode(file.getvalue()).decode())


def _relative(path: str, folder: Path) -> str:
    """Return a path relative to a folder, with ``/``."""
    # Links are followed, as `..` leads out of the folder that they mean.
    folder = folder.resolve()
    try:
        return Path(os.path.relpath(os.path.realpath(
            os.path.dirname(path)), folder), os.path.basename(path)).as_posix()
    except ValueError:  # on another drive of Windows
        return Path(path).absolute().as_posix()
