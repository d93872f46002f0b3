"""The orientation of an image: how a viewer turns its stored pixels.

One rule holds for images, masks and sizes. It is that of Pillow: the EXIF
orientation, or that of XMP (``tiff:Orientation``) without one, in JPEG, PNG,
WebP, AVIF and TIFF. OpenCV ignores some of them, depending on its version.
"""
import struct

import numpy as np
from PIL import ExifTags, Image, ImageOps

_TAG = ExifTags.Base.Orientation
_PNG_EXIF = (b'eXIf', b'iTXt', b'tEXt', b'zTXt')
"""Chunks of a PNG that may hold an orientation."""


def orientation_of(picture: Image.Image) -> int:
    """Read the orientation of an open image, without decoding its pixels.

    Args:
        picture (Image.Image): An image that Pillow has opened.

    Returns:
        int: 1..8 as in EXIF; 1, as it is stored, if it is missing or invalid.
    """
    try:
        # Pillow decodes a PNG first, as metadata may follow the pixels.
        exif = Image.Image.getexif(picture) if (
            picture.format == 'PNG' and not _is_late(picture)
        ) else picture.getexif()
        found = exif.get(_TAG, 1)
    # Damaged metadata may raise any error; the pixels may be good.
    except Exception:
        return 1
    return found if found in range(1, 9) else 1


def is_turned(picture: Image.Image) -> bool:
    """Tell whether the decoders apply the orientation themselves.

    Both Pillow and OpenCV do that in a TIFF only.
    """
    return picture.format == 'TIFF'


def oriented_size(picture: Image.Image) -> tuple[int, int]:
    """Return the (H, W) of an image with its orientation applied."""
    height, width = picture.size[::-1]
    # Pillow gives the size of a TIFF with its orientation.
    if orientation_of(picture) < 5 or is_turned(picture):
        return height, width
    return width, height


def turn(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Apply an orientation to stored pixels.

    Args:
        pixels (np.ndarray): (H, W) or (H, W, C).
        orientation (int): 1..8, see :func:`orientation_of`.

    Returns:
        np.ndarray: (H, W), or (W, H) for 5..8, and C; the same array for 1.
    """
    if orientation == 1:
        return pixels
    if orientation in (3, 4, 6, 7):
        pixels = pixels[::-1]
    if orientation in (2, 3, 7, 8):
        pixels = pixels[:, ::-1]
    if orientation > 4:
        pixels = pixels.swapaxes(0, 1)
    return np.ascontiguousarray(pixels)


def upright(picture: Image.Image) -> Image.Image:
    """Decode an image and apply its orientation, as a viewer does.

    Args:
        picture (Image.Image): An image that Pillow may have opened, and not
            decoded.

    Returns:
        Image.Image: The image in its mode; the same one if it is not turned.
    """
    if not is_turned(picture):
        return picture if orientation_of(picture) == 1 else (
            ImageOps.exif_transpose(picture))
    # Pillow maps a file that is not compressed to memory with the sides of
    # what is seen, which mixes the pixels of the orientations 5..8.
    name = getattr(picture, 'filename', '')
    picture.filename = ''  # type: ignore[attr-defined]
    try:
        picture.load()
    finally:
        picture.filename = name  # type: ignore[attr-defined]
    return picture


def _is_late(picture: Image.Image) -> bool:
    """Tell whether a PNG has metadata after its pixels."""
    file = getattr(picture, 'fp', None)
    if file is None:  # it is decoded
        return True
    before, late = file.tell(), False
    try:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack('>I4s', head)
            late = late or kind == b'IDAT'
            if late and kind in _PNG_EXIF:
                return True
            file.seek(length + 4, 1)
        return False
    finally:
        file.seek(before)
