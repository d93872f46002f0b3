"""Tables of the predictions for many images: CSV and COCO."""
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ...annotations.label_type import ignored_of
from ...annotations.reserved_names import NOT_CLASSES
from ...files import atomic_path
from ...table import csv_line
from ..images.image_list import ImageItem
from .coco_export import coco_categories, coco_images, write_lists
from .mask_file import Area, mask_path, read_mask, read_summary


def write_areas(out_dir: Path, images: Sequence[ImageItem]) -> None:
    """Write ``areas.csv`` with a row for each image and class.

    The classes are preceded by 'none' and followed by 'undecided'. The share
    is that of the image's pixels. Areas are read from the masks' headers.

    Args:
        out_dir (Path): A folder with a mask of each image.
        images (Sequence[ImageItem]): The images in the order of the rows.
    """
    with (atomic_path(out_dir / 'areas.csv') as part,
          part.open('w', encoding='utf-8', newline='') as file):
        file.write('image,class,pixels,share,confidence\n')
        for item in images:
            summary = read_summary(mask_path(out_dir, item.name))
            all_pixels = summary.size[0] * summary.size[1]
            names = (NOT_CLASSES[0], *summary.classes, NOT_CLASSES[1])
            for name, (_, pixels, confidence) in zip(
                    names, summary.areas, strict=True):
                file.write(csv_line([
                    item.name, name, pixels, f'{pixels / all_pixels:.6f}',
                    '' if confidence is None else f'{confidence:.4f}',
                ]) + '\n')


def write_coco(out_dir: Path, images: Sequence[ImageItem],
               classes: Sequence[str],
               palette: np.ndarray | None = None) -> None:
    """Write ``coco.json`` with an annotation for each image and class.

    Segmentations are compressed run lengths, scores the mean confidences.
    Category i is the i-th class, and image i is the i-th of the list.

    Args:
        out_dir (Path): A folder with a mask of each image.
        images (Sequence[ImageItem]): The images.
        classes (Sequence[str]): Names of the labels 1..W.
        palette (np.ndarray, optional): See :func:`coco_categories`. Defaults
            to none.
    """
    write_lists(out_dir / 'coco.json', dict(
        categories=coco_categories(classes, palette),
        images=_images(out_dir, images),
        annotations=_annotations(out_dir, images)))


def _images(out_dir: Path, images: Sequence[ImageItem]) -> Iterator[dict]:
    return coco_images(
        (item, read_summary(mask_path(out_dir, item.name)).size)
        for item in images)


def _annotations(out_dir: Path,
                 images: Sequence[ImageItem]) -> Iterator[dict]:
    number = 0
    for i, item in enumerate(images, start=1):
        path = mask_path(out_dir, item.name)
        for row in class_annotations(
                read_mask(path), read_summary(path).areas):
            number += 1
            yield row | {'id': number, 'image_id': i}


def class_annotations(labels: np.ndarray,
                      areas: Sequence[Area]) -> Iterator[dict]:
    """Describe the classes of an image as annotations of COCO.

    Args:
        labels (np.ndarray): (H, W), see :class:`Prediction`.
        areas (Sequence[Area]): See :func:`areas`.

    Yields:
        dict: The annotation of a class that is present, as of the only
        image.
    """
    from pycocotools import mask as coco
    number = 0
    for label, pixels, confidence in areas:
        if label in (0, ignored_of(labels.dtype)) or not pixels:
            continue
        number += 1
        rle = coco.encode(np.asfortranarray(labels == label, np.uint8))
        yield {
            'id': number, 'image_id': 1, 'category_id': label,
            'segmentation': rle | {'counts': rle['counts'].decode()},
            'area': pixels, 'bbox': coco.toBbox(rle).tolist(),
            'iscrowd': 0, 'score': confidence}
