"""Regions of Label Studio: results of predictions, examples of annotations."""
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np

from ..annotations.class_list import check_class_name
from ..annotations.formats.brush_runs import brush_runs
from ..annotations.formats.labelstudio_regions import encoder, regions
from ..annotations.label_objects import LabelObject
from ..annotations.label_type import label_type
from ..annotations.rasterize import label_runs, require_pycocotools
from ..errors import InputError, error_context
from ..inference.supports.support import Support
from ..models.bank.banked_image import BankedSupport
from .label_config import Control


def region_result(one: LabelObject, control: Control, name: str,
                  size: tuple[int, int], score: float, region_id: str
                  ) -> dict[str, Any]:
    """Write an object as a result of a prediction.

    Args:
        one (LabelObject): The object.
        control (Control): The tag that decides its form. A brush is exact, a
            polygon is simplified within a pixel, see :func:`outline`.
        name (str): The label.
        size (tuple[int, int]): H and W of the image.
        score (float): Confidence, 0..1.
        region_id (str): A name that no other region of the prediction has.

    Returns:
        dict[str, Any]: The result, with positions in percent of the image.
    """
    height, width = size
    x, y, *extent = one.box
    value: dict[str, Any]
    if control.type == 'brushlabels':
        mask = np.zeros(size, bool)
        mask[y:y + extent[1], x:x + extent[0]] = one.mask
        value = dict(format='rle', rle=brush_runs(mask))
    elif control.type == 'polygonlabels':
        percent = one.polygon().astype(float) * 100 / (width, height)
        value = dict(points=percent.tolist(), closed=True)
    else:
        value = dict(
            x=x * 100 / width, y=y * 100 / height, rotation=0,
            width=extent[0] * 100 / width, height=extent[1] * 100 / height)
    return dict(
        id=region_id, type=control.type, from_name=control.from_name,
        to_name=control.to_name, original_width=width, original_height=height,
        image_rotation=0, score=score, value={**value, control.type: [name]})


def supports_of_regions(results: Iterable[Any], image: np.ndarray,
                        where: str) -> list[Support]:
    """Make an example of each class that the regions of an image show.

    Later regions are in front. Boxes are filled, and regions without an area
    or a label are left out.

    Args:
        results (Iterable[Any]): Results of an annotation for the image.
        image (np.ndarray): (H, W, 3) uint8 BGR.
        where (str): Start of messages: the annotation.

    Returns:
        list[Support]: One for each class that is visible.

    Raises:
        InputError: If a region is malformed, is of an image of another size,
            or its label cannot be the name of a class.
    """
    require_pycocotools('annotations are rasterized')
    size = image.shape[:2]
    ids: dict[str, int] = {}
    runs = []
    for number, region in enumerate(regions(results), start=1):
        place = f"{where}, region {region.result.get('id') or number}"
        encode = encoder(region, place, boxes=True)
        if isinstance(encode, str) or not region.labels:
            continue
        name = region.labels[0]
        check_class_name(name, place)
        stated = tuple(region.result.get(key) for key in (
            'original_height', 'original_width'))
        if stated != size:
            raise InputError(
                f'{place}: expected a region of an image of '
                f'{size[1]}x{size[0]} pixels, got {stated[1]}x{stated[0]}; '
                'restore the image that was annotated')
        with error_context(place):
            runs.append((encode(size), ids.setdefault(name, 1 + len(ids))))
    labels = label_runs(
        runs, size, label_type(1 + len(ids)), small_in_front=False)
    key = object()
    return [
        Support(name, tuple(ids), image, lambda _: labels, where,
                labels_key=key, optional=True)
        for name, label in ids.items() if (labels == label).any()]


def replace_examples(supports: Sequence[BankedSupport], name: str,
                     new: Sequence[BankedSupport]) -> list[BankedSupport]:
    """Replace the supports of an annotation or of a task by others.

    They take the places of the earlier ones, so that the order of the
    classes, and with it the version, comes back with the examples.
    """
    left = iter(new)
    found = []
    for one in supports:
        # They are called 'annotation 1 of task 2 (photos/a.jpg)'.
        if one.image.startswith('annotation ') and (
                name in one.image.partition(' (')[0].split(' of ')):
            found += [*islice(left, 1)]
        else:
            found.append(one)
    return [*found, *left]
