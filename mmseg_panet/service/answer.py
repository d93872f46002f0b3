"""The answer to a request: a mask, an overlay, a probability or JSON."""
from typing import Annotated, Literal

import cv2
import numpy as np
from fastapi import Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from ..annotations.reserved_names import NOT_CLASSES
from ..errors import InputError, abbreviate
from ..inference.images.image_list import ImageItem
from ..inference.results.coco_export import (
    coco_annotations,
    coco_categories,
    coco_images,
)
from ..inference.results.mask_file import areas, encode_prediction
from ..inference.results.prediction import Prediction
from ..inference.results.prediction_tables import class_annotations
from ..inference.results.segmented_image import SegmentedImage
from ..visualization.segmentation_plot import overlay_with_legend

MEDIA = {
    'png': 'image/png', 'overlay': 'image/jpeg', 'probability': 'image/png',
    'json': 'application/json'}
"""Media types of the formats of an answer."""
_FORMATS = dict(
    min_confidence=('png', 'overlay', 'json'), class_name=('probability',),
    per=('json',), segmentation=('json',), min_area=('json',))
"""The formats for which each setting has an effect."""


class Settings(BaseModel, extra='forbid'):
    """The settings of a request, in its URL."""

    format: Annotated[
        Literal['png', 'overlay', 'probability', 'json'],
        Field(description="'png' is the class map, 'overlay' a picture as "
              "JPEG, 'probability' a grey PNG of one class, and 'json' a "
              'COCO file')] = 'png'
    min_confidence: Annotated[
        float | None,
        Field(ge=0, le=1, description='pixels with a lower confidence are '
              'undecided; default: that of the service')] = None
    class_name: Annotated[
        str | None,
        Field(description="class of the format 'probability'")] = None
    per: Annotated[
        Literal['object', 'class'],
        Field(description="rows of the format 'json'")] = 'object'
    segmentation: Annotated[
        Literal['polygons', 'rle'],
        Field(description="'polygons', or 'rle' for run lengths, which are "
              'exact')] = 'polygons'
    min_area: Annotated[
        float,
        Field(ge=0, allow_inf_nan=False, description='smallest object in '
              'pixels or, below 1, as a share of the image')] = 1

    def check(self, classes: tuple[str, ...]) -> None:
        """Check that each setting has an effect, before the image is read.

        Raises:
            InputError: If a setting belongs to another format, or if the
                class is missing or unknown.
        """
        for name in sorted(self.model_fields_set & _FORMATS.keys()):
            if self.format not in _FORMATS[name]:
                raise InputError(
                    f'expected {name} only with format='
                    f"{' or '.join(_FORMATS[name])}, got it with format="
                    f'{self.format}; leave it out of the URL, or change the '
                    'format')
        if self.per == 'class' and 'min_area' in self.model_fields_set:
            raise InputError(
                'expected min_area only with per=object, got it with '
                'per=class; leave one of them out of the URL')
        wanted = self.format == 'probability'
        if wanted and self.class_name not in classes:
            got = 'none' if self.class_name is None else repr(
                abbreviate(self.class_name))
            raise InputError(
                'expected class_name as a class of GET /classes, such as '
                f'{classes[0]!r}, got {got}; correct it in the URL')


def make_answer(image: np.ndarray, found: Prediction, name: str,
                palette: np.ndarray, settings: Settings) -> Response:
    """Encode a prediction as a request wants it.

    Args:
        image (np.ndarray): (H, W, 3) uint8 BGR.
        found (Prediction): Its prediction, with probabilities for the format
            'probability'.
        name (str): Name of its file.
        palette (np.ndarray): See :func:`class_palette`.
        settings (Settings): The settings of the request.
    """
    if settings.format == 'json':
        return JSONResponse(_coco(image, found, name, palette, settings))
    if settings.format == 'png':
        content = encode_prediction(found, palette)
    elif settings.format == 'overlay':
        content = _encoded('.jpg', overlay_with_legend(
            image[..., ::-1], found.class_map, found.classes,
            palette)[..., ::-1])
    else:
        assert found.probabilities is not None
        assert settings.class_name is not None
        values = found.probabilities[
            1 + found.classes.index(settings.class_name)]
        content = _encoded('.png', np.rint(255 * values).astype(np.uint8))
    return Response(content, media_type=MEDIA[settings.format])


def _encoded(suffix: str, picture: np.ndarray) -> bytes:
    return cv2.imencode(suffix, picture)[1].tobytes()


def _coco(image: np.ndarray, found: Prediction, name: str,
          palette: np.ndarray, settings: Settings) -> dict:
    """Describe a prediction as a COCO file, with the areas of all labels."""
    item = ImageItem(name, image)
    labels = found.class_map
    counted = areas(found)
    one = SegmentedImage(item, labels, found.confidence)
    polygons = settings.segmentation == 'polygons'
    rows = [*coco_annotations(
        [one], polygons or settings.per == 'class', settings.min_area)]
    if settings.per == 'class':
        objects, rows = rows, [*class_annotations(labels, counted)]
        for row in rows if polygons else ():
            row['segmentation'] = [
                polygon for other in objects
                if other['category_id'] == row['category_id']
                for polygon in other['segmentation']]
    names = (NOT_CLASSES[0], *found.classes, NOT_CLASSES[1])
    return dict(
        images=[*coco_images([(item, labels.shape)])],
        categories=coco_categories(found.classes, palette),
        annotations=rows,
        areas=[
            dict(label=label, name=of, pixels=pixels, confidence=confidence)
            for of, (label, pixels, confidence) in zip(
                names, counted, strict=True)])
