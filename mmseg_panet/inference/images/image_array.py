"""Images in memory: arrays in either order of channels, and Pillow's."""
from typing import Any

import numpy as np
from PIL import Image

from ...annotations.mask_channels import as_array
from ...errors import InputError, check_choice, error_context
from ...images.orientation import upright

CHANNEL_ORDERS = ('bgr', 'rgb')


def is_in_memory(image: object) -> bool:
    """Tell whether an input is an image or a tensor, and not a path."""
    return isinstance(image, (np.ndarray, Image.Image)) or hasattr(
        image, 'numpy')


def check_channel_order(channel_order: Any) -> None:
    """Refuse an order of channels that does not exist.

    Raises:
        InputError: If it is neither 'bgr' nor 'rgb'.
    """
    check_choice('channel_order', channel_order, CHANNEL_ORDERS)


def check_array(array: Any) -> None:
    """Refuse an array that is not an image.

    As in mmcv, values are 0..255; floating-point numbers of 0..1 would be
    taken for nearly black.

    Raises:
        InputError: If it is not (H, W, 3) or (H, W) of uint8.
    """
    is_array = isinstance(array, np.ndarray)
    if is_array and array.dtype == np.uint8 and array.size and (
            array.ndim >= 2 and array.shape[2:] in ((), (3,))):
        return
    got = f'{array.shape} of {array.dtype}' if is_array else (
        f'a {type(array).__name__}')
    raise InputError(
        f'expected an array (H, W, 3) or (H, W) of uint8, got {got}; '
        f'{_remedy(array)}')


def _of_tensor(tensor: Any) -> np.ndarray:
    """Turn a tensor into an array (H, W, 3) or (H, W) of uint8.

    Raises:
        InputError: If it has another shape, or values other than uint8 or
            0..1.
    """
    array = as_array(tensor)
    if array.ndim == 3 and array.shape[0] in (1, 3):
        array = array.transpose(1, 2, 0)
    if array.shape[2:] == (1,):
        array = array[..., 0]
    if array.dtype.kind == 'f' and array.size and (
            array.min() >= 0 and array.max() <= 1):
        array = np.rint(array * 255).astype(np.uint8)
    if array.dtype == np.uint8 and array.size and (
            array.ndim >= 2 and array.shape[2:] in ((), (3,))):
        return array
    raise InputError(
        'expected a tensor (3, H, W), (H, W, 3) or (H, W) of uint8, or of '
        f'numbers of 0..1, got {tuple(tensor.shape)} of {tensor.dtype}; '
        'convert values of 0..255 with tensor.byte(), undo a normalization, '
        'and take one image of a batch')


def _remedy(array: Any) -> str:
    shape = tuple(getattr(array, 'shape', ()))
    first = len(shape) == 3 and shape[0] in (1, 3, 4) and shape[2] not in (
        3, 4)
    is_array = isinstance(array, np.ndarray)
    if is_array and array.dtype.kind == 'f':
        return (
            'multiply values of 0..1 by 255, and convert them with '
            '.astype(np.uint8)')
    if first:
        return 'move the channels last with array.transpose(1, 2, 0)'
    if shape[2:] == (4,):
        return 'leave out the alpha channel with array[..., :3]'
    return (
        'images have the channels last, in the order of channel_order, and '
        'values 0..255')


def image_array(image: np.ndarray | Image.Image,
                channel_order: str = 'bgr') -> np.ndarray:
    """Turn an image in memory into what :func:`read_image` makes of a file.

    Args:
        image (np.ndarray | Image.Image | Tensor): (H, W, 3) or (H, W) of
            uint8; a Pillow image of any mode but 'F', whose EXIF orientation
            is applied, whose transparency is left out, and of whose 16 bits
            the upper 8 are taken, as those of files, where the values of
            mode 'I' are of 8 bits if none is above 255; or a tensor, also
            (3, H, W), also of numbers of 0..1.
        channel_order (str): Order of the channels of an array or a tensor,
            'bgr' or 'rgb'. Pillow images say their order themselves.
            Defaults to 'bgr', as in mmcv and mmseg.

    Returns:
        np.ndarray: (H, W, 3) uint8 BGR.

    Raises:
        InputError: If it is not such an image.
    """
    if isinstance(image, Image.Image):
        image, channel_order = _pillow_array(image), 'rgb'
    elif not isinstance(image, np.ndarray) and is_in_memory(image):
        image = _of_tensor(image)
    check_array(image)
    if image.ndim == 2:
        return np.stack([image] * 3, axis=2)
    return np.ascontiguousarray(
        image[..., ::-1]) if channel_order == 'rgb' else image


def _pillow_array(image: Image.Image) -> np.ndarray:
    """Return the pixels as a viewer shows them, (H, W, 3) RGB or (H, W)."""
    name = getattr(image, 'filename', '') or 'the Pillow image'
    if image.mode == 'F':
        raise InputError(
            f"{name}: expected values 0..255, got an image of mode 'F'; "
            "scale them to 0..255, and convert it with image.convert('L')")
    with error_context(
            f'{name} could not be decoded', 'replace it or leave it out',
            (OSError, SyntaxError, ValueError)):
        seen = upright(image)
        if seen.mode.startswith('I'):
            # Pillow has 16 bits in 'I;16' or 'I', and 8 bits in 'I'.
            values = np.asarray(seen).astype(np.int64)
            if seen.mode != 'I' or values.max(initial=0) > 255:
                values >>= 8
            return values.clip(0, 255).astype(np.uint8)
        return np.asarray(seen.convert(
            'L' if seen.mode in ('1', 'L', 'LA', 'La') else 'RGB'))
