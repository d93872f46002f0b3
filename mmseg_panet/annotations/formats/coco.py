"""Reader of COCO's object annotations: polygons, run-lengths and boxes."""
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...errors import InputError, error_context
from ...files import StrPath
from ...json_text import read_json
from ..class_list import ClassList, number_classes
from ..image_files import check_file_name, stem_of
from ..mask_folder import Annotations, MaskTask, fingerprint, write_masks
from ..pixel_limit import check_pixels
from ..rasterize import box_runs, label_runs, object_runs, require_pycocotools

Tables = Mapping[str, Mapping[int | str, Any]]
"""The tables of images, categories and annotations, by their ids."""


class CocoObject(NamedTuple):
    """An object of an image, as stored in the file."""

    id: int | str
    category: str
    """Name of the category."""
    segmentation: Any
    bbox: Any
    crowd: int
    """The value of ``iscrowd``, 0 or 1."""


class CocoImage(NamedTuple):
    """An image with its objects, in the order of the file."""

    file_name: str
    size: tuple[int, int]
    """H and W."""
    objects: list[CocoObject]


def convert_coco(ann_file: StrPath, out_dir: StrPath,
                 image_dir: StrPath | None = None,
                 classes: Sequence[str] | None = None) -> list[str]:
    """Rasterize the objects of a COCO file into a mask folder.

    An object covers the pixels that pycocotools assigns to it: the union of
    its polygons, or its run-lengths, compressed or not. Where objects
    overlap, the smaller one is in front, so that it stays visible; of two
    with the same area, the later one. Crowd regions belong to their class.
    Ids are 1..n in the order of the category ids, which may have gaps.

    Args:
        ann_file (str | os.PathLike): Path of ``instances_*.json``.
        out_dir (str | os.PathLike): Folder for the results, see
            :func:`write_masks`.
        image_dir (str | os.PathLike, optional): Folder of the images. If
            given, every image must exist and have the size in which it was
            annotated, see :func:`orient_labels`. Defaults to None.
        classes (Sequence[str], optional): Names of the categories to select,
            in the order of their ids; others are background. Defaults to
            all.

    Returns:
        list[str]: Names by id, background first.

    Raises:
        InputError: As for :func:`read_coco` and :func:`write_masks`.
    """
    return write_masks(out_dir, read_coco(ann_file, image_dir, classes))


def read_coco(ann_file: StrPath, image_dir: StrPath | None = None,
              classes: Sequence[str] | None = None,
              boxes: bool = False) -> Annotations:
    """Read the objects of a COCO file, see :func:`convert_coco`.

    Args:
        ann_file (str | os.PathLike): Path of ``instances_*.json``.
        image_dir (str | os.PathLike, optional): Folder of the images.
            Defaults to None.
        classes (Sequence[str], optional): Names of the categories to select.
            Defaults to all.
        boxes (bool): Whether an object without a segmentation fills its
            bounding box. If False, it is malformed. Defaults to False.

    Returns:
        Annotations: Annotations to rasterize.

    Raises:
        InputError: As for :func:`read_tables`, :func:`number_classes` and
            :func:`coco_images`; and, when it is rasterized, if a
            segmentation is malformed.
    """
    require_pycocotools('COCO files are read')
    made_from = fingerprint('coco', [ann_file], image_dir, classes)
    tables = read_tables(ann_file)
    categories = sorted(tables['categories'].items())
    names, ids = number_classes(
        [row.get('name', '') for _, row in categories], classes, ann_file)
    found = ClassList(names, {})
    tasks = [
        MaskTask(
            stem_of(image.file_name), image,
            Path(image_dir, image.file_name) if image_dir else None,
            frozenset(ids[one.category] for one in image.objects
                      if one.category in ids),
            size=image.size)
        for image in coco_images(tables, ann_file)]
    return Annotations(
        made_from, found, tasks,
        partial(_rasterize, ids=ids, boxes=boxes, ann_file=ann_file,
                dtype=found.dtype))


def read_tables(ann_file: StrPath, lenient: bool = False) -> Tables:
    """Read the tables of images, categories and annotations by their ids.

    Args:
        ann_file (str | os.PathLike): Path of the file. Annotations without
            an id get their position as the id.
        lenient (bool): Whether ids may be strings, the ids of annotations
            are replaced by their positions, and the later of two rows with
            the same id is used. Defaults to False.

    Returns:
        Tables: The three tables.

    Raises:
        InputError: If the file is not such JSON, or has an id twice.
        OSError: If the file does not exist.
    """
    data = read_json(ann_file)
    tables: dict[str, dict[int | str, Any]] = {}
    for name in ('images', 'categories', 'annotations'):
        table = tables[name] = {}
        rows = data.get(name)
        for number, row in enumerate(rows if isinstance(rows, list) else [0]):
            absent = number if name == 'annotations' else None
            i = row.get('id', absent) if isinstance(row, dict) else None
            if lenient and absent is not None and i is not None:
                i = number
            if type(i) is not int and not (lenient and isinstance(i, str)):
                raise InputError(
                    f"{ann_file}: expected a list '{name}', each with an id, "
                    "as in COCO's instances_*.json")
            if i in table and not lenient:
                raise InputError(
                    f"{ann_file}: '{name}' has an id twice; make ids unique")
            table[i] = row
    return tables


def coco_images(tables: Tables, ann_file: StrPath) -> Iterator[CocoImage]:
    """Collect the objects of every image.

    Args:
        tables (Tables): Tables of the file, see :func:`read_tables`.
        ann_file (str | os.PathLike): Path of the file, for messages.

    Yields:
        CocoImage: Images in the order of the file.

    Raises:
        InputError: If an annotation refers to a missing image or category,
            or an image has no name or no size.
    """
    images, categories, annotations = tables.values()
    objects: dict[int | str, list[CocoObject]] = {i: [] for i in images}
    for i, row in annotations.items():
        for key, known in (('image', images), ('category', categories)):
            one = row.get(f'{key}_id')
            if type(one) not in (int, str) or one not in known:
                raise InputError(
                    f'{ann_file}, annotation {i}: there is no {key} with the '
                    f'id {one}; add it or remove the annotation')
        objects[row['image_id']].append(CocoObject(
            i, categories[row['category_id']].get('name', ''),
            row.get('segmentation'), row.get('bbox'), row.get('iscrowd', 0)))
    for i, row in images.items():
        name, height, width = map(row.get, ('file_name', 'height', 'width'))
        if name is None and isinstance(url := row.get('coco_url'), str):
            name = '/'.join(url.split('/')[-2:])  # LVIS: train2017/...jpg
        if not isinstance(name, str) or not all(
                type(n) is int and n > 0 for n in (height, width)):
            raise InputError(
                f'{ann_file}, image {i}: expected a file_name and height and '
                f'width in pixels, got {name!r}, {height!r} and {width!r}')
        check_file_name(name, f'{ann_file}, image {i}')
        check_pixels((height, width), f'{ann_file}, image {i}')
        yield CocoImage(name, (height, width), objects[i])


def _rasterize(image: CocoImage, ids: Mapping[str, int], boxes: bool,
               ann_file: StrPath, dtype: np.dtype) -> np.ndarray:
    """Return the labels of an image, (H, W)."""
    regions = []
    for one in image.objects:
        if one.category in ids:
            with error_context(f'{ann_file}, annotation {one.id}'):
                runs = box_runs(one.bbox, image.size) if (
                    boxes and not one.segmentation
                ) else object_runs(one.segmentation, image.size)
            regions.append((runs, ids[one.category]))
    return label_runs(regions, image.size, dtype)
