"""The source of supports: pairs by class, a folder or a file."""
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...annotations.class_list import check_class_name
from ...annotations.detection import SUFFIXES, read_any, unpacked
from ...annotations.export_folder import content_folder, name_archive
from ...annotations.formats.class_folders import (
    above_classes,
    list_class_pairs,
    list_pairs,
)
from ...annotations.label_type import MOST_CLASSES
from ...annotations.marks import KINDS, marks_rasterizer
from ...annotations.object_mask import mask_array, object_labels
from ...archive import check_archive
from ...errors import InputError, abbreviate
from ...images.image_files import existing_file
from ...images.suffixes import warn_of_unread
from ..images.image_array import image_array, is_in_memory
from .annotated_files import supports_of
from .support import Size, Support


def read_supports(
    source: Mapping[str, Sequence[tuple]] | str | os.PathLike,
    image_dir: str | os.PathLike | None = None,
    channel_order: str = 'bgr',
) -> dict[str, list[Support]]:
    """Read a user's supports, without decoding their images.

    Args:
        source (Mapping | str | os.PathLike): One of the following:

            - pairs of image and annotation by class, see
              :func:`read_pairs`; or the folder of a class or a .zip of it,
              with a mask for each image, see :func:`list_class_pairs`;
            - a folder ``<class>/<image>`` with ``<same name>.png`` as the
              mask, see :func:`list_pairs`;
            - a mask folder: ``classes.txt`` with ``images/`` and ``masks/``;
            - a .json of COCO; an object without segmentation fills its bbox;
            - a .json of labelme, or a folder of them;
            - an export of CVAT, 'COCO 1.0', 'Segmentation mask 1.1' or 'CVAT
              for images 1.1', .zip or folder, or the .xml of the last;
            - a .json of Label Studio, 'JSON' or 'JSON-MIN', or a folder of
              them;
            - a project of Supervisely, .zip or folder;
            - a data set of YOLO, see :func:`read_yolo`: data.yaml, a .zip or
              a folder; a box is filled;
            - a folder in the form of PASCAL VOC or a .zip, see
              :func:`read_voc`;
            - an export of Roboflow with masks, see :func:`read_roboflow`.

            From the mask folder on, an image is a support of every class
            that it shows.
        image_dir (str | os.PathLike, optional): Folder of the images, for
            all of these but the masks of Roboflow. Defaults to the images of
            the export, ``images/`` in a mask folder, and for a .json of COCO
            ``images/`` beside it or, without images there, its own folder.
        channel_order (str): Order of the channels of arrays, see
            :func:`image_array`. Defaults to 'bgr'.

    Returns:
        dict[str, list[Support]]: Supports by class.

    Raises:
        InputError: If the source is none of these, a file is missing, or
            an annotation is malformed. Faults that only the pixels show are
            raised by the ``rasterize`` of a support.
    """
    images = None if image_dir is None else Path(image_dir)
    if images and not images.is_dir():
        raise InputError(
            'expected image_dir to be the folder of the images '
            f'(--image-dir), got {image_dir}; correct its path')
    if not isinstance(source, Mapping):
        path = _checked_path(source)
        _warn_of_unread(path, images)
        folder = unpacked(path)
        with name_archive(path, folder):
            annotations = read_any(folder, images)
            if annotations is not None:
                return _of_folder(path, supports_of(annotations, path))
    if images:
        raise InputError(
            'expected no image_dir (--image-dir), as each image comes with '
            f'its mask, got {image_dir}; leave it out')
    if isinstance(source, Mapping):
        return read_pairs({
            name: _pairs_of(pairs) for name, pairs in source.items()
        }, channel_order)
    with name_archive(path, folder):
        if folder != path:  # a .zip, whose only folder may be the one of all
            folder = above_classes(folder)
        return _of_folder(path, read_pairs(list_pairs(folder)))


def read_pairs(
    source: Mapping[str, Sequence[tuple]], channel_order: str = 'bgr',
) -> dict[str, list[Support]]:
    """Read supports that are given as pairs.

    Args:
        source (Mapping[str, Sequence[tuple]]): Class name to its pairs
            (image, annotation). An image is a path, an array (H, W, 3) of
            uint8, a Pillow image or a tensor, see :func:`image_array`. An
            annotation is the path of a mask, or a mask (H, W) as an array, a
            tensor or a Pillow image, see :func:`object_labels`, with the
            value of the object as an optional third element; boxes
            [[x, y, width, height], ...], which may be an array (N, 4) of
            numbers; or a dict of boxes, polygons, scribbles or points, see
            :data:`KINDS`.
        channel_order (str): Order of the channels of arrays, see
            :func:`image_array`. Defaults to 'bgr'.

    Returns:
        dict[str, list[Support]]: Supports by class, in the order given.

    Raises:
        InputError: If there are no classes or more than 65534, a class has an
            invalid name or no pairs, a pair is not as above, or a file is
            missing.
    """
    if not 0 < len(source) <= MOST_CLASSES:
        raise InputError(
            f'expected examples of 1..{MOST_CLASSES} classes, as masks have '
            f'at most 16 bits, got {len(source)}; add or leave out some')
    for name, pairs in source.items():
        check_class_name(name, 'the examples')
        if isinstance(pairs, str) or not isinstance(
                pairs, Sequence) or not pairs:
            raise InputError(
                f'class {name!r}: expected a list of (image, annotation), '
                f'got {abbreviate(pairs)}; give at least one')
        if len(pairs) in (2, 3) and not isinstance(pairs[0], (tuple, list)):
            raise InputError(
                f'class {name!r}: expected (image, annotation) or (image, '
                'mask, value) in a list, got it without one '
                f"({', '.join(map(_title, pairs))}); write "
                '[(image, annotation)]')
    assumed: dict[str, str] = {}
    return {
        name: [_support(name, number, pair, channel_order, assumed)
               for number, pair in enumerate(pairs, start=1)]
        for name, pairs in source.items()}


def _of_folder(path: Path, supports: dict[str, list[Support]]
               ) -> dict[str, list[Support]]:
    """Record the folder of the examples, unless they come from a file."""
    folder = path if path.is_dir() else None
    return {name: [replace(one, folder=folder) for one in those]
            for name, those in supports.items()}


def _pairs_of(given: Any) -> Any:
    """List the pairs of a folder or a .zip that is given for a class."""
    if not isinstance(given, (str, os.PathLike)):
        return given
    path = Path(given)
    if path.is_dir() or path.suffix.lower() == '.zip' and path.is_file():
        return list_class_pairs(content_folder(unpacked(path)))
    return given


def _checked_path(source: Any) -> Path:
    got, is_file = f'a {type(source).__name__}', False
    if isinstance(source, (str, os.PathLike)) and os.fspath(source):
        path = Path(source)
        is_file = path.is_file()
        check_archive(path)
        if path.is_dir() or (
                is_file and path.suffix.lower() in SUFFIXES):
            return path
        got = 'another file' if is_file else 'nothing there'
    if isinstance(source, (list, tuple)):
        raise InputError(
            'expected examples by class, got a '
            f'{type(source).__name__} of {len(source)}; say which class it '
            'is: {class name: [(image, annotation), ...]}')
    raise InputError(
        f'{source or repr(source)}: expected examples as '
        '{class name: [(image, annotation), ...]}, a folder, or a .json, '
        '.xml, .yaml or .zip of an annotation tool, got '
        f'{got}; correct the path{" or the suffix" * is_file}')


def _warn_of_unread(*folders: Path | None) -> None:
    """Warn of photographs of formats that are not read."""
    for folder in filter(None, folders):
        warn_of_unread(folder.rglob('*'), folder)


def _support(class_name: str, number: int, pair: Any, channel_order: str,
             assumed: dict[str, str]) -> Support:
    where = f'example {number} of class {class_name!r}'
    if not isinstance(pair, (tuple, list)) or len(pair) not in (2, 3):
        raise InputError(
            f'{where}: expected (image, annotation) or (image, mask, value), '
            f'got {abbreviate(pair)}; correct it')
    image, annotation, value = (*pair, None)[:3]
    where += f' ({_title(image)} with {_title(annotation)})'
    picture = image if isinstance(image, Image.Image) else None
    if isinstance(image, (str, Path)):
        image = existing_file(image, where)
    elif is_in_memory(image) and getattr(image, 'ndim', 3) != 2:
        try:
            image = image_array(image, channel_order)
        except InputError as error:
            raise InputError(f'{where}: {error}') from error
    else:
        raise InputError(
            f'{where}: expected a path, an array (H, W, 3) of uint8 or a '
            f'Pillow image as the image, got {_title(image)}; '
            f'{_image_remedy(image)}')
    if is_in_memory(annotation) and not isinstance(annotation, Image.Image):
        annotation = mask_array(annotation)
    if isinstance(annotation, (list, tuple)) or (
            isinstance(annotation, np.ndarray) and annotation.ndim == 2
            and annotation.shape[1] == 4 and annotation.dtype != bool):
        annotation = dict(boxes=annotation)
    return Support(
        class_name, (class_name,), image,
        _rasterizer(annotation, value, where, assumed), where,
        picture=picture, assumed=assumed)


def _rasterizer(annotation: Any, value: Any, where: str,
                assumed: dict[str, str]) -> Callable[[Size], np.ndarray]:
    """Return a function from the size of an image to its labels."""
    is_mask = isinstance(annotation, (str, Path)) or is_in_memory(annotation)
    is_integer = isinstance(
        value, (int, np.integer)) and type(value) is not bool
    if value is not None and not (is_mask and is_integer):
        raise InputError(
            f'{where}: expected an integer as the value of the object, and '
            f'that with a mask only, got {value!r}; correct it or leave it '
            'out')
    if is_mask:
        mask = existing_file(annotation, where) if isinstance(
            annotation, (str, Path)) else annotation
        return lambda _: object_labels(mask, value, where, assumed)
    if not isinstance(annotation, Mapping):
        raise InputError(
            f'{where}: expected a mask, boxes or a dict of one of '
            f'{list(KINDS)} as the annotation, got a '
            f'{type(annotation).__name__}; convert it')
    return marks_rasterizer(annotation, where)


def _image_remedy(image: Any) -> str:
    if isinstance(image, np.ndarray) and image.ndim == 2:
        return (
            'check that image and mask are not swapped; a grey image becomes '
            'one with np.stack([image] * 3, axis=-1)')
    return 'convert it'


def _title(one: Any) -> str:
    """Return what a message calls an image or an annotation."""
    if isinstance(one, np.ndarray):
        return f'an array {one.shape} of {one.dtype}'
    if hasattr(one, 'numpy'):
        return f'a tensor {tuple(one.shape)} of {one.dtype}'
    if isinstance(one, Image.Image):
        return getattr(one, 'filename', '') or (
            f'a Pillow image of {one.width}x{one.height}')
    return str(one) if isinstance(one, (str, Path)) else abbreviate(one)
