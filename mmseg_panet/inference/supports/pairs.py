"""Pairs of an image and its annotation, by class."""
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...annotations.class_list import IGNORED, SPECIAL_IDS, check_name
from ...annotations.image_files import existing
from ...annotations.marks import KINDS, marks_rasterizer
from ...annotations.object_mask import object_labels
from ...errors import InputError, shown
from .support import Size, Support, make_support

NOT_CLASSES = ('none', 'undecided')
"""How results call pixels that are of no class."""


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
                f'got {shown(pairs)}; give at least one')
    return {
        name: [_support(name, number, pair)
               for number, pair in enumerate(pairs, start=1)]
        for name, pairs in source.items()}


def check_class_name(name: Any, where: object) -> None:
    """Refuse a name that no class of a user can have.

    Args:
        name (Any): Name of a class.
        where (object): Begins the sentence.

    Raises:
        InputError: As :func:`check_name`, or if it is the background's or
            one of :data:`NOT_CLASSES`.
    """
    check_name(name, where)
    if name in SPECIAL_IDS:
        raise InputError(
            f'{where}: expected names of classes, got {name!r}; leave it '
            'out, as what is not marked is background')
    if name in NOT_CLASSES:
        raise InputError(
            f'{where}: expected names of classes, got {name!r}, which stands '
            'for pixels of no class in the results; choose another name')


def _support(class_name: str, number: int, pair: Any) -> Support:
    where = f'support {number} of class {class_name!r}'
    if not isinstance(pair, (tuple, list)) or len(pair) not in (2, 3):
        raise InputError(
            f'{where}: expected (image, annotation) or (image, mask, value), '
            f'got {shown(pair)}')
    image, annotation, *values = pair
    where += f' ({_title(image)} with {_title(annotation)})'
    if isinstance(image, (str, Path)):
        image = existing(image, where)
    elif not (isinstance(image, np.ndarray) and image.dtype == np.uint8
              and image.ndim == 3 and image.shape[2] == 3):
        raise InputError(
            f'{where}: expected a path or an array (H, W, 3) of uint8, blue '
            f'first, as the image, got {_title(image)}')
    if isinstance(annotation, (list, tuple)) or (
            isinstance(annotation, np.ndarray) and annotation.ndim == 2
            and annotation.shape[1] == 4 and annotation.dtype != bool):
        annotation = dict(boxes=annotation)
    return make_support(
        class_name, (class_name,), image,
        _rasterizer(annotation, values, where), where)


def _rasterizer(annotation: Any, values: Sequence[Any],
                where: str) -> Callable[[Size], np.ndarray]:
    """Find what rasterizes an annotation, from the size of its image."""
    if isinstance(annotation, (str, Path, np.ndarray)):
        for value in values:
            if type(value) is bool or not isinstance(
                    value, (int, np.integer)):
                raise InputError(
                    f'{where}: expected an integer as the value of the '
                    f'object in the mask, got {value!r}')
        mask = annotation if isinstance(
            annotation, np.ndarray) else existing(annotation, where)
        return lambda _: object_labels(mask, next(iter(values), None), where)
    if values:
        raise InputError(
            f'{where}: expected a value of the object with a mask only, got '
            f'{values[0]!r}; leave it out')
    if not isinstance(annotation, Mapping):
        raise InputError(
            f'{where}: expected a mask, boxes or a dict of one of '
            f'{list(KINDS)} as the annotation, got a '
            f'{type(annotation).__name__}')
    return marks_rasterizer(annotation, where)


def _title(one: Any) -> str:
    """Say how a sentence calls an image or an annotation."""
    if isinstance(one, (str, Path)):
        return str(one)
    if isinstance(one, np.ndarray):
        return f'an array {one.shape} of {one.dtype}'
    if isinstance(one, Mapping):
        return ' and '.join(map(str, one))
    return 'boxes' if isinstance(one, (list, tuple)) else shown(one)
