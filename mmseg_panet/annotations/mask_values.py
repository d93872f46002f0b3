"""The values of a mask of one object, of any mode of an image."""
from contextlib import AbstractContextManager, nullcontext

import numpy as np
from PIL import Image

from ..errors import InputError, error_context
from ..files import StrPath
from ..images.image_files import open_upright
from ..images.orientation import upright
from .label_type import IGNORED
from .mask_channels import (
    colour_codes,
    equal_channels,
    palette_of,
    values_of,
)

PAINT = 'paint the object white on black'
MANY = 32
"""Colours or values beyond which a picture is a photograph and no mask."""
PHOTOGRAPH = (
    'this looks like a photograph and not like a mask: check that image and '
    'mask are not swapped (in a folder, the PNG is the mask), and')
_ROUNDING = 8
"""Difference of values that are the same colour after a resize."""
_NOISE = 32
"""Difference to shades of one colour that JPEG makes."""


def read_values(path: StrPath | Image.Image,
                stored: bool = False) -> tuple[np.ndarray, bool]:
    """Read a mask of one object as an array with one channel.

    The values depend on the mask:

    - palette: the indices. If the colours that occur are black and other
      greys, they are the values instead, unless the index 255 occurs, which
      is unknown. Of a colour and a black of a higher index, True for the
      colour;
    - grey: the stored values;
    - grey, but stored as RGB: the values of one of the equal channels;
    - one colour on black: True for the colour. If its edge is smooth, 255
      times the share of the colour;
    - one colour on transparency: the alpha channel. An opaque alpha channel
      is ignored, and several colours are put on black;
    - a photograph that was cut out, with many colours on transparency: 255
      where alpha is 128 or more, 0 elsewhere.

    Args:
        path (str | os.PathLike | Image.Image): Path of the file, or a Pillow
            image, whose EXIF orientation is applied.
        stored (bool): Whether the values of a palette are its indices in any
            case. Defaults to False.

    Returns:
        tuple[np.ndarray, bool]: Values, (H, W) of bool or integers, and
        whether they are indices of a palette, whose order has no meaning.

    Raises:
        InputError: If the file cannot be read, or has several colours.
    """
    with _picture(path) as picture:
        mode = picture.mode
        values = np.asarray(picture)
        colours = palette_of(picture) if mode in ('P', 'PA') else None
        if mode in ('1', 'L', 'RGB') and not stored and (
                'transparency' in picture.info):
            values = np.asarray(picture.convert('RGBA'))
            mode = 'RGBA'
    if isinstance(path, Image.Image):
        path = getattr(path, 'filename', '') or 'the mask'
    if colours is not None:
        if values.ndim == 3:
            values, alpha = values[..., 0], values[..., 1]
        else:
            alpha = colours[..., 3][values]
        return (values, True) if stored else _of_palette(
            path, values, alpha, colours)
    if values.ndim == 2:
        return values, False
    if mode not in ('LA', 'RGB', 'RGBA'):
        raise InputError(
            f'{path}: expected a mask in grey, with a palette or in RGB, got '
            f'a {mode} image; save it as a PNG, and {PAINT}')
    if mode != 'RGB':
        values, alpha = values[..., :-1], values[..., -1]
        if (alpha < 255).any():
            return _of_alpha(path, values, alpha), False
    return _of_colours(path, values), False


def _of_palette(path: object, indices: np.ndarray, alpha: np.ndarray,
                palette: np.ndarray) -> tuple[np.ndarray, bool]:
    """Choose between the indices, the colours and the alpha of a palette."""
    used = values_of(indices)
    colours = palette[used, :3]
    if not alpha.all():
        visible = values_of(indices[alpha > 0])
        if len(visible) == 1:
            return alpha, False
        if len(visible) > MANY:
            return _of_alpha(path, palette[indices, :3], alpha), False
    greys = colours[:, 0]
    is_grey = (alpha == 255).all() and (colours == greys[:, None]).all()
    if is_grey and np.array_equal(greys, used):
        return indices, False
    if is_grey and IGNORED not in used and 0 in greys and (
            len(np.unique(greys)) == len(used) > 1):
        return palette[indices, 0], False
    if len(used) == 2 and colours[0].any() and not colours[1].any():
        return indices == used[0], False
    return indices, True


def _of_alpha(path: object, colours: np.ndarray,
              alpha: np.ndarray) -> np.ndarray:
    """Turn an alpha channel into a mask.

    Args:
        path (object): Name of the mask, for messages.
        colours (np.ndarray): (H, W, channels) uint8.
        alpha (np.ndarray): (H, W) uint8.

    Returns:
        np.ndarray: (H, W) of bool or uint8, see :func:`read_values`.
    """
    seen = alpha > 0
    share = alpha[seen, None] / np.float32(255)
    visible = colours[seen]
    if not len(visible):
        return alpha
    # Rounding changes the colour of pixels that are nearly transparent.
    first = visible[share.argmax()].astype(np.float32)
    if (np.abs(visible - first) * share <= _ROUNDING).all():
        return alpha
    many = len(np.unique(visible, axis=0)) > MANY
    if many and alpha.min() == 0 and alpha.max() == 255:
        return np.where(alpha < 128, 0, 255).astype(np.uint8)
    on_black = np.zeros_like(colours)
    on_black[seen] = np.rint(visible * share)
    shades = _shades(on_black)
    if shades is None:
        raise InputError(
            f'{path}: expected an opaque mask, one of one colour on '
            'transparency, or a photograph that was cut out, got several '
            f'colours; {PAINT}')
    return shades


def _of_colours(path: object, values: np.ndarray) -> np.ndarray:
    """Turn an image in one colour on black into a mask."""
    shades = _shades(values)
    if shades is not None:
        return shades
    number = len(np.setdiff1d(colour_codes(values), 0))
    got = f'{path}: expected one colour on black, got {number} colours'
    if number > MANY:
        raise InputError(f'{got}; {PHOTOGRAPH} {PAINT} in a PNG')
    raise InputError(
        f'{got}; {PAINT}, or save the mask with a palette and give (image, '
        'mask, value) in Python')


def _shades(values: np.ndarray) -> np.ndarray | None:
    """Reduce an image in shades of one colour to one channel.

    Args:
        values (np.ndarray): (H, W, 3) or (H, W, 1) uint8.

    Returns:
        np.ndarray | None: (H, W) of bool or uint8, see :func:`read_values`;
        None if there are several colours.
    """
    grey = equal_channels(values)
    if grey is not None:
        return grey
    codes = colour_codes(values)
    colours, times = np.unique(codes, return_counts=True)
    colours, times = colours[colours > 0], times[colours > 0]
    if len(colours) == 1:
        return codes != 0
    colour = np.array([*int(colours[times.argmax()]).to_bytes(3, 'big')])
    share = values @ (colour / (colour @ colour))
    other = np.abs(values - share[..., None] * colour).max(-1) > _NOISE
    if other.sum() > times.max() / 100:
        return None
    return np.rint(share * 255).clip(0, 255).astype(np.uint8)


def _picture(mask: StrPath | Image.Image
             ) -> AbstractContextManager[Image.Image]:
    """Open a mask file, or apply the EXIF orientation of a Pillow image."""
    if not isinstance(mask, Image.Image):
        return open_upright(mask)
    with error_context(
            'the mask could not be decoded', 'replace it or leave it out',
            (OSError, SyntaxError, ValueError)):
        return nullcontext(upright(mask))
