"""Reader of YOLO's labels: a line with a polygon or a box per object."""
import math
import os
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ...errors import InputError, abbreviate
from ...files import StrPath, read_lines
from ...images.image_files import check_file_name, stem_of
from ...locks import folder_lock
from ...notices import warn
from ...wording import counted
from ..export_folder import content_folder, export_folder
from ..mask_folder import Annotations, fingerprint, write_masks
from ..objects import (
    Encode,
    MarkedImage,
    MarkedObject,
    Size,
    mark,
    polygons,
)
from ..rasterize import bitmap_runs
from .yolo_files import YoloFiles, find_files, has_labels
from .yolo_yaml import YAML

_REACH = 1
"""How far a fraction may be outside 0..1, where the object is cut off.

Coordinates in pixels exceed it.
"""


def convert_yolo(path: StrPath, out_dir: StrPath,
                 image_dir: StrPath | None = None,
                 classes: Sequence[str] | None = None,
                 boxes: bool = False) -> list[str]:
    """Rasterize a data set of YOLO into a mask folder.

    A line ``id x y x y x y ...`` is a polygon, and ``id x y width height`` a
    box given by its centre. Coordinates are fractions of the width and the
    height of the image; what is outside of it is cut off. Smaller objects
    are in front of larger ones, as in Ultralytics' training. Images without
    labels are background only, but a folder without any labels is left out.

    Args:
        path (str | os.PathLike): ``data.yaml``, the folder of the data set
            or of one of its splits, or a .zip of it, which is unpacked to
            ``out_dir/export``.
        out_dir (str | os.PathLike): Folder for the results, see
            :func:`write_masks`. The masks are named by the paths of the
            images below ``image_dir``, or else below the folder that
            contains all of them.
        image_dir (str | os.PathLike, optional): Folder of the images, which
            are found by the names of the labels. Defaults to the folders of
            the data set.
        classes (Sequence[str], optional): Names to select, in the order of
            their ids; others are background. Defaults to all.
        boxes (bool): Whether objects with a box only fill it. If False, they
            are an error. Defaults to False.

    Returns:
        list[str]: Names by id, background first.

    Raises:
        InputError: As for :func:`read_yolo` and :func:`write_masks`.
    """
    with folder_lock(out_dir):
        if Path(path).suffix.lower() in YAML:
            return write_masks(
                out_dir, read_yolo(path, image_dir, classes, boxes))
        with export_folder(path, Path(out_dir, 'export')) as folder:
            return write_masks(
                out_dir, read_yolo(folder, image_dir, classes, boxes))


def is_yolo(path: Path) -> bool:
    """Check whether a path is ``data.yaml`` or a folder with labels."""
    if path.is_file():
        return path.suffix.lower() in YAML
    return has_labels(content_folder(path))


def read_yolo(path: StrPath, image_dir: StrPath | None = None,
              classes: Sequence[str] | None = None,
              boxes: bool = False) -> Annotations:
    """Read the objects of a data set of YOLO, see :func:`convert_yolo`.

    Args:
        path (str | os.PathLike): ``data.yaml``, the folder of the data set,
            or that of one of its splits.
        image_dir (str | os.PathLike, optional): Folder of the images.
        classes (Sequence[str], optional): Names to select. Defaults to all.
        boxes (bool): Whether objects with a box only fill it. Defaults to
            False.

    Returns:
        Annotations: Annotations to rasterize.

    Raises:
        InputError: As for :func:`find_files` and :func:`number_classes`, or
            if a line is malformed; and, when it is rasterized, if a box must
            not be filled.
    """
    path = Path(path)
    files = find_files(
        content_folder(path), None if image_dir is None else Path(image_dir))
    if len(files.splits) > 1:
        warn(
            f"{path}: the splits {', '.join(files.splits)} are read "
            'together; give the folder of one to read it alone')
    folder = os.path.abspath(image_dir) if image_dir else os.path.commonpath(
        [image.parent for image, _ in files.images])
    images = []
    for image, label in files.images:
        stem = stem_of(os.path.relpath(image, folder))
        check_file_name(stem, path)
        objects = () if label is None else list(
            _objects(label, files, boxes))
        images.append(MarkedImage(stem, objects, image, None, image.name))
    made_from = fingerprint(
        f'yolo {boxes}', [files.names_file, *(
            file for pair in files.images for file in pair if file)],
        image_dir, classes)
    return mark(
        images, list(files.names.values()), made_from, files.names_file,
        classes, small_in_front=True)


def _objects(file: Path, files: YoloFiles, boxes: bool
             ) -> Iterable[MarkedObject]:
    """Read the objects of an image."""
    for number, line in read_lines(file, 'save it as UTF-8').items():
        where = f'{file}, line {number}'
        try:
            given, *numbers = map(float, line.split())
            i = int(given)
        except (ValueError, OverflowError):
            raise InputError(
                f'{where}: expected numbers `id x y x y x y ...`, got '
                f'{abbreviate(line)!r}; correct it, or export the labels '
                'again') from None
        if i != given or i not in files.names:
            raise InputError(
                f'{where}: expected the id of a class of '
                f'{files.names_file.name}, {sorted(files.names)[:20]}, got '
                f'{given:g}; add its name there, or correct the id')
        yield MarkedObject(
            files.names[i], _region(numbers, where, files, boxes), where)


def _region(numbers: Sequence[float], where: str, files: YoloFiles,
            boxes: bool) -> Encode:
    """Read a polygon or a box."""
    if files.keypoints:
        raise InputError(
            f'{where}: expected polygons, got the points of a skeleton, as '
            f'{files.names_file.name} has kpt_shape; export the labels for '
            'segmentation')
    is_box = len(numbers) in (4, 5)
    if not is_box and (len(numbers) < 6 or len(numbers) % 2):
        raise InputError(
            f'{where}: expected pairs x y of three or more points after the '
            f"id, got {counted(len(numbers), 'number')}; correct it, or "
            'remove the confidence or the track number from its end')
    # The fifth number of a box is a confidence or the number of a track.
    used = numbers[:4] if is_box else numbers
    strange = [one for one in used if not -_REACH <= one <= 1 + _REACH]
    if strange:
        raise InputError(
            f'{where}: expected fractions of the width and the height of the '
            f'image, 0..1, got {strange[0]:g}; divide pixels by the width '
            'and the height of the image')
    if not is_box:
        return polygons([np.array(used)], relative=True)
    x, y, width, height = used
    if min(width, height) < 0:
        raise InputError(
            f'{where}: expected a box with a width and a height, got '
            f'{width:g} and {height:g}; correct or remove it')
    if not boxes:
        raise InputError(
            f'{where}: expected a polygon, got a box; fill boxes with '
            'boxes=True (--boxes), or export polygons')
    return partial(_encode_box, corners=(
        x - width / 2, y - height / 2, x + width / 2, y + height / 2))


def _encode_box(size: Size, corners: Sequence[float]) -> dict:
    """Encode a box, with its corners rounded to whole pixels.

    The decimals of a file would otherwise add a row or a column.
    """
    left, top, right, bottom = (
        math.floor(min(max(one, 0), 1) * length + 0.5)
        for one, length in zip(corners, size[::-1] * 2, strict=True))
    filled = np.ones((bottom - top, right - left), bool)
    return bitmap_runs(filled, left, top, size)
