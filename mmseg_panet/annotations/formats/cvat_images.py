"""Reader of CVAT's export 'CVAT for images 1.1', an XML file."""
import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ...errors import InputError, abbreviate
from ...files import StrPath
from ...garbage_collection import pause_garbage_collection
from ...images.image_names import ImageNames
from ...images.pixel_limit import check_pixels
from ...images.suffixes import is_image
from ..left_out import LeftOut
from ..mask_folder import Annotations, fingerprint
from ..objects import (
    Encode,
    MarkedImage,
    MarkedObject,
    Size,
    ellipse,
    mark,
    no_box,
    rotated_box,
)
from ..rasterize import bitmap_runs, object_runs
from .cvat_xml import Attributes, CvatXml, XmlImage

_NO_AREA = {
    'polyline': 'polyline', 'points': 'keypoint', 'skeleton': 'skeleton',
    'cuboid': 'cuboid'}
"""Elements that mark no area, with their nouns."""
_FRAME_SUFFIXES = ('.png', '.jpg')
"""Suffixes of the frames of a video, whose names have none."""

@pause_garbage_collection()
def read_cvat_images(
        file: Path, image_dir: StrPath | None = None,
        classes: Sequence[str] | None = None,
        boxes: bool = False) -> Annotations:
    """Read a file of 'CVAT for images 1.1', see :func:`convert_cvat`.

    Args:
        file (Path): The XML file.
        image_dir (str | os.PathLike, optional): Folder of the images.
            Defaults to ``images`` beside the file, or its own folder.
        classes (Sequence[str], optional): Labels to select. Defaults to all.
        boxes (bool): Whether boxes are filled. If False, a selected box is
            an error. Defaults to False.

    Returns:
        Annotations: Annotations to rasterize.

    Raises:
        InputError: If the file is no such XML, an image is missing in
            ``image_dir`` or has no valid size, or as for
            :func:`number_classes`; and, when it is rasterized, if an object
            is malformed.
    """
    made_from = fingerprint(
        f'cvat-images boxes={boxes}', [file], image_dir, classes)
    found = CvatXml(file)
    names = ImageNames.of_file(file, image_dir)
    left_out = LeftOut(file, 'only polygons, boxes, ellipses and masks with a '
                       'label and an area are read')
    subsets = {image.attributes.get('subset') for image in found.images}
    images = []
    for image in found.images:
        name = image.attributes.get('name', '')
        where = f'{file}, image {name!r}'
        size = _size(image.attributes, where)
        objects = _objects(image, where, boxes, left_out)
        # The images of a project are in a folder for each subset.
        subset = image.attributes.get('subset')
        full = f'{subset}/{name}' if subset else name
        path = _find(names, full, where)
        if path is None and image_dir and objects:
            raise InputError(names.missing(name, file))
        stem = names.stem(full if len(subsets) > 1 else name, path)
        images.append(MarkedImage(stem, objects, path, size, name))
    left_out.warn()
    used = {one.name for image in images for one in image.objects}
    known = dict.fromkeys([*found.labels, *sorted(used)])
    return mark(images, [*known], made_from, file, classes)


def _find(names: ImageNames, name: str, where: str) -> Path | None:
    """Find an image, or a frame of a video."""
    found = names.find(name, where)
    if found is None and not is_image(name):
        for suffix in _FRAME_SUFFIXES:
            found = found or names.find(name + suffix, where)
    return found


def _size(attributes: Attributes, where: str) -> Size:
    """Return the H and W of an image."""
    height, width = map(attributes.get, ('height', 'width'))
    if not all(text and text.isdecimal() and 0 < len(text) < 20 and int(text)
               for text in (height, width)):
        raise InputError(
            f'{where}: expected its width and height in pixels, got '
            f'{abbreviate(width)} and {abbreviate(height)}; export it again')
    size = int(height or 0), int(width or 0)
    check_pixels(size, where)
    return size


def _objects(image: XmlImage, where: str, boxes: bool,
             left_out: LeftOut) -> list[MarkedObject]:
    """Return the objects of an image, those in front last."""
    found: list[tuple[int, MarkedObject]] = []
    for number, (kind, attributes) in enumerate(image.shapes, start=1):
        if kind == 'tag':  # of the image
            continue
        label = attributes.get('label', '')
        place = f'{where}, object {number} ({kind} {label!r})'
        encode = _encoder(kind, attributes, place, boxes)
        if isinstance(encode, str) or not label:
            left_out.add(encode if isinstance(encode, str)
                         else 'unlabelled object', place)
            continue
        try:
            order = int(attributes.get('z_order', 0))
        except ValueError as error:
            raise InputError(
                f'{place}: expected a number as z_order ({error}); correct '
                'it') from error
        found.append((order, MarkedObject(label, encode, place)))
    found.sort(key=lambda one: one[0])
    return [one for _, one in found]


def _encoder(kind: str, attributes: Attributes, where: str,
             boxes: bool) -> Encode | str:
    """Return the encoder of an element, or the noun of one without area."""
    points = attributes.get('points', '')
    if kind == 'polygon':
        few = points.count(';') < 2
        return 'degenerate polygon' if few else partial(
            _polygon, points)
    if kind == 'mask':
        return partial(_mask, attributes, where)
    if kind == 'box':
        left, top, right, bottom = _numbers(
            attributes, where, 'xtl', 'ytl', 'xbr', 'ybr')
        if not (left < right and top < bottom):
            return 'empty rectangle'
        turn, = _numbers({'rotation': '0', **attributes}, where, 'rotation')
        return no_box(where) if not boxes else rotated_box(
            (left, top, right - left, bottom - top), turn,
            ((left + right) / 2, (top + bottom) / 2))
    if kind == 'ellipse':
        x, y, across, down = _numbers(
            attributes, where, 'cx', 'cy', 'rx', 'ry')
        turn, = _numbers({'rotation': '0', **attributes}, where, 'rotation')
        if not min(across, down) > 0:
            return 'empty ellipse'
        return ellipse((x, y), (across, down), turn)
    return _NO_AREA.get(kind, 'unknown element')


def _numbers(attributes: Attributes, where: str,
             *names: str) -> list[float]:
    """Return the finite numbers of some attributes."""
    try:
        numbers = [float(attributes[name]) for name in names]
    except (KeyError, ValueError):
        numbers = [math.nan]
    if not all(map(math.isfinite, numbers)):
        raise InputError(
            f"{where}: expected numbers as {', '.join(names)}, got "
            f'{[attributes.get(name) for name in names]}; correct or remove '
            'it')
    return numbers


def _polygon(points: str, size: Size) -> dict:
    """Encode the polygon 'x,y;x,y;...'."""
    if points.count(',') != points.count(';') + 1:
        raise ValueError(
            f'expected the points x,y;x,y;..., got {abbreviate(points)}')
    numbers = points.replace(';', ',').split(',')
    return object_runs([[*map(float, numbers)]], size)


def _mask(attributes: Attributes, where: str, size: Size) -> dict:
    """Encode run-lengths in a box.

    They alternate between background and object, begin with the background,
    and go row by row (CVAT's issue 6487).
    """
    try:
        left, top, width, height = (
            int(attributes[name])
            for name in ('left', 'top', 'width', 'height'))
        counts = [int(count) for count in attributes['rle'].split(',')]
    except KeyError as error:
        raise ValueError(f'expected the attribute {error}') from error
    if min(width, height) < 1 or min(counts) < 0 or (
            sum(counts) != width * height):
        raise ValueError(
            'expected run-lengths that add up to the width and height of '
            f'their box, {width}x{height}, got {sum(counts)} pixels')
    check_pixels((height, width), where)
    values = np.arange(len(counts)) % 2 == 1
    mask = np.repeat(values, counts).reshape(height, width)
    return bitmap_runs(mask, left, top, size)
