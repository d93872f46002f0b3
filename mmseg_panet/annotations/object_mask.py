"""Masks of one object, and the choice of its pixels."""
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from ..errors import InputError
from ..wording import counted
from .grey_mask import Meaning, is_smooth, meaning_of_pair
from .label_type import IGNORED, WIDE_IGNORED
from .mask_channels import as_array, values_of
from .mask_values import MANY, PAINT, PHOTOGRAPH, read_values

_REMEDY = (
    f'{PAINT}, or give (image, mask, value), or the mask as an array of bool, '
    'in Python')


def object_labels(mask: Any, value: int | None, where: object,
                  assumed: dict[str, str] | None = None) -> np.ndarray:
    """Label the object of a mask.

    In a bool mask, True is the object. In an integer mask, ``value`` is the
    object, 255 is unknown unless it is ``value``, and all other pixels are
    background. Without ``value``, one of these cases must apply:

    1. Only one value besides 0 occurs: it is the object.
    2. One value besides 0 and 255 occurs, which is too dark for the edge of
       an object of 255; or 255 is its outline, or is narrower, and smaller
       or the outlines of other objects: the value is the object, and 255 is
       unknown, as in PASCAL VOC, see :func:`meaning_of_pair`. The indices
       of a palette have no order, and always mean this.
    3. The other values are the edge of the object, noise or stray pixels,
       see :func:`meaning_of_pair` and :func:`is_smooth`: values of at least
       half of the largest are the object, and all others background.

    Any other mask is an error. In a mask with values above 255, as that of
    more than 254 classes, 65535 takes the place of 255. Numbers of 0..1 are
    multiplied by 255.

    Args:
        mask (Any): Path or Pillow image, see :func:`read_values`; an array
            (H, W) of bool or integers or of numbers of 0..1; or a tensor of
            such, (H, W) or (1, H, W).
        value (int, optional): Value of the object. Defaults to None.
        where (object): Name of the mask, for messages.
        assumed (dict[str, str], optional): Gets the values of the mask by
            its name if case 3 applies, see :func:`assumption_notes`.
            Defaults to None.

    Returns:
        np.ndarray: Labels, (H, W) uint8: 0 background, 1 object, 255
        unknown.

    Raises:
        InputError: If the mask is malformed, has no pixel of the object, or
            leaves open which value is the object.
    """
    indexed = False
    if isinstance(mask, (str, os.PathLike, Image.Image)):
        mask, indexed = read_values(mask, value is not None)
    values = _of_array(mask, where)
    if values.dtype == bool:
        values, value = values.astype(np.uint8), 1 if value is None else value
    found = values_of(values)
    # With larger values than 255, it is one like others, see ClassList.
    wide = found.max(initial=0) > IGNORED
    unknown = WIDE_IGNORED if wide else IGNORED
    if value is None:
        value = _value_of(values, found, unknown, indexed, where)
    if value is None:
        if assumed is not None:
            assumed[str(where)] = _listed(found)
        return (values >= (int(found[-1]) + 1) // 2).astype(np.uint8)
    if value not in found:
        raise InputError(
            f'{where}: expected the object as {value}, got only '
            f'{_listed(found)}; {_REMEDY}')
    labels = (values == value).astype(np.uint8)
    if value != unknown:
        labels[values == unknown] = IGNORED
    return labels


def _value_of(values: np.ndarray, found: np.ndarray, unknown: int,
              indexed: bool, where: object) -> int | None:
    """Return the value of the object; None in case 3."""
    marked = found[found != 0]
    if len(marked) < 2:
        return int(marked[0]) if len(marked) else unknown
    expected = f'one value besides 0 and {unknown}'
    if len(marked) == 2 and marked[0] > 0 and marked[1] == unknown:
        grey = int(marked[0])
        meaning = Meaning.OUTLINED if indexed else meaning_of_pair(
            values, grey, unknown)
        if meaning is not Meaning.OPEN:
            return grey if meaning is Meaning.OUTLINED else None
        expected = (
            f'an object of {grey} with an outline of {unknown}, or one of '
            f'{unknown} with a thin edge of {grey}')
    elif not indexed and is_smooth(values, found):
        return None
    looks = f'{PHOTOGRAPH} ' if len(found) > MANY else ''
    raise InputError(
        f'{where}: expected {expected}, got {_listed(found)}; {looks}'
        f'{_REMEDY}')


def assumption_notes(assumed: Mapping[str, str]) -> list[str]:
    """Say which masks were read by a threshold.

    Args:
        assumed (Mapping[str, str]): Values of masks by their names.

    Returns:
        list[str]: One sentence, or none.
    """
    if not assumed:
        return []
    where, values = next(iter(assumed.items()))
    return [
        f'{where}: besides 0 and the value of the object, the mask has other '
        f'values, {values}, which are taken for edges and strays: values of '
        'at least half of the largest are the object, the others background, '
        f'and none is unknown ({counted(len(assumed), "such mask")}); to '
        'choose otherwise, give (image, mask, value) in Python']


def _listed(found: np.ndarray) -> str:
    more = f' and {len(found) - 10} more' if len(found) > 10 else ''
    return f'{found[:10].tolist()}{more}'


def mask_array(mask: Any) -> np.ndarray:
    """Return an array, or that of a tensor, (1, H, W) as (H, W)."""
    values = as_array(mask)
    return values[0] if (
        values is not mask and values.ndim == 3 and len(values) == 1
    ) else values


def _of_array(mask: Any, where: object) -> np.ndarray:
    """Check an array or a tensor, and return it as bool or integers."""
    values = mask_array(mask)
    if values.ndim == 2 and values.dtype.kind == 'f' and (
            values.max(initial=0) > 0):
        if (values == np.rint(values)).all() and (
                float(np.abs(values).max()) <= WIDE_IGNORED):
            return values.astype(np.int32)
        if (values >= 0).all() and (values <= 1).all():
            return np.rint(values * 255).astype(np.uint8)
    if values.ndim != 2 or values.dtype.kind not in 'bui':
        raise InputError(
            f'{where}: expected a mask (H, W) of bool or integers, got '
            f'{values.shape} of {values.dtype}; {_conversion(values)}')
    return values


def _conversion(values: np.ndarray) -> str:
    """Say how an array becomes a mask."""
    if values.ndim == 3 and values.shape[2] in (1, 3, 4):
        return 'take one of its channels with mask[..., 0]'
    if values.ndim == 3 and len(values) == 1:
        return 'take its only channel with mask[0]'
    if values.ndim == 2:
        return 'convert it with mask > 0.5 or mask.astype(bool)'
    return 'give an array with a value for each pixel of the image'
