"""Reader of labelme's annotations, one JSON file of shapes per image."""
import base64
import io
import math
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from ...errors import InputError, abbreviate, error_context
from ...files import StrPath
from ...json_text import read_json
from ..class_list import ClassList, check_name, number_classes
from ..image_files import check_file_name, names_a_file, stem_of
from ..mask_folder import Annotations, MaskTask, fingerprint, write_masks
from ..pixel_limit import check_pixels, open_limited
from ..shapes import check_reach

# Sizes in pixels, as in labelme's shape_to_mask.
_LINE_WIDTH = 10
_POINT_RADIUS = 5
_GREY = ('1', 'L', 'P', 'I', 'I;16')
"""Pillow's modes of a PNG with one channel."""
_NUM_POINTS = dict(
    polygon=range(3, 1 << 31), oriented_rectangle=[4], rectangle=[2],
    circle=[2], line=[2], linestrip=range(2, 1 << 31), point=[1], mask=[2])


def convert_labelme(folder: StrPath, out_dir: StrPath,
                    classes: Sequence[str] | None = None,
                    image_dir: StrPath | None = None) -> list[str]:
    """Rasterize the shapes of labelme's files into a mask folder.

    A shape covers the pixels that labelme's ``shape_to_mask`` assigns to it:
    lines are 10 pixels wide, and points have a radius of 5 pixels. Later
    shapes are in front. ``_background_`` is id 0, ``__ignore__`` is 255, or
    65535 with more than 254 classes.

    Args:
        folder (str | os.PathLike): Folder of the JSON files, which is
            searched recursively.
        out_dir (str | os.PathLike): Folder for the results, see
            :func:`write_masks`.
        classes (Sequence[str], optional): Labels to select, in the order of
            their ids; others are background. Defaults to all, sorted.
        image_dir (str | os.PathLike, optional): Folder that contains all
            images of the files. Defaults to ``folder``.

    Returns:
        list[str]: Names by id, background first.

    Raises:
        InputError: As for :func:`read_labelme` and :func:`write_masks`. The
            size of a mask is checked if its image exists.
    """
    return write_masks(out_dir, read_labelme(folder, classes, image_dir))


def read_labelme(path: StrPath, classes: Sequence[str] | None = None,
                 image_dir: StrPath | None = None) -> Annotations:
    """Read the shapes of labelme's files, see :func:`convert_labelme`.

    Args:
        path (str | os.PathLike): Folder of the JSON files, or one JSON file.
        classes (Sequence[str], optional): Labels to select. Defaults to all.
        image_dir (str | os.PathLike, optional): Folder that contains all
            images of the files. Defaults to the folder of the files.

    Returns:
        Annotations: Annotations to rasterize. A task has an image only if
        the image exists.

    Raises:
        InputError: If a file was not written by labelme, or as for
            :func:`number_classes`; and, when it is rasterized, if a shape is
            malformed.
    """
    path = Path(path)
    alone = path.is_file()
    image_dir = Path(image_dir or (path.parent if alone else path))
    files = [path] if alone else sorted(path.rglob('*.json'))
    if not files:
        raise InputError(
            f'{path} has no .json files; expected the folder of the files '
            'that labelme saves')
    made_from = fingerprint('labelme', files, image_dir, classes)
    sources = [_read(file) for file in files]
    names, ids = number_classes(classes or sorted({
        shape['label'] for _, (*_, shapes) in sources for shape in shapes
    }), classes, path)
    tasks = [
        MaskTask(
            stem_of(os.path.relpath(image, image_dir)), source,
            image if names_a_file(image, source[0]) else None,
            frozenset(ids[shape['label']] for shape in source[-1]
                      if shape['label'] in ids),
            str(image), source[1:3])
        for image, source in sources]
    found = ClassList(names, {})
    return Annotations(
        made_from, found, tasks,
        partial(_rasterize, ids=ids, dtype=found.dtype))


def _read(file: Path) -> tuple[Path, tuple[Path, int, int, list[dict]]]:
    """Read the image's path; and the file, the image's size, the shapes."""
    keys = ('imagePath', 'imageHeight', 'imageWidth', 'shapes')
    path, height, width, shapes = map(read_json(file).get, keys)
    if not (isinstance(path, str) and isinstance(shapes, list)
            and type(height) is int and type(width) is int
            and min(height, width) > 0):
        raise InputError(
            f'{file} is not a file of labelme: expected {", ".join(keys)}; '
            'remove it, or save it in labelme again')
    check_pixels((height, width), file)
    for number, shape in enumerate(shapes, start=1):
        check_name(
            shape.get('label') if isinstance(shape, dict) else None,
            f'{file}, shape {number}')
    check_file_name(path, f'{file}: imagePath')
    # The file may have been written on Windows.
    windows_path = PureWindowsPath(path)
    if windows_path.is_absolute() and not Path(path).is_absolute():
        raise InputError(
            f'{file}: the image {path!r} lies outside the folder of images; '
            'change imagePath to a path relative to this file')
    image = file.parent / windows_path.as_posix()
    return image, (file, height, width, shapes)


def _rasterize(source: tuple[Path, int, int, list],
               ids: Mapping[str, int], dtype: np.dtype) -> np.ndarray:
    """Return the labels of an image, (H, W)."""
    file, height, width, shapes = source
    # Pillow draws on 'I', which has 32 bits, but not on 16 bits.
    canvas = Image.new('L' if dtype == np.uint8 else 'I', (width, height))
    for number, shape in enumerate(shapes, start=1):
        if shape['label'] in ids:
            with error_context(f"{file}, shape {number} ({shape['label']})"):
                _render_shape(canvas, shape, ids[shape['label']])
    return np.asarray(canvas).astype(dtype, copy=False)


def _render_shape(canvas: Image.Image, shape: dict[str, Any],
                  label: int) -> None:
    """Fill a shape and its outline, as labelme does."""
    kind = shape.get('shape_type') or 'polygon'
    if kind not in _NUM_POINTS:
        raise ValueError(
            f'expected a shape_type of {list(_NUM_POINTS)}, got {kind!r}')
    given = shape.get('points')
    points = np.asarray(given, float)
    if points.shape[1:] != (2,) or len(points) not in _NUM_POINTS[kind]:
        raise ValueError(
            f'expected the points of a {kind}, got {abbreviate(given)}')
    check_reach(points, canvas.size)
    draw = ImageDraw.Draw(canvas)
    xy = [(x, y) for x, y in points.tolist()]
    if kind in ('polygon', 'oriented_rectangle'):
        draw.polygon(xy, label, label)
    elif kind == 'rectangle':
        draw.rectangle((*points.min(0), *points.max(0)), label, label)
    elif kind in ('line', 'linestrip'):
        draw.line(xy, label, _LINE_WIDTH)
    elif kind == 'mask':
        _paste_mask(canvas, shape.get('mask'), points.astype(int), label)
    else:
        x, y = xy[0]
        r = math.dist(*xy) if kind == 'circle' else _POINT_RADIUS
        draw.ellipse((x - r, y - r, x + r, y + r), label, label)


def _paste_mask(canvas: Image.Image, encoded: Any, box: np.ndarray,
                label: int) -> None:
    """Paste a PNG into its box, which includes both corner pixels."""
    try:
        file = io.BytesIO(base64.b64decode(encoded))
        with open_limited(file, 'a mask', ('PNG',)) as png:
            size = png.size
            fits = (box >= 0).all() and (box < canvas.size).all() and (
                size == tuple(box[1] - box[0] + 1) and png.mode in _GREY)
            # A small file may state a size beyond the memory.
            inside = np.asarray(png).astype(bool) if fits else None
    except Exception as error:  # noqa: BLE001 any damage
        raise ValueError(
            f'expected the mask as a PNG in base64 ({error})') from error
    if inside is None:
        raise ValueError(
            'expected a mask of the size of its box, inside the image of '
            f'{canvas.size}, got {size} in the box {box.tolist()}')
    canvas.paste(label, tuple(box[0].tolist()), Image.fromarray(inside))
