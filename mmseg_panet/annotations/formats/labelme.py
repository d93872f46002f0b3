"""Reader of labelme's annotations, one JSON file of shapes per image.

X-AnyLabeling writes such files, too.
"""
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from ...errors import InputError, error_context, raise_first
from ...files import StrPath, remove
from ...garbage_collection import pause_garbage_collection
from ...images.embedded_image import write_once
from ...images.image_files import visible_files
from ...images.image_names import ImageNames
from ...json_text import read_utf8
from ...locks import folder_lock
from ...notices import warn
from ...wording import counted
from ..class_list import ClassList, number_classes
from ..export_folder import file_or_folder
from ..mask_folder import Annotations, MaskTask, fingerprint, write_masks
from .labelme_file import LabelmeFile, LabelmeImages, read_labelme_file
from .labelme_shapes import draw_shape, is_degenerate


def convert_labelme(folder: StrPath, out_dir: StrPath,
                    classes: Sequence[str] | None = None,
                    image_dir: StrPath | None = None) -> list[str]:
    """Rasterize the shapes of labelme's files into a mask folder.

    A shape covers the pixels that labelme's ``shape_to_mask`` assigns to it,
    see :func:`draw_shape`. Later shapes are in front. ``_background_`` is id
    0, ``__ignore__`` is 255, or 65535 with more than 254 classes.

    If the image of a file is missing, but the file holds it as ``imageData``,
    the image is written to ``out_dir/images``. All other images are then
    copied there, too, so that ``out_dir`` is complete.

    Args:
        folder (str | os.PathLike): Folder of the JSON files, which is
            searched recursively, or one JSON file, or a .zip, which is
            unpacked to ``out_dir/export``.
        out_dir (str | os.PathLike): Folder for the results, see
            :func:`write_masks`.
        classes (Sequence[str], optional): Labels to select, in the order of
            their ids; others are background. Defaults to all, sorted.
        image_dir (str | os.PathLike, optional): Folder that contains all
            images of the files. Defaults to ``folder``.

    Returns:
        list[str]: Names by id, background first.

    Raises:
        InputError: As for :func:`read_labelme` and :func:`write_masks`, or
            if ``image_dir`` lacks an image. The size of a mask is checked if
            its image exists.
    """
    source, images = Path(folder), Path(out_dir, 'images')
    known = images.exists()
    with (folder_lock(out_dir),
          file_or_folder(source, Path(out_dir, 'export')) as source):
        try:
            annotations = read_labelme(source, classes, image_dir, images)
            if image_dir is not None:
                lookup = ImageNames(image_dir, search=True)
                raise_first([
                    lookup.missing(task.file_name, task.source.file)
                    for task in annotations.tasks if task.image is None])
            names = write_masks(out_dir, annotations)
            _complete(annotations.tasks, images)
        except InputError:
            if not known and images.exists():
                remove(images)
            raise
    return names


def is_labelme(text: bytes) -> bool:
    """Check whether JSON in UTF-8 has the keys of labelme's files."""
    return b'"shapes"' in text and (
        b'"imagePath"' in text or b'"imageData"' in text)


def read_labelme(path: StrPath, classes: Sequence[str] | None = None,
                 image_dir: StrPath | None = None,
                 embedded_dir: StrPath | None = None) -> Annotations:
    """Read the shapes of labelme's files, see :func:`convert_labelme`.

    Hidden files, and JSON files that labelme did not write, are skipped; a
    warning counts the latter. Another one counts shapes without an extent,
    see :func:`is_degenerate`, which are left out.

    Args:
        path (str | os.PathLike): Folder of the JSON files, or one JSON file.
        classes (Sequence[str], optional): Labels to select. Defaults to all.
        image_dir (str | os.PathLike, optional): Folder of the images, in
            which they are found by the path in the file, or by their name.
            Defaults to the folder of each file.
        embedded_dir (str | os.PathLike, optional): Folder to which images
            are written that are missing and that the files hold as
            ``imageData``. Defaults to nowhere.

    Returns:
        Annotations: Annotations to rasterize. A task has an image only if
        the image exists.

    Raises:
        InputError: If a file was not written by labelme, two files annotate
            one image, ``image_dir`` lacks an annotated image, the size of an
            image is unknown, or as for :func:`number_classes`,
            :func:`read_embedded` and :meth:`ImageNames.find`; and, when it
            is rasterized, if a shape is malformed.
    """
    path = Path(path)
    alone = path.is_file()
    files = [path] if alone else [
        path / name for name in visible_files(path, '.json')
    ] if path.is_dir() else []
    if not files:
        raise InputError(
            f'{path} has no .json files; expected the folder of the files '
            'that labelme saves')
    made_from = fingerprint('labelme', files, image_dir, classes)
    images = LabelmeImages(
        path.parent if alone else path, image_dir, embedded_dir)
    known = files if alone else [
        file for file in files if is_labelme(read_utf8(file))]
    with pause_garbage_collection():
        found = [
            read_labelme_file(file, images) for file in known or files[:1]]
    _check_unique(found)
    labels = sorted({label for one in found for _, label, _ in one.shapes})
    if not labels and not classes:
        raise InputError(
            f'{path}: expected shapes with labels, got none; draw some in '
            'labelme')
    names, ids = number_classes(classes or labels, classes, path)
    found = _selected(found, ids)
    if image_dir is not None:
        raise_first([images.missing(one) for one in found
                     if one.image is None and one.shapes])
    if len(known) < len(files):
        first = next(file for file in files if file not in known)
        warn(f"skipped {counted(len(files) - len(known), 'file')} of {path} "
             f'that labelme did not write, such as {first}')
    listed = ClassList(names, {})
    tasks = [
        MaskTask(one.stem, one, one.image, frozenset(
            ids[label] for _, label, _ in one.shapes), one.name, one.size,
            len(one.shapes))
        for one in found]
    return Annotations(
        made_from, listed, tasks,
        partial(_rasterize, ids=ids, dtype=listed.dtype))


def _check_unique(found: Sequence[LabelmeFile]) -> None:
    """Check that each image has one file."""
    files: dict[str, Path] = {}
    for one in found:
        if one.image is not None:
            image = os.path.realpath(one.image)
            other = files.setdefault(image, one.file)
            if other != one.file:
                raise InputError(
                    f'{other} and {one.file} annotate one image, '
                    f'{one.image}; remove one of them, or correct its '
                    'imagePath')


def _selected(found: Sequence[LabelmeFile], ids: Mapping[str, int]
              ) -> list[LabelmeFile]:
    """Leave out other classes, and shapes without an extent."""
    selected, left_out = [], []
    for one in found:
        shapes = []
        for number, label, shape in one.shapes:
            if label in ids and is_degenerate(shape):
                left_out.append(f'{one.file}, shape {number} ({label})')
            elif label in ids:
                shapes.append((number, label, shape))
        selected.append(one._replace(shapes=shapes))
    if left_out:
        warn(f"left out {counted(len(left_out), 'shape')} without an "
             'extent, such as a polygon of two points; the first is '
             f'{left_out[0]}; draw it again if it is an object')
    return selected


def _rasterize(one: LabelmeFile, ids: Mapping[str, int], dtype: np.dtype
               ) -> np.ndarray:
    """Return the labels of an image, (H, W)."""
    height, width = one.size
    # Pillow draws on 'I', which has 32 bits, but not on 16 bits.
    canvas = Image.new('L' if dtype == np.uint8 else 'I', (width, height))
    for number, label, shape in one.shapes:
        with error_context(f'{one.file}, shape {number} ({label})'):
            draw_shape(canvas, shape, ids[label])
    return np.asarray(canvas).astype(dtype, copy=False)


def _complete(tasks: Sequence[MaskTask], folder: Path) -> None:
    """Copy all images to the folder of the embedded ones, if there are any."""
    embedded = [task.source.embedded for task in tasks]
    if not any(embedded):
        return
    others = [(task.stem, task.image) for task in tasks
              if task.image is not None and not task.source.embedded]
    for stem, image in others:
        write_once(folder / f'{stem}{image.suffix}', image.read_bytes())
    copied = f', and copied {counted(len(others), "other")} there' * bool(
        others)
    warn(f"wrote {counted(sum(embedded), 'embedded image')} (imageData) to "
         f'{folder}{copied}; take this folder as that of the images')
