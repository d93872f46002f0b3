"""Images that an annotation file holds, in base64."""
import base64
import io
from pathlib import Path
from typing import Any, NamedTuple

from PIL import UnidentifiedImageError

from ..errors import InputError, error_context
from ..files import write_atomic
from .orientation import oriented_size
from .pixel_limit import open_limited

_SUFFIXES = dict(
    JPEG='.jpg', MPO='.jpg', PNG='.png', WEBP='.webp', BMP='.bmp',
    TIFF='.tif')
"""Suffixes of files by Pillow's names of the formats that are read."""


class EmbeddedImage(NamedTuple):
    """An image that is held by another file."""

    content: bytes
    """The image as a file."""
    suffix: str
    """Suffix of such files."""
    size: tuple[int, int]
    """H and W with its EXIF orientation applied."""


def read_embedded(encoded: Any, where: str) -> EmbeddedImage:
    """Read an image in base64, and check that it can be decoded.

    Args:
        encoded (Any): The text, which may be a data URL.
        where (str): Start of the message: the file, and the place in it.

    Raises:
        InputError: If it is not a valid image, or has too many pixels.
    """
    with error_context(
            f'{where} is not a readable image', 'restore the file of the '
            'image, or save the annotations again', (Exception,)):
        if not isinstance(encoded, str):
            raise ValueError('expected base64')
        start = encoded.find(',') + 1 if encoded.startswith('data:') else 0
        content = base64.b64decode(encoded[start:])
        try:
            picture = open_limited(
                io.BytesIO(content), where, tuple(_SUFFIXES))
        except UnidentifiedImageError:
            raise ValueError('expected JPEG or PNG in base64') from None
        with picture:
            picture.load()
            return EmbeddedImage(
                content, _SUFFIXES[picture.format or ''],
                oriented_size(picture))


def write_once(path: Path, content: bytes) -> None:
    """Write a file unless it exists with the same content.

    Args:
        path (Path): Path of the file. Its folder is created.
        content (bytes): Content of the file.

    Raises:
        InputError: If the file exists with other content.
    """
    if not path.exists():
        write_atomic(path, content)
    elif not path.is_file() or path.read_bytes() != content:
        raise InputError(
            f'{path} exists already, and is not the image of the '
            'annotations; remove it, or choose another folder')
