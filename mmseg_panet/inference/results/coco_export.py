"""Objects as COCO's JSON."""
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...files import atomic_path
from ...images.file_bytes import is_url
from ..images.image_list import ImageItem
from .segmented_image import SegmentedImage


def coco_categories(classes: Sequence[str],
                    palette: np.ndarray | None = None) -> list[dict]:
    """List the categories 1..W.

    Args:
        classes (Sequence[str]): Names of the labels 1..W.
        palette (np.ndarray, optional): RGB by label, which gives each
            category its ``color``, as in COCO's panoptic files. Defaults to
            none.
    """
    categories: list[dict[str, Any]] = [
        dict(id=i, name=name) for i, name in enumerate(classes, 1)]
    if palette is not None:
        for category in categories:
            category['color'] = palette[category['id']].tolist()
    return categories


def coco_images(images: Iterable[tuple[ImageItem, Sequence[int]]]
                ) -> Iterator[dict]:
    """Describe images, which are numbered from 1.

    If files share a name, as several folders may have them, all files are
    named by their paths below the folder that contains all of them.

    Args:
        images (Iterable[tuple[ImageItem, Sequence[int]]]): Images with their
            sizes (H, W).

    Yields:
        dict: A row of the list ``images``.
    """
    images = list(images)
    names = [item.file_name for item, _ in images]
    files = {i: os.path.abspath(item.source)
             for i, (item, _) in enumerate(images)
             if isinstance(item.source, str) and not is_url(item.source)}
    if len({names[i] for i in files}) < len(files):
        root = os.path.commonpath([*map(os.path.dirname, files.values())])
        for i, path in files.items():
            names[i] = Path(path).relative_to(root).as_posix()
    for number, (name, (_, (height, width))) in enumerate(
            zip(names, images, strict=True), start=1):
        yield dict(id=number, file_name=name, height=height, width=width)


def coco_annotations(images: Iterable[SegmentedImage], polygons: bool,
                     min_area: float) -> Iterator[dict]:
    """Describe the objects of images, which are numbered from 1.

    Args:
        images (Iterable[SegmentedImage]): The images.
        polygons (bool): Whether segmentations are polygons, see
            :func:`outline`, or run lengths, which are exact.
        min_area (float): See :func:`label_objects`.

    Yields:
        dict: An annotation with the mean confidence as its ``score``.
    """
    number = 0
    for image_id, image in enumerate(images, start=1):
        for one, score in image.objects(min_area):
            number += 1
            row = {
                'id': number, 'image_id': image_id,
                'category_id': one.label,
                'segmentation': [one.polygon().ravel().tolist()] if polygons
                else one.runs(image.labels.shape),
                'area': one.area, 'bbox': list(one.box), 'iscrowd': 0}
            yield row if score is None else row | {'score': score}


def write_lists(path: Path, lists: Mapping[str, Iterable[dict]]) -> None:
    """Write lists as a JSON object, atomically and row by row.

    The memory does not grow with their lengths.

    Args:
        path (Path): Path of the file. Its folder is created.
        lists (Mapping[str, Iterable[dict]]): Rows by key.
    """
    with atomic_path(path) as part, part.open('w', encoding='utf-8') as file:
        start = '{'
        for key, rows in lists.items():
            file.write(f'{start}"{key}": [')
            for i, row in enumerate(rows):
                file.write((',\n' if i else '\n') + json.dumps(row))
            file.write(']')
            start = ',\n'
        file.write('}\n')
