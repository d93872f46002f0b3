"""Reader of Roboflow's export 'Semantic Segmentation Masks'.

A split is a folder with ``_classes.csv``, whose lines are ``value, class``,
and a mask ``a_mask.png`` beside each image ``a.jpg``.
"""
import csv
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ...errors import InputError, abbreviate
from ...files import StrPath, read_lines
from ...images.image_files import images_by_stem, open_image
from ...locks import folder_lock
from ...notices import warn
from ..class_list import ClassList, number_classes
from ..export_folder import content_folder, export_folder, visible_entries
from ..label_type import IGNORED
from ..mask_folder import Annotations, MaskTask, fingerprint, write_masks
from ..reserved_names import BACKGROUND, is_background

_CLASSES = '_classes.csv'
_HEADER = ['pixel value', 'class']
_UNLABELED = ('unlabeled', 'unlabelled')
"""Other names of the background."""
_MASK = '_mask'
"""End of the name of a mask."""


def convert_roboflow(path: StrPath, out_dir: StrPath,
                     image_dir: StrPath | None = None,
                     classes: Sequence[str] | None = None) -> list[str]:
    """Convert Roboflow's 'Semantic Segmentation Masks' into a mask folder.

    Its other exports are COCO and YOLO, see :func:`convert_coco` and
    :func:`convert_yolo`.

    Args:
        path (str | os.PathLike): The folder of the export or of one of its
            splits, or the .zip, which is unpacked to ``out_dir/export``.
        out_dir (str | os.PathLike): Folder for the results, see
            :func:`write_masks`. The masks are named by the paths of the
            images below the folder of the export.
        image_dir (str | os.PathLike, optional): Must be None, as images lie
            beside their masks.
        classes (Sequence[str], optional): Names to select, in the order of
            their ids; others are background. Defaults to all.

    Returns:
        list[str]: Names by id, background first.

    Raises:
        InputError: As for :func:`read_roboflow` and :func:`write_masks`.
    """
    with (folder_lock(out_dir),
          export_folder(path, Path(out_dir, 'export')) as folder):
        return write_masks(out_dir, read_roboflow(folder, image_dir, classes))


def is_roboflow(path: Path) -> bool:
    """Check whether a folder or its splits have masks of Roboflow."""
    return bool(path.is_dir() and _splits(content_folder(path)))


def read_roboflow(path: StrPath, image_dir: StrPath | None = None,
                  classes: Sequence[str] | None = None) -> Annotations:
    """Read masks of Roboflow, see :func:`convert_roboflow`.

    Args:
        path (str | os.PathLike): Folder of the export or of a split.
        image_dir (str | os.PathLike, optional): Must be None.
        classes (Sequence[str], optional): Names to select. Defaults to all.

    Returns:
        Annotations: Annotations to rasterize.

    Raises:
        InputError: If there is no ``_classes.csv`` with values and names,
            the splits have different ones, or a mask has no image; and, when
            it is rasterized, if a mask has another value.
    """
    if image_dir:
        raise InputError(
            'expected no image_dir (--image-dir), as the images lie beside '
            f'their masks, got {image_dir}; leave it out')
    root = content_folder(Path(path))
    files = _splits(root)
    if not files:
        raise InputError(
            f'{path}: expected {_CLASSES} with the lines `Pixel Value, '
            "Class`, got none; export 'Semantic Segmentation Masks', or "
            'convert an export of COCO or YOLO as such')
    values, *others = map(_read_classes, files)
    for file, other in zip(files[1:], others, strict=True):
        if other != values:
            raise InputError(
                f'{file}: expected the classes of {files[0]}, got others; '
                'give the folders one by one')
    if len(files) > 1:
        warn(
            f"{path}: the splits {', '.join(one.parent.name for one in files)}"
            ' are read together; give the folder of one to read it alone')
    names, ids = number_classes(
        [name for name in values.values() if not is_background(name)],
        classes, files[0])
    found = ClassList(names, {})
    table = {value: ids.get(name, 0) for value, name in values.items()}
    table.setdefault(0, 0)
    table.setdefault(IGNORED, found.void)
    tasks = []
    for file in files:
        images = images_by_stem(file.parent)
        for stem, mask in images.items():
            image = images.get(stem.removesuffix(_MASK))
            if stem.endswith(_MASK) and image is None:
                raise InputError(
                    f'{mask}: there is no image {stem.removesuffix(_MASK)}.* '
                    'beside this mask; add it, or remove the mask')
            if stem.endswith(_MASK) and image is not None:
                name = Path(file.parent, stem.removesuffix(_MASK))
                tasks.append(MaskTask(
                    name.relative_to(root).as_posix(), mask, Path(image)))
    made_from = fingerprint(
        'roboflow', [*files, *(task.source for task in tasks)], root, classes)
    return Annotations(
        made_from, found, tasks,
        partial(_read_mask, table=table, dtype=found.dtype))


def _splits(root: Path) -> list[Path]:
    """Find the lists of classes of a folder, or of its splits."""
    found = [path / _CLASSES for path in (root, *visible_entries(root))
             if _has_values(path / _CLASSES)]
    return found[:1] if found and found[0].parent == root else found


def _has_values(file: Path) -> bool:
    """Check whether a list of classes has values of masks.

    That of an export for classification has the names of images.
    """
    try:
        with file.open(encoding='utf-8-sig') as opened:
            return _fields(opened.readline(1000))[:2] == _HEADER
    except (OSError, UnicodeError):
        return False


def _read_classes(file: Path) -> dict[int, str]:
    """Read the names of the values."""
    names: dict[int, str] = {}
    lines = read_lines(file, 'save it as UTF-8')
    for number, line in [*lines.items()][1:]:
        value, *name = next(csv.reader([line], skipinitialspace=True))
        if not (value.isdecimal() and len(value) < 6 and len(name) == 1
                ) or int(value) in names:
            raise InputError(
                f'{file}, line {number}: expected `value, class` with a value '
                f'that no other line has, got {abbreviate(line)!r}; correct '
                'it, or export again')
        named = name[0].strip()
        names[int(value)] = BACKGROUND if (
            is_background(named) or named.casefold() in _UNLABELED) else named
    return names


def _fields(line: str) -> list[str]:
    return [field.strip().lower() for field in line.split(',')]


def _read_mask(mask: str, table: Mapping[int, int],
               dtype: np.dtype) -> np.ndarray:
    """Return the labels of a mask, (H, W)."""
    with open_image(mask) as picture:
        values = np.asarray(picture)
    if values.ndim == 3 and (values[..., :3] == values[..., :1]).all():
        values = values[..., 0]
    found, where = np.unique(values, return_inverse=True)
    strange = sorted(set(found.tolist()) - set(table))
    if values.ndim != 2 or strange:
        raise InputError(
            f'{mask}: expected the values {list(table)[:20]} of {_CLASSES}, '
            f'got {strange[:10]}; export again, or correct {_CLASSES}')
    return np.array([table[value] for value in found.tolist()], dtype)[
        where].reshape(values.shape)
