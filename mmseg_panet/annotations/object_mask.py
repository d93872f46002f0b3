"""Masks of one object, and the choice of its pixels."""
from contextlib import AbstractContextManager, nullcontext

import numpy as np
from PIL import Image, ImageOps

from ..errors import InputError, error_context
from ..files import StrPath
from .image_files import open_image
from .label_type import IGNORED, WIDE_IGNORED

_PAINT = 'paint the object white on black'
_REMEDY = f'{_PAINT}, or give (image, mask, value) in Python'
_MANY = 32
"""Colours or values beyond which a picture is a photograph and no mask."""
_PHOTOGRAPH = (
    'this looks like a photograph and not like a mask: check that image and '
    'mask are not swapped (in a folder, the PNG is the mask), and')


def colour_codes(rgb: np.ndarray) -> np.ndarray:
    """Encode every colour as one number, red << 16 | green << 8 | blue.

    Args:
        rgb (np.ndarray): RGB image, (H, W, 3) uint8.

    Returns:
        np.ndarray: Codes of the colours, (H, W) int.
    """
    return rgb @ np.array([1 << 16, 1 << 8, 1])


def read_values(path: StrPath | Image.Image) -> tuple[np.ndarray, bool]:
    """Read a mask of one object as an array with one channel.

    The values depend on the mask:

    - palette: the indices;
    - grey: the stored values;
    - grey, but stored as RGB: the values of one of the equal channels;
    - one colour on black: True for the colour;
    - one colour on transparency: the alpha channel. An opaque alpha channel
      is ignored;
    - a photograph that was cut out, with many colours on transparency: 255
      where alpha is 128 or more, 0 elsewhere.

    Args:
        path (str | os.PathLike | Image.Image): Path of the file, or a Pillow
            image, whose EXIF orientation is applied.

    Returns:
        tuple[np.ndarray, bool]: Values, (H, W) of bool or integers, and
        whether they are indices of a palette, whose order has no meaning.

    Raises:
        InputError: If the file cannot be read, or has several colours.
    """
    with _picture(path) as picture:
        values, mode = np.asarray(picture), picture.mode
    if isinstance(path, Image.Image):
        path = getattr(path, 'filename', '') or 'the mask'
    indexed = mode in ('P', 'PA')
    if values.ndim == 2:
        return values, indexed
    if mode not in ('LA', 'PA', 'RGB', 'RGBA'):
        raise InputError(
            f'{path}: expected a mask in grey, with a palette or in RGB, got '
            f'a {mode} image; save it as a PNG, and {_PAINT}')
    if mode != 'RGB':
        values, alpha = values[..., :-1], values[..., -1]
        if (alpha < 255).any():
            return _of_alpha(path, values[alpha > 0], alpha), False
    if (values == values[..., :1]).all():
        return values[..., 0], indexed
    codes = colour_codes(values)
    colours = np.setdiff1d(codes, 0)
    if len(colours) > 1:
        got = f'{path}: expected one colour on black, got {len(colours)}'
        if len(colours) > _MANY:
            raise InputError(
                f'{got} colours; {_PHOTOGRAPH} {_PAINT} in a PNG')
        raise InputError(
            f'{got} colours; {_PAINT}, or save the mask with a palette and '
            'give (image, mask, value) in Python')
    return codes != 0, False


def _of_alpha(path: object, visible: np.ndarray,
              alpha: np.ndarray) -> np.ndarray:
    """Turn an alpha channel into a mask.

    Args:
        path (object): Name of the mask, for messages.
        visible (np.ndarray): (N, channels), the N pixels that are not
            completely transparent.
        alpha (np.ndarray): (H, W) uint8.

    Returns:
        np.ndarray: (H, W) uint8, see :func:`read_values`.
    """
    if (visible == visible[:1]).all():
        return alpha
    many = len(np.unique(visible, axis=0)) > _MANY
    if many and alpha.min() == 0 and alpha.max() == 255:
        return np.where(alpha < 128, 0, 255).astype(np.uint8)
    raise InputError(
        f'{path}: expected an opaque mask, one of one colour on '
        'transparency, or a photograph that was cut out, got several '
        f'colours; {_PAINT}')


def _picture(mask: StrPath | Image.Image
             ) -> AbstractContextManager[Image.Image]:
    """Open a mask file, or apply the EXIF orientation of a Pillow image."""
    if not isinstance(mask, Image.Image):
        return open_image(mask)
    with error_context(
            'the mask could not be decoded', 'replace it or leave it out',
            (OSError, SyntaxError, ValueError)):
        return nullcontext(ImageOps.exif_transpose(mask))


def object_labels(mask: str | np.ndarray | Image.Image, value: int | None,
                  where: object) -> np.ndarray:
    """Label the object of a mask.

    In a bool mask, True is the object. In an integer mask, ``value`` is the
    object, 255 is unknown unless it is ``value``, and all other pixels are
    background. Without ``value``, one of these cases must apply:

    1. One value besides 0 and 255 occurs: it is the object, and 255 is
       unknown.
    2. No value besides 0 and 255 occurs: 255 is the object.
    3. In a grey mask, values below and from 128 occur besides 0 and 255, and
       255 is the most frequent value after 0: the border is smooth, and
       values of 128 or more are the object.

    Any other mask is an error. In a mask with values above 255, as that of
    more than 254 classes, 65535 takes the place of 255.

    Args:
        mask (str | np.ndarray | Image.Image): Path or Pillow image, see
            :func:`read_values`, or an array (H, W) of bool or integers.
        value (int, optional): Value of the object. Defaults to None.
        where (object): Name of the mask, for messages.

    Returns:
        np.ndarray: Labels, (H, W) uint8: 0 background, 1 object, 255
        unknown.

    Raises:
        InputError: If the mask is malformed, has no pixel of the object, or
            leaves open which value is the object.
    """
    values, indexed = (mask, False) if isinstance(
        mask, np.ndarray) else read_values(mask)
    if values.ndim != 2 or values.dtype.kind not in 'bui':
        raise InputError(
            f'{where}: expected a mask (H, W) of bool or integers, got '
            f'{values.shape} of {values.dtype}; {_conversion(values)}')
    if values.dtype == bool:
        values, value = values.astype(np.uint8), 1 if value is None else value
    found, times = np.unique(values, return_counts=True)
    # With larger values than 255, it is one like others, see ClassList.
    wide = found.max(initial=0) > IGNORED
    unknown = WIDE_IGNORED if wide else IGNORED
    between = found[(found != 0) & (found != unknown)]
    listed = f'{found[:10].tolist()}' + (
        f' and {len(found) - 10} more' if len(found) > 10 else '')
    if value is None and len(between) > 1:
        often = found[found != 0][times[found != 0].argmax()]
        if not indexed and often == IGNORED == found[-1] and (
                0 < between[0] < 128 <= between[-1]):
            return (values >= 128).astype(np.uint8)
        looks = f'{_PHOTOGRAPH} ' if len(between) > _MANY else ''
        raise InputError(
            f'{where}: expected one value besides 0 and {unknown}, got '
            f'{listed}; {looks}{_REMEDY}')
    if value is None:
        value = int(between[0]) if len(between) else unknown
    if value not in found:
        raise InputError(
            f'{where}: expected the object as {value}, got only {listed}; '
            f'{_REMEDY}')
    labels = (values == value).astype(np.uint8)
    if value != unknown:
        labels[values == unknown] = IGNORED
    return labels


def _conversion(values: np.ndarray) -> str:
    """Say how an array becomes a mask."""
    if values.ndim == 3 and values.shape[2] in (1, 3, 4):
        return 'take one of its channels with mask[..., 0]'
    if values.ndim == 3 and len(values) == 1:
        return 'take its only channel with mask[0]'
    if values.ndim == 2:
        return 'convert it with mask > 0.5 or mask.astype(bool)'
    return 'give an array with a value for each pixel of the image'
