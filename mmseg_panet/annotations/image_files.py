"""Names, reading and EXIF orientation of image and mask files."""
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
from mmengine.fileio import list_dir_or_file
from PIL import ExifTags, Image, ImageOps

from ..errors import InputError, error_context
from ..files import StrPath
from ..wording import counted

_UNREAD = (
    '.heic', '.heif', '.avif', '.jxl', '.jp2', '.gif', '.psd', '.dng', '.cr2',
    '.cr3', '.nef', '.arw', '.raf', '.orf', '.rw2', '.pef', '.srw')
"""Suffixes of photographs that are not read: phones, cameras, editors."""
MAX_PIXELS = 2**28
"""Pixels of the largest image that is read, unless a variable says more.

The largest photographs have 200 million.
"""
_VARIABLE = 'MMSEG_PANET_MAX_PIXELS'
_opening = threading.Lock()
"""Lock of Pillow's own limit, which belongs to the process."""
_SUFFIXES = ('.jpg', '.jpeg', '.png', '.webp', '.bmp', '.tif', '.tiff')


def is_image(name: StrPath) -> bool:
    """Check whether a file has the suffix of a supported image format."""
    return PurePosixPath(name).suffix.lower() in _SUFFIXES


def is_unread(name: StrPath) -> bool:
    """Check whether a file is a photograph of a format that is not read."""
    return PurePosixPath(name).suffix.lower() in _UNREAD


def unread_note(files: Iterable[StrPath], where: StrPath) -> str:
    """Say how many photographs of a folder are not read, and what to do.

    Args:
        files (Iterable[str | os.PathLike]): Files of the folder.
        where (str | os.PathLike): The folder, for the sentence.

    Returns:
        str: The sentence; empty if all photographs are read.
    """
    suffixes = [
        PurePosixPath(file).suffix.lower() for file in files
        if is_unread(file) and not PurePosixPath(file).name.startswith('.')]
    if not suffixes:
        return ''
    number = len(suffixes)
    return (f"skipped {counted(number, 'file')} of {where}, as "
            f"{', '.join(sorted(set(suffixes)))} is not read; convert "
            f"{'it' if number == 1 else 'them'} to JPEG")


def stem_of(image: str) -> str:
    """Return the path of an image without suffix, with ``/`` on all systems.

    A suffix that is not an image's is kept as part of the name.
    """
    path = PurePosixPath(Path(image).as_posix())
    return str(path.with_suffix('') if is_image(path.name) else path)


def images_by_stem(folder: StrPath,
                   suffixes: Sequence[str] = _SUFFIXES) -> dict[str, str]:
    """Find all images in a folder, recursively.

    Args:
        folder (str | os.PathLike): Folder to search.
        suffixes (Sequence[str]): Suffixes of images, in lower case. Defaults
            to those of all supported formats.

    Returns:
        dict[str, str]: Paths that include the folder, by their path below
        the folder without suffix, sorted.

    Raises:
        InputError: If the folder does not exist, or two images differ only
            in their suffix.
    """
    if not os.path.isdir(folder):
        raise InputError(
            f'{folder} is not a folder; expected the folder of the images')
    images: dict[str, str] = {}
    for path in sorted(list_dir_or_file(
            str(folder), list_dir=False, recursive=True)):
        if Path(path).suffix.lower() in suffixes:
            other = images.setdefault(stem_of(path), path)
            if other != path:
                raise InputError(
                    f'{path} and {other} in {folder} would share one mask; '
                    'rename or remove one')
    return {stem: os.path.join(folder, path) for stem, path in images.items()}


def existing_file(path: StrPath, where: str) -> str:
    """Check that a file exists.

    Args:
        path (str | os.PathLike): Path of an image or a mask.
        where (str): Start of the message: what the file belongs to.

    Returns:
        str: The path, unchanged.

    Raises:
        InputError: If there is no such file.
    """
    if not Path(path).is_file():
        raise InputError(f'{where}: found no file {path}; correct its path')
    return str(path)


@contextmanager
def open_image(path: StrPath) -> Iterator[Image.Image]:
    """Open an image or a mask with Pillow.

    Pillow decodes the pixels when they are first used.

    Args:
        path (str | os.PathLike): Path of the file.

    Yields:
        Image.Image: The open image.

    Raises:
        InputError: If the file cannot be opened, or cannot be decoded within
            the block.
    """
    # Pillow raises a SyntaxError for a broken PNG.
    with (error_context(f'{path} is not a readable image',
                        'replace or remove it', (OSError, SyntaxError)),
          open_limited(path) as picture):
        yield picture


def open_limited(file: StrPath | IO[bytes],
                 name: StrPath = '') -> Image.Image:
    """Open an image with Pillow, unless it has too many pixels.

    A small file may have as many pixels as do not fit into memory. The limit
    is :data:`MAX_PIXELS`, or the environment variable
    ``MMSEG_PANET_MAX_PIXELS``. Pillow's own limit, which many photographs
    exceed, does not apply.

    Args:
        file (str | os.PathLike | IO): Path of the file, or an open file.
        name (str | os.PathLike): Name of an open file, for the message.

    Returns:
        Image.Image: The open image. Its pixels are decoded when they are
        first used.

    Raises:
        InputError: If the image has more pixels, by its header.
        OSError: If the file cannot be opened; or another error of Pillow.
    """
    with _opening:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            picture = Image.open(file)
        finally:
            Image.MAX_IMAGE_PIXELS = limit
    width, height = picture.size
    most = _max_pixels()
    if width * height > most:
        picture.close()
        raise InputError(
            f'{name or file} has {width}x{height} pixels, expected at most '
            f'{most:,}; make it smaller, cut it into tiles, or set '
            f'{_VARIABLE} to a larger number if there is enough memory')
    return picture


def check_size(path: StrPath) -> None:
    """Refuse an image that has too many pixels, before it is decoded.

    A file that Pillow cannot open is left to the decoder.

    Raises:
        InputError: See :func:`open_limited`.
    """
    try:
        open_limited(path).close()
    except InputError:
        raise
    except Exception:
        return


def _max_pixels() -> int:
    value = os.environ.get(_VARIABLE, str(MAX_PIXELS))
    if not value.isdecimal():
        raise InputError(
            f'expected {_VARIABLE} as a number of pixels, got {value!r}; '
            'correct the environment variable, or unset it')
    return int(value)


def oriented_size(picture: Image.Image) -> tuple[int, int]:
    """Return the (H, W) of an image after its EXIF orientation."""
    orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
    return picture.size if orientation in range(5, 9) else picture.size[::-1]


def orient_labels(labels: np.ndarray,
                  image: Path | Image.Image) -> np.ndarray:
    """Apply the EXIF orientation of an image to its labels if needed.

    Images are decoded with their EXIF orientation applied. Labels of the
    oriented size are returned unchanged, and labels of the stored size are
    transposed. If the sizes are equal, the labels are taken to belong to the
    oriented image, which annotation tools display.

    Args:
        labels (np.ndarray): Labels of the pixels, (H, W) uint8.
        image (Path | Image.Image): Path of the image, or a Pillow image.

    Returns:
        np.ndarray: Labels of the oriented image, (H, W) uint8.

    Raises:
        InputError: If the image cannot be read, or if the labels have
            neither size.
    """
    with (nullcontext(image) if isinstance(image, Image.Image)
          else open_image(image)) as picture:
        stored, oriented = picture.size[::-1], oriented_size(picture)
        orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
    if labels.shape == oriented:
        return labels
    if labels.shape == stored:
        mask = Image.fromarray(labels)
        mask.getexif()[ExifTags.Base.Orientation] = orientation
        return np.asarray(ImageOps.exif_transpose(mask))
    raise InputError(
        f'{image} is {oriented[1]}x{oriented[0]}, but it was annotated as '
        f'{labels.shape[1]}x{labels.shape[0]}; annotate this image again')
