"""COCO's annotations of objects: polygons and run-lengths."""
import json
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ..class_list import ClassList, number_classes
from ..mask_folder import (
    Annotations,
    MaskTask,
    fingerprint,
    stem_of,
    write_layout,
)
from ..rasterize import Box, require_pycocotools, segmentation_runs


def convert_coco(
    ann_file: str | os.PathLike,
    out_dir: str | os.PathLike,
    image_dir: str | os.PathLike | None = None,
    classes: Sequence[str] | None = None,
) -> list[str]:
    """Draw the objects of a COCO file into the plain layout.

    An object covers the pixels that pycocotools gives it: the union of its
    polygons, or its run-lengths, compressed or not. Where objects overlap,
    the smaller is in front, so that it stays visible; of the same size, the
    later. Crowd regions belong to their class. Ids are 1..n in the order of
    the category ids, whatever gaps these have.

    Args:
        ann_file (str | os.PathLike): ``instances_*.json``.
        out_dir (str | os.PathLike): See :func:`write_layout`.
        image_dir (str | os.PathLike, optional): Folder of the images. With
            it, every image must be there and have the size it is annotated
            in, see :func:`seen_as`.
        classes (Sequence[str], optional): Names of the categories to draw,
            in the order of their ids; others are background. Defaults to
            all.

    Returns:
        list[str]: Names by id, background first.

    Raises:
        InputError: As :func:`read_coco` and :func:`write_layout` say.
    """
    return write_layout(out_dir, read_coco(ann_file, image_dir, classes))


def read_coco(
    ann_file: str | os.PathLike,
    image_dir: str | os.PathLike | None = None,
    classes: Sequence[str] | None = None,
    boxes: bool = False,
) -> Annotations:
    """Read the objects of a COCO file, see :func:`convert_coco`.

    Args:
        ann_file (str | os.PathLike): ``instances_*.json``.
        image_dir (str | os.PathLike, optional): Folder of the images.
        classes (Sequence[str], optional): Names of the categories to draw.
        boxes (bool): An object without segmentation fills its bbox, instead
            of being malformed. Defaults to False.

    Returns:
        Annotations: What is in it.

    Raises:
        InputError: If the file is no such JSON, an annotation names an
            image or category that is not there, as :func:`number_classes`
            says, and, once it is drawn, if a segmentation is malformed.
    """
    require_pycocotools('COCO files are read')
    ann_file = Path(ann_file)
    made_from = fingerprint('coco', [ann_file], image_dir, classes)
    data = _read(ann_file)
    names, ids = number_classes(
        [data['categories'][i].get('name', '')
         for i in sorted(data['categories'])], classes, ann_file)
    objects = _objects(data, ids, ann_file, boxes)
    tasks = []
    for i, image in data['images'].items():
        name, height, width = (
            image.get(key) for key in ('file_name', 'height', 'width'))
        if not (isinstance(name, str) and type(height) is int
                and type(width) is int and min(height, width) > 0):
            raise InputError(
                f'{ann_file}, image {i}: expected a file_name and height and '
                f'width in pixels, got {name!r}, {height!r} and {width!r}')
        tasks.append(MaskTask(
            stem_of(name), (height, width, objects[i]),
            Path(image_dir, name) if image_dir else None,
            frozenset(label for _, label, _ in objects[i])))
    return Annotations(
        made_from, ClassList(names, {}), tasks,
        partial(_rasterize, ann_file=ann_file))


def _read(ann_file: Path) -> dict[str, dict[int, dict]]:
    """Images, categories and annotations, each by its id."""
    try:
        data = json.loads(ann_file.read_bytes())
    except ValueError as error:
        raise InputError(f'{ann_file} is no JSON: {error}') from error
    tables = {}
    for name in ('images', 'categories', 'annotations'):
        rows = data.get(name) if isinstance(data, dict) else None
        if not isinstance(rows, list) or not all(
                isinstance(row, dict) and type(row.get('id')) is int
                for row in rows):
            raise InputError(
                f"{ann_file}: expected a list '{name}', each with an id, as "
                "in COCO's instances_*.json")
        tables[name] = {row['id']: row for row in rows}
        if len(tables[name]) < len(rows):
            raise InputError(
                f"{ann_file}: '{name}' has an id twice; number them anew")
    return tables


def _objects(data: Mapping[str, Mapping[int, dict]], ids: Mapping[str, int],
             ann_file: Path, boxes: bool,
             ) -> dict[int, list[tuple[int, int, Any]]]:
    """Annotation id, class id and segmentation of what each image shows."""
    objects: dict[int, list] = {i: [] for i in data['images']}
    for i, annotation in data['annotations'].items():
        for key, known in (('image', data['images']),
                           ('category', data['categories'])):
            one = annotation.get(f'{key}_id')
            if type(one) is not int or one not in known:
                raise InputError(
                    f'{ann_file}, annotation {i}: there is no {key} with the '
                    f'id {one}; add it or remove the annotation')
        label = ids.get(data['categories'][annotation['category_id']]['name'])
        if label is not None:
            segmentation = annotation.get('segmentation')
            if boxes and not segmentation:
                segmentation = Box(annotation.get('bbox'))
            objects[annotation['image_id']].append((i, label, segmentation))
    return objects


def _rasterize(source: tuple[int, int, list], ann_file: Path) -> np.ndarray:
    """(H, W) labels of the objects of an image."""
    from pycocotools import mask as coco
    height, width, objects = source
    regions = []
    for ann_id, label, segmentation in objects:
        try:
            runs = segmentation_runs(segmentation, height, width)
        except (ValueError, TypeError, OverflowError) as error:
            raise InputError(
                f'{ann_file}, annotation {ann_id}: {error}; mend or remove '
                'it') from error
        regions.append((runs, label))
    labels = np.zeros((height, width), np.uint8)
    for runs, label in sorted(
            regions, key=lambda region: -int(coco.area(region[0]))):
        labels[coco.decode(runs) == 1] = label
    return labels
