"""What supports are read from: pairs by class, a folder or a file."""
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...annotations.class_list import IGNORED, check_class_name
from ...annotations.formats.class_folders import list_pairs
from ...annotations.image_files import existing_file
from ...annotations.marks import KINDS, marks_rasterizer
from ...annotations.object_mask import object_labels
from ...errors import InputError, abbreviate
from .annotated_files import read_annotations, supports_of
from .support import Size, Support


def read_supports(
    source: Mapping[str, Sequence[tuple]] | str | os.PathLike,
    image_dir: str | os.PathLike | None = None,
) -> dict[str, list[Support]]:
    """Read a user's supports, without decoding their images.

    Args:
        source (Mapping | str | os.PathLike): One of

            - pairs of image and annotation by class, see
              :func:`read_pairs`;
            - a folder ``<class>/<image>`` with ``<same name>.png`` as the
              mask, see :func:`list_pairs`;
            - a mask folder: ``classes.txt`` with ``images/`` and ``masks/``;
            - a .json of COCO; an object without segmentation fills its bbox;
            - a .json of labelme, or a folder of them;
            - an export of CVAT, 'COCO 1.0' or 'Segmentation mask 1.1', .zip
              or folder.

            In the last four an image is a support of every class that it
            shows.
        image_dir (str | os.PathLike, optional): Folder of the images, for
            the last four. Defaults to what the export holds, ``images/`` in
            a mask folder, and for a .json of COCO ``images/`` beside it or,
            without images there, its own folder.

    Returns:
        dict[str, list[Support]]: Supports by class.

    Raises:
        InputError: If the source is none of these, a file is missing, or
            an annotation is malformed; what only its pixels show, the
            supports' own ``rasterize`` raises.
    """
    images = None if image_dir is None else Path(image_dir)
    if images and not images.is_dir():
        raise InputError(
            f'expected image_dir to be the folder of the images, got '
            f'{image_dir}; correct its path')
    if not isinstance(source, Mapping):
        path = _checked_path(source)
        annotations = read_annotations(path, images)
        if annotations is not None:
            return supports_of(annotations, path)
    if images:
        raise InputError(
            'expected no image_dir, as each image comes with its mask, got '
            f'{image_dir}; leave it out')
    return read_pairs(
        source if isinstance(source, Mapping) else list_pairs(path))


def read_pairs(
    source: Mapping[str, Sequence[tuple]],
) -> dict[str, list[Support]]:
    """Read supports that are given as pairs.

    Args:
        source (Mapping[str, Sequence[tuple]]): Class name to its pairs
            (image, annotation). An image is a path, or (H, W, 3) uint8 BGR.
            An annotation is the path of a mask, or a mask (H, W) of bool or
            integers, see :func:`object_labels`, with the value of the object
            as an optional third element; boxes [[x, y, width, height], ...],
            which may be an array (N, 4) of numbers; or a dict of boxes,
            polygons, scribbles or points, see :data:`KINDS`.

    Returns:
        dict[str, list[Support]]: By class, in the order given.

    Raises:
        InputError: If there are none or more than 254 classes, one has no
            name of its own or no pairs, a pair is not as above, or a file
            is missing.
    """
    if not 0 < len(source) < IGNORED:
        raise InputError(
            'expected supports of 1..254 classes, as masks have 8 bits, got '
            f'{len(source)}; add or leave out some')
    for name, pairs in source.items():
        check_class_name(name, 'the supports')
        if isinstance(pairs, str) or not isinstance(
                pairs, Sequence) or not pairs:
            raise InputError(
                f'class {name!r}: expected a list of (image, annotation), '
                f'got {abbreviate(pairs)}; give at least one')
    return {
        name: [_support(name, number, pair)
               for number, pair in enumerate(pairs, start=1)]
        for name, pairs in source.items()}


def _checked_path(source: Any) -> Path:
    got = f'a {type(source).__name__}'
    if isinstance(source, (str, os.PathLike)) and os.fspath(source):
        path = Path(source)
        is_file = path.is_file()
        if path.is_dir() or (
                is_file and path.suffix.lower() in ('.json', '.zip')):
            return path
        got = 'another file' if is_file else 'nothing there'
    raise InputError(
        f'{source or repr(source)}: expected supports as '
        '{class name: [(image, annotation), ...]}, a folder, a .json of COCO '
        f'or labelme, or a .zip of CVAT, got {got}; correct the path')


def _support(class_name: str, number: int, pair: Any) -> Support:
    where = f'support {number} of class {class_name!r}'
    if not isinstance(pair, (tuple, list)) or len(pair) not in (2, 3):
        raise InputError(
            f'{where}: expected (image, annotation) or (image, mask, value), '
            f'got {abbreviate(pair)}')
    image, annotation, value = (*pair, None)[:3]
    where += f' ({_title(image)} with {_title(annotation)})'
    if isinstance(image, (str, Path)):
        image = existing_file(image, where)
    elif not (isinstance(image, np.ndarray) and image.dtype == np.uint8
              and image.ndim == 3 and image.shape[2] == 3 and image.size):
        raise InputError(
            f'{where}: expected a path or an array (H, W, 3) of uint8, blue '
            f'first, as the image, got {_title(image)}')
    if isinstance(annotation, (list, tuple)) or (
            isinstance(annotation, np.ndarray) and annotation.ndim == 2
            and annotation.shape[1] == 4 and annotation.dtype != bool):
        annotation = dict(boxes=annotation)
    return Support(
        class_name, (class_name,), image,
        _rasterizer(annotation, value, where), where)


def _rasterizer(annotation: Any, value: Any,
                where: str) -> Callable[[Size], np.ndarray]:
    """Find what rasterizes an annotation, from the size of its image."""
    is_mask = isinstance(annotation, (str, Path, np.ndarray))
    is_integer = isinstance(
        value, (int, np.integer)) and type(value) is not bool
    if value is not None and not (is_mask and is_integer):
        raise InputError(
            f'{where}: expected an integer as the value of the object, and '
            f'that with a mask only, got {value!r}; correct it or leave it '
            'out')
    if is_mask:
        mask = annotation if isinstance(
            annotation, np.ndarray) else existing_file(annotation, where)
        return lambda _: object_labels(mask, value, where)
    if not isinstance(annotation, Mapping):
        raise InputError(
            f'{where}: expected a mask, boxes or a dict of one of '
            f'{list(KINDS)} as the annotation, got a '
            f'{type(annotation).__name__}')
    return marks_rasterizer(annotation, where)


def _title(one: Any) -> str:
    """Say how a sentence calls an image or an annotation."""
    if isinstance(one, np.ndarray):
        return f'an array {one.shape} of {one.dtype}'
    return str(one) if isinstance(one, (str, Path)) else abbreviate(one)
