"""A person's annotation of one image: a mask or marks."""
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...annotations.marks import KINDS
from ...annotations.object_mask import MaskValues, object_labels, read_values
from ...errors import InputError
from .support import Size

Rasterizer = Callable[[Size], np.ndarray]


def rasterizer_of(annotation: Any, values: Sequence[Any],
                  where: str) -> Rasterizer:
    """What draws an annotation from the size of its image.

    Args:
        annotation (Any): Of :func:`read_pairs`.
        values (Sequence[Any]): Of the object in a mask, one or none.
        where (str): Names the image and its annotation in errors.

    Returns:
        Rasterizer: Size (H, W) to (H, W) uint8: 0 background, 1 object, 255
        unknown.

    Raises:
        InputError: If it is no annotation or its file is missing.
    """
    if isinstance(annotation, (list, tuple)) or (
            isinstance(annotation, np.ndarray) and annotation.ndim == 2
            and annotation.shape[1] == 4 and annotation.dtype != bool):
        annotation = dict(boxes=annotation)
    if isinstance(annotation, (str, Path, np.ndarray)):
        for value in values:
            if type(value) is bool or not isinstance(
                    value, (int, np.integer)):
                raise InputError(
                    f'{where}: expected an integer as the value of the '
                    f'object in the mask, got {value!r}')
        if not isinstance(annotation, np.ndarray):
            annotation = existing(annotation, where)
        return partial(
            _rasterize_mask, mask=annotation, value=next(iter(values), None),
            where=where)
    if values:
        raise InputError(
            f'{where}: expected a value of the object with a mask only, got '
            f'{values[0]!r}; leave it out')
    if not isinstance(annotation, Mapping):
        raise InputError(
            f'{where}: expected a mask, boxes or a dict of one of '
            f'{list(KINDS)} as the annotation, got a '
            f'{type(annotation).__name__}')
    return _rasterizer_of_marks(annotation, where)


def existing(path: str | Path, where: str) -> str:
    """The path of a file that is there.

    Raises:
        InputError: If it is not.
    """
    if not Path(path).is_file():
        raise InputError(
            f'{where}: there is no file {path}; correct its path, or put it '
            'there')
    return str(path)


def _rasterizer_of_marks(marks: Mapping[str, Any], where: str) -> Rasterizer:
    kinds = [key for key in marks if key in KINDS]
    known = [*kinds, *KINDS[kinds[0]].settings] if kinds else list(KINDS)
    if kinds and isinstance(marks[kinds[0]], (str, Path)):
        if kinds != ['scribbles']:
            raise InputError(
                f'{where}: expected a list of {kinds[0]}, got '
                f'{marks[kinds[0]]}; give a mask as the annotation itself')
        existing(marks['scribbles'], where)
        known = kinds
    if len(kinds) != 1 or not set(marks) <= set(known):
        raise InputError(
            f'{where}: expected one of {list(KINDS)}'
            f'{f", beside it only {known[1:]}" if len(kinds) == 1 else ""}'
            f', got {list(marks)}; leave out the others')
    return partial(_rasterize_marks, marks=marks, kind=kinds[0], where=where)


def _rasterize_mask(size: Size, mask: str | np.ndarray, value: int | None,
               where: str) -> np.ndarray:
    values = MaskValues(mask, False) if isinstance(
        mask, np.ndarray) else read_values(Path(mask))
    return object_labels(values, value, where)


def _rasterize_marks(size: Size, marks: Mapping[str, Any], kind: str,
                where: str) -> np.ndarray:
    try:
        return KINDS[kind].rasterize(size, **marks)
    except InputError:
        raise
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(
            f'{where}: {error}; mend or remove it') from error
