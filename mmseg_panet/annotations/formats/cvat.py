"""CVAT's exports: 'COCO 1.0' and 'Segmentation mask 1.1'."""
import os
import shutil
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from ...errors import InputError
from ...files import whole_file
from ..class_list import BACKGROUND, ClassList, Colour, number_classes
from ..mask_folder import (
    Annotations,
    fingerprint,
    images_by_stem,
    write_layout,
)
from .coco import read_coco
from .masks import mask_tasks, read_colours


def convert_cvat(
    path: str | os.PathLike,
    out_dir: str | os.PathLike,
    image_dir: str | os.PathLike | None = None,
    classes: Sequence[str] | None = None,
) -> list[str]:
    """Draw an export of CVAT into the plain layout.

    'COCO 1.0' is drawn as :func:`convert_coco` does. In 'Segmentation mask
    1.1' every label has its colour in ``labelmap.txt``, ids are in the order
    of its lines, and a listed image without a mask is all background.

    Args:
        path (str | os.PathLike): The .zip, which is unpacked to
            ``out_dir/export``, or the folder that was in it.
        out_dir (str | os.PathLike): See :func:`write_layout`.
        image_dir (str | os.PathLike, optional): Folder of the images, see
            :func:`convert_coco`. Defaults to the export's own, if it was
            saved with its images.
        classes (Sequence[str], optional): Labels to draw, in the order of
            their ids; others are background. Defaults to all.

    Returns:
        list[str]: Names by id, background first.

    Raises:
        InputError: As :func:`read_cvat` and :func:`write_layout` say.
    """
    return write_layout(out_dir, read_cvat(
        path, Path(out_dir, 'export'), image_dir, classes))


def is_cvat(folder: Path) -> bool:
    """Whether a folder is what :func:`read_cvat` reads."""
    return (folder / 'SegmentationClass').is_dir() or any(
        folder.glob('annotations/instances_*.json'))


def read_cvat(
    path: str | os.PathLike,
    unpack_dir: Path,
    image_dir: str | os.PathLike | None = None,
    classes: Sequence[str] | None = None,
    boxes: bool = False,
) -> Annotations:
    """Read an export of CVAT, see :func:`convert_cvat`.

    Args:
        path (str | os.PathLike): The .zip, or the folder that was in it.
        unpack_dir (Path): Where a .zip is unpacked, if it was not before.
        image_dir (str | os.PathLike, optional): Folder of the images.
        classes (Sequence[str], optional): Labels to draw.
        boxes (bool): See :func:`read_coco`. Defaults to False.

    Returns:
        Annotations: What is in it.

    Raises:
        InputError: If it is no such export, ``labelmap.txt`` is malformed,
            as :func:`read_coco` says, and, once it is drawn, if a mask has
            a colour that is not in ``labelmap.txt``.
    """
    path = Path(path)
    folder = path if path.is_dir() else _unpack(path, unpack_dir)
    ann_files = sorted(folder.glob('annotations/instances_*.json'))
    if len(ann_files) > 1:
        raise InputError(
            f'{path} has {len(ann_files)} subsets; convert them one by one, '
            f'as COCO: {", ".join(file.name for file in ann_files)}')
    if ann_files:
        subset = ann_files[0].stem.removeprefix('instances_')
        return read_coco(
            ann_files[0],
            image_dir or _first_folder(
                folder / 'images' / subset, folder / 'images'),
            classes, boxes)
    if not is_cvat(folder):
        raise InputError(
            f"{path} is no export of CVAT in 'COCO 1.0' or 'Segmentation "
            "mask 1.1': expected annotations/instances_*.json or "
            'SegmentationClass')
    return _read_masks(
        folder, image_dir or _first_folder(folder / 'JPEGImages'), classes)


def read_label_map(path: Path) -> dict[str, Colour]:
    """Label to colour, from ``name:r,g,b:parts:actions`` lines.

    Raises:
        InputError: If the file or a line cannot be read, a label or a
            colour is there twice, or a label has the background's.
    """
    try:
        lines = path.read_text('utf-8-sig').splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f'{path} cannot be read ({error}); the colours of the labels '
            'stand in it') from error
    colours: dict[str, Colour] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith('#'):
            continue
        try:
            name, colour, _, _ = line.strip().rsplit(':', 3)
            # bytes: 0..255 each.
            red, green, blue = bytes(map(int, colour.split(',')))
        except ValueError as error:
            raise InputError(
                f'{path}, line {number}: expected name:r,g,b:parts:actions, '
                f'got {line!r}') from error
        if name in colours or (red, green, blue) in colours.values():
            raise InputError(
                f'{path}, line {number}: the label or its colour is there '
                f'already, got {line!r}; every label needs its own')
        if red == green == blue == 0 and name != BACKGROUND:
            raise InputError(
                f'{path}, line {number}: the label {name!r} is black, as is '
                'all that has no label; give it a colour in CVAT and export '
                'again')
        colours[name] = (red, green, blue)
    return colours


def _read_masks(
    folder: Path,
    image_dir: str | os.PathLike | None,
    classes: Sequence[str] | None,
) -> Annotations:
    """Read 'Segmentation mask 1.1'."""
    label_map = folder / 'labelmap.txt'
    lists = sorted(folder.glob('ImageSets/Segmentation/*.txt'))
    mask_dir = folder / 'SegmentationClass'
    masks: dict[str, Path | None] = {
        stem: mask_dir / mask
        for stem, mask in images_by_stem(mask_dir, ['.png']).items()}
    made_from = fingerprint(
        'cvat', [label_map, *lists, *filter(None, masks.values())],
        image_dir, classes)
    for path in lists:
        try:
            lines = path.read_text('utf-8-sig').splitlines()
        except UnicodeDecodeError as error:
            raise InputError(
                f'{path} cannot be read ({error}); export it again, or save '
                'it as UTF-8') from error
        for line in lines:
            if line.strip():
                masks.setdefault(line.strip(), None)
    colours = read_label_map(label_map)
    names, ids = number_classes(list(colours), classes, label_map)
    table = {(0, 0, 0): 0} | {
        colour: ids.get(name, 0) for name, colour in colours.items()}
    own = {
        ids[name]: colour for name, colour in colours.items() if name in ids}
    return Annotations(
        made_from, ClassList(names, own), mask_tasks(masks, image_dir),
        partial(_rasterize, ids=table))


def _rasterize(source: tuple[Path | None, Path],
          ids: Mapping[Colour, int]) -> np.ndarray:
    """(H, W) labels of a mask; of an image without one, background."""
    mask, image = source
    if mask:
        return read_colours(mask, ids)
    try:
        with Image.open(image) as picture:
            return np.zeros(picture.size[::-1], np.uint8)
    except OSError as error:
        raise InputError(
            f'{image} is no readable image ({error}); replace it') from error


def _first_folder(*folders: Path) -> Path | None:
    return next((folder for folder in folders if folder.is_dir()), None)


def _unpack(archive: Path, folder: Path) -> Path:
    """Unpack a .zip completely or not at all, and only if it has changed."""
    made_from = fingerprint('zip', [archive])
    record = folder / 'made_from.txt'
    if record.is_file() and record.read_text() == made_from:
        return folder
    if folder.exists() and not record.is_file():
        raise InputError(
            f"'{folder}' is there already, but was not unpacked from "
            f'{archive}; name another folder, or remove it')
    try:
        with (whole_file(folder, sole=True) as part,
              zipfile.ZipFile(archive) as file):
            part.mkdir()
            file.extractall(part)
            (part / record.name).write_text(made_from)
            shutil.rmtree(folder, ignore_errors=True)
    # RuntimeError: it is encrypted.
    except (zipfile.BadZipFile, zlib.error, RuntimeError) as error:
        raise InputError(
            f'{archive} cannot be unpacked ({error}); export it again, or '
            'give the unpacked folder') from error
    return folder
