"""Supports in the files of annotation tools, and in the plain layout.

Their images may show several classes each; such an image is a support of
all of them.
"""
import atexit
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from ...annotations.class_list import BACKGROUND, IGNORED
from ...annotations.formats.coco import read_coco
from ...annotations.formats.cvat import read_cvat
from ...annotations.formats.labelme import read_labelme
from ...annotations.formats.masks import read_masks
from ...annotations.mask_folder import Annotations, MaskTask, images_by_stem
from ...errors import InputError
from .support import Size, Support, make_support

# A key of labelme's files alone.
_LABELME_KEY = b'"imagePath"'


def read_plain(folder: Path, image_dir: Path | None) -> Annotations:
    """The plain layout, see :mod:`mmseg_panet.annotations`.

    Args:
        folder (Path): With ``classes.txt`` and ``masks/``.
        image_dir (Path, optional): In place of its ``images/``.

    Raises:
        InputError: If one of them is missing, id 0 is no background, or as
            :func:`read_masks` says.
    """
    image_dir = image_dir or folder / 'images'
    for part in (folder / 'masks', image_dir):
        if not part.is_dir():
            raise InputError(
                f'{folder}: expected images/ and masks/ beside classes.txt, '
                f'got no folder {part}; add it, or give the folder of the '
                'images as image_dir')
    annotations = read_masks(
        folder / 'masks', folder / 'classes.txt', image_dir)
    first = annotations.classes.names[0]
    if first != BACKGROUND:
        raise InputError(
            f"{folder / 'classes.txt'}: expected {BACKGROUND!r} as the class "
            f'0, got {first!r}; rename it, or number the classes from 1 in '
            'the list and the masks')
    return annotations


def read_cvat_export(path: Path, image_dir: Path | None) -> Annotations:
    """An export of CVAT; a .zip is unpacked until the process ends."""
    unpack_dir = path
    if not path.is_dir():
        temporary = tempfile.mkdtemp(prefix='supports-')
        atexit.register(shutil.rmtree, temporary, ignore_errors=True)
        unpack_dir = Path(temporary, 'export')
    return read_cvat(path, unpack_dir, image_dir, boxes=True)


def is_json(path: Path) -> bool:
    """Whether a file is what :func:`read_json` reads."""
    return path.suffix.lower() == '.json' and not path.name.startswith(
        '.') and any(key in path.read_bytes() for key in (
            _LABELME_KEY, b'"annotations"'))


def read_json(file: Path, image_dir: Path | None) -> Annotations:
    """A .json of COCO or of labelme."""
    if _LABELME_KEY in file.read_bytes():
        return read_labelme_files(file, image_dir)
    folders = [image_dir] if image_dir else [
        file.parent / 'images', file.parent]
    for folder in folders:
        annotations = read_coco(file, folder, boxes=True)
        if any(task.image and task.image.is_file()
               for task in annotations.tasks if task.ids):
            break
    return annotations


def read_labelme_files(path: Path, image_dir: Path | None) -> Annotations:
    """A .json of labelme or a folder of them.

    Images that are not where the files say are taken from ``image_dir``.
    """
    annotations = read_labelme(path, image_dir=image_dir)
    if not image_dir:
        return annotations
    images = images_by_stem(image_dir)

    def found(task: MaskTask) -> MaskTask:
        image = images.get(Path(task.stem).name)
        return task if task.image or not image else task._replace(
            image=image_dir / image)

    return annotations._replace(tasks=list(map(found, annotations.tasks)))


def supports_of(
    annotations: Annotations, source: Path,
) -> dict[str, list[Support]]:
    """Supports of all classes that annotated images show.

    Args:
        annotations (Annotations): With an image for each task.
        source (Path): Where they come from.

    Returns:
        dict[str, list[Support]]: In the order of the classes' ids and of
        the tasks, without the classes that no image shows.

    Raises:
        InputError: If an image is missing or none shows a class.
    """
    names = tuple(annotations.classes.names[1:])
    supports: dict[str, list[Support]] = {name: [] for name in names}
    for task in annotations.tasks:
        ids = task.ids
        if ids is None:
            ids = frozenset(
                np.unique(annotations.rasterize(task.source)).tolist())
        shown = sorted(ids - {0, IGNORED})
        if shown and (task.image is None or not task.image.is_file()):
            raise InputError(
                f'{source}: there is no image {task.image or task.stem}; put '
                'it there, or give the folder of the images as image_dir')
        for i in shown:
            name = names[i - 1]
            supports[name].append(make_support(
                name, names, str(task.image),
                partial(_rasterize, task=task,
                        rasterize=annotations.rasterize),
                f'{source}, class {name!r} in {task.image}'))
    found = {name: those for name, those in supports.items() if those}
    if not found:
        raise InputError(
            f'{source}: expected an image that shows one of {list(names)}, '
            'got none; mark some objects')
    return found


def _rasterize(size: Size, task: MaskTask,
          rasterize: Callable[..., np.ndarray]) -> np.ndarray:
    """Labels as annotated, whatever the size of the image."""
    return rasterize(task.source)
