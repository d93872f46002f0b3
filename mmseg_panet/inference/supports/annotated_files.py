"""Supports in the files of annotation tools and in mask folders.

An image may show several classes, and is then a support of each of them.
"""
import atexit
import tempfile
from glob import escape
from pathlib import Path
from typing import Any

import numpy as np

from ...annotations.class_list import (
    BACKGROUND,
    check_class_name,
)
from ...annotations.formats.coco import read_coco
from ...annotations.formats.cvat import is_cvat, read_cvat
from ...annotations.formats.labelme import read_labelme
from ...annotations.formats.masks import read_masks
from ...annotations.image_files import images_by_stem, is_image, names_a_file
from ...annotations.mask_folder import Annotations
from ...errors import InputError
from .support import Support

# A key that only the files of labelme have.
_LABELME_KEY = b'"imagePath"'


def read_annotations(path: Path,
                     image_dir: Path | None) -> Annotations | None:
    """Read a file of an annotation tool, a folder of them or a mask folder.

    Args:
        path (Path): A .json, a .zip or a folder.
        image_dir (Path, optional): Folder of the images.

    Returns:
        Annotations | None: None for a folder without annotations.

    Raises:
        InputError: If a file is missing or malformed.
    """
    if (path / 'classes.txt').is_file():
        return _read_mask_folder(path, image_dir)
    is_file = path.is_file()
    if is_cvat(path) or is_file and path.suffix.lower() == '.zip':
        return _read_cvat(path, image_dir)
    files = [path] if is_file else [*filter(_is_annotation, path.rglob('*'))]
    if not files:
        return None
    _refuse_pairs(path, files[0])
    return _read_labelme(path, image_dir) if files[1:] else _read_json(
        files[0], image_dir)


def supports_of(
    annotations: Annotations, source: Path,
) -> dict[str, list[Support]]:
    """Make a support of each class that each annotated image shows.

    Args:
        annotations (Annotations): Annotations with an image for each task.
        source (Path): The file or folder of the annotations.

    Returns:
        dict[str, list[Support]]: Supports by class, in the order of the ids
        and of the tasks, without the classes that no image shows. Supports
        of one image have the same ``labels_key``.

    Raises:
        InputError: If an image is missing or none shows a class.
    """
    names = tuple(annotations.classes.names[1:])
    supports: dict[str, list[Support]] = {name: [] for name in names}
    for task in annotations.tasks:
        # The labels have the size of the annotation, not of the image.
        def labels_of(_: object, source: Any = task.source) -> np.ndarray:
            return annotations.rasterize(source)

        ids = task.ids
        if ids is None:
            ids = frozenset(np.unique(labels_of(None)).tolist())
        shown = sorted(ids - {0, annotations.classes.void})
        if shown and (task.image is None
                      or not names_a_file(task.image, source)):
            raise InputError(
                f'{source}: there is no image '
                f'{task.image or task.file_name or task.stem}; put it there, '
                'or give the folder of the images as image_dir (--image-dir)')
        for name in (names[i - 1] for i in shown):
            supports[name].append(Support(
                name, names, str(task.image), labels_of,
                f'{source}, class {name!r} in {task.image}', labels_of,
                labels_size=task.size))
    found = {name: those for name, those in supports.items() if those}
    for name in found:
        check_class_name(name, source)
    if not found:
        raise InputError(
            f'{source}: expected an image that shows one of {list(names)}, '
            'got none; mark some objects')
    return found


def _read_mask_folder(folder: Path, image_dir: Path | None) -> Annotations:
    image_dir = image_dir or folder / 'images'
    for part in (folder / 'masks', image_dir):
        if not part.is_dir():
            raise InputError(
                f'{folder}: expected images/ and masks/ beside classes.txt, '
                f'got no folder {part}; add it, or give the folder of the '
                'images as image_dir (--image-dir)')
    annotations = read_masks(
        folder / 'masks', folder / 'classes.txt', image_dir)
    first = annotations.classes.names[0]
    if first != BACKGROUND:
        raise InputError(
            f"{folder / 'classes.txt'}: expected {BACKGROUND!r} as the class "
            f'0, got {first!r}; rename it, or number the classes from 1 in '
            'the list and the masks')
    return annotations


def _read_cvat(path: Path, image_dir: Path | None) -> Annotations:
    """Read an export of CVAT; a .zip stays unpacked until the process ends."""
    unpack_dir = path
    if not path.is_dir():
        temporary = tempfile.TemporaryDirectory(
            prefix='supports-', ignore_cleanup_errors=True)
        atexit.register(temporary.cleanup)
        unpack_dir = Path(temporary.name, 'export')
    return read_cvat(path, unpack_dir, image_dir, boxes=True)


def _is_annotation(path: Path) -> bool:
    """Tell whether a file is what :func:`_read_json` reads."""
    return path.suffix.lower() == '.json' and not path.name.startswith(
        '.') and any(key in path.read_bytes() for key in (
            _LABELME_KEY, b'"annotations"'))


def _read_json(file: Path, image_dir: Path | None) -> Annotations:
    """Read a .json of COCO or of labelme."""
    if _LABELME_KEY in file.read_bytes():
        return _read_labelme(file, image_dir)
    folders = [image_dir] if image_dir else [
        file.parent / 'images', file.parent]
    for folder in folders:
        annotations = read_coco(file, folder, boxes=True)
        if any(task.image and names_a_file(task.image, file)
               for task in annotations.tasks if task.ids):
            break
    return annotations


def _read_labelme(path: Path, image_dir: Path | None) -> Annotations:
    """Read a .json of labelme or a folder of them.

    Images that are not where the files say are taken from ``image_dir``.
    """
    annotations = read_labelme(path, image_dir=image_dir)
    images = images_by_stem(image_dir) if image_dir else {}
    return annotations._replace(tasks=[
        task._replace(image=task.image or Path(images[name]))
        if (name := Path(task.stem).name) in images else task
        for task in annotations.tasks])


def _refuse_pairs(folder: Path, file: Path) -> None:
    """Refuse annotations beside masks, as one of them would be ignored."""
    for mask in folder.glob('*/*.png'):
        for image in mask.parent.glob(f'{escape(mask.stem)}.*'):
            if image != mask and is_image(image.name):
                raise InputError(
                    f'{folder}: expected either masks or annotations, got '
                    f'{image} with its mask and also {file}; remove one of '
                    'them')
