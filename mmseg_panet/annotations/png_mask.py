"""Masks that JSON files hold as a PNG in base64."""
import base64
import io
from typing import Any

import numpy as np

from ..errors import InputError
from ..images.pixel_limit import open_limited


def decode_base64(text: Any) -> bytes:
    """Decode base64, of which the characters are checked.

    Raises:
        ValueError: If it is no base64; also TypeError.
    """
    if not isinstance(text, str):
        raise ValueError(f'expected base64, got a {type(text).__name__}')
    return base64.b64decode(text, validate=True)


def png_mask(data: bytes, least: int = 1) -> np.ndarray:
    """Decode a PNG that marks the pixels of an object.

    Args:
        data (bytes): The PNG. The object is where alpha, if there is any,
            and otherwise the grey or one of the colours is high enough.
        least (int): The lowest value of the object. Defaults to 1.

    Returns:
        np.ndarray: Mask, (H, W) bool.

    Raises:
        ValueError: If it is no PNG, or has too many pixels, see
            :func:`open_limited`.
    """
    try:
        with open_limited(io.BytesIO(data), 'a mask', ('PNG',)) as png:
            # Supervisely's SDK marks 0 of an opacity stored as grey.
            if png.mode in ('LA', 'PA', 'RGBA') or (
                    png.mode in ('P', 'RGB') and 'transparency' in png.info):
                values = np.asarray(png.convert('RGBA'))[..., 3]
            elif png.mode in ('P', 'RGB'):
                values = np.asarray(png.convert('RGB')).max(-1)
            else:
                values = np.asarray(png)
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 any damage
        raise ValueError(
            'expected a mask as a PNG, got damaged or other data') from error
    return values >= least
