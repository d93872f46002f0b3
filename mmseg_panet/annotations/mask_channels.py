"""The channels of masks, as they are stored, and their values."""
from typing import Any, NamedTuple

import cv2
import numpy as np
from PIL import Image

from ..errors import InputError
from ..files import StrPath
from ..images.image_files import open_upright


class Channels(NamedTuple):
    """The channels of a mask, as they are stored."""

    values: np.ndarray
    """(H, W) of indices, bool or integers, or (H, W, 3) uint8 RGB."""
    alpha: np.ndarray | None = None
    """(H, W) uint8, None if all pixels are opaque."""
    palette: np.ndarray | None = None
    """(256, 4) uint8 RGBA of the indices."""


def read_channels(path: StrPath) -> Channels:
    """Read the channels of a mask file.

    Args:
        path (str | os.PathLike): Path of the file.

    Returns:
        Channels: The channels.

    Raises:
        InputError: If the file cannot be read, or has another mode.
    """
    with open_upright(path) as picture:
        mode, palette = picture.mode, None
        if mode == 'P':
            palette = palette_of(picture)
        elif 'transparency' in picture.info and mode in ('1', 'L', 'RGB'):
            picture = picture.convert('RGBA' if mode == 'RGB' else 'LA')
        values = np.asarray(picture)
    if values.ndim == 2 and values.dtype.kind in 'bui':
        return Channels(values, None, palette)
    if mode not in ('1', 'L', 'LA', 'RGB', 'RGBA'):
        raise InputError(
            f'{path} is a {mode} image; expected ids in one channel, or RGB')
    if values.shape[2] == 3:
        return Channels(values)
    alpha = values[..., -1]
    values = values[..., :-1] if values.shape[2] == 4 else values[..., 0]
    return Channels(values, None if alpha.min() == 255 else alpha)


def grey_of(channels: Channels) -> np.ndarray | None:
    """Return the values of a grey mask, also if it is stored in RGB.

    Args:
        channels (Channels): The channels of a mask.

    Returns:
        np.ndarray | None: (H, W) of bool or integers, 0 where alpha is below
        128; None if it has a palette or colours.
    """
    values, alpha, palette = channels
    if palette is not None:
        return None
    if alpha is not None:
        visible = alpha >= 128
        values = values * (visible if values.ndim == 2 else visible[..., None])
    return values if values.ndim == 2 else equal_channels(values)


def equal_channels(values: np.ndarray) -> np.ndarray | None:
    """Return one of several equal channels, None if they differ."""
    first = values[..., 0]
    return first if all(
        np.array_equal(first, values[..., channel])
        for channel in range(1, values.shape[2])) else None


def palette_of(picture: Image.Image) -> np.ndarray:
    """Return the colours of a palette with their alpha, (256, 4) uint8."""
    colours = np.zeros((256, 4), np.uint8)
    colours[:, 3] = 255
    listed = np.array(picture.getpalette('RGB') or [], np.uint8)
    listed = listed[:len(listed) // 3 * 3].reshape(-1, 3)[:256]
    colours[:len(listed), :3] = listed
    transparent = picture.info.get('transparency')
    if isinstance(transparent, bytes):
        alpha = np.frombuffer(transparent, np.uint8)[:256]
        colours[:len(alpha), 3] = alpha
    elif isinstance(transparent, int) and 0 <= transparent < 256:
        colours[transparent, 3] = 0
    return colours


def greys_or_indices(indices: np.ndarray, palette: np.ndarray,
                     number: int) -> np.ndarray:
    """Return the greys of a palette instead of its indices if they are ids.

    ImageMagick and others store grey ids with a palette in any order.

    Args:
        indices (np.ndarray): (H, W) uint8.
        palette (np.ndarray): (256, 4) uint8 RGBA.
        number (int): Number of ids, from 0; 255 is ignored.

    Returns:
        np.ndarray: (H, W) uint8.
    """
    used = palette[values_of(indices)]
    greys = used[:, 0]
    is_grey = (used[:, :3] == greys[:, None]).all() and (
        used[:, 3] == 255).all()
    is_id = (greys > 0) & (greys < min(number, 255))
    are_ids = is_grey and is_id.any() and (
        is_id | (greys == 0) | (greys == 255)).all()
    return palette[indices, 0] if are_ids else indices


def colour_codes(rgb: np.ndarray) -> np.ndarray:
    """Encode every colour as one number, red << 16 | green << 8 | blue.

    Args:
        rgb (np.ndarray): RGB image, (H, W, 3) uint8.

    Returns:
        np.ndarray: Codes of the colours, (H, W) int.
    """
    return rgb @ np.array([1 << 16, 1 << 8, 1])


def values_of(values: np.ndarray) -> np.ndarray:
    """Return the values that occur, ascending, as ``np.unique`` does."""
    if values.dtype == np.uint8 and values.ndim == 2 and values.size:
        # Many times as fast.
        return np.flatnonzero(cv2.calcHist(
            [np.ascontiguousarray(values)], [0], None, [256], [0, 256]))
    if values.dtype == np.uint16:
        return np.flatnonzero(np.bincount(values.ravel()))
    return np.unique(values)


def as_array(values: Any) -> np.ndarray:
    """Return an array, or the array of a tensor."""
    if isinstance(values, np.ndarray):
        return values
    values = values.detach().cpu() if hasattr(values, 'detach') else values
    try:
        return np.asarray(values.numpy())
    except TypeError:  # numpy has no bfloat16
        return np.asarray(values.float().numpy())
