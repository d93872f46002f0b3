"""Names, reading and EXIF orientation of image and mask files."""
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path, PurePosixPath

import numpy as np
from mmengine.fileio import list_dir_or_file
from PIL import ExifTags, Image, ImageOps

from ..errors import InputError, error_context
from ..files import StrPath
from ..wording import counted, is_unsafe

_UNREAD = (
    '.heic', '.heif', '.avif', '.jxl', '.jp2', '.gif', '.psd', '.dng', '.cr2',
    '.cr3', '.nef', '.arw', '.raf', '.orf', '.rw2', '.pef', '.srw')
"""Suffixes of photographs that are not read: phones, cameras, editors."""
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


def check_file_name(name: str, where: object) -> None:
    """Check that the name of an image can be written into a list.

    Args:
        name (str): Path of an image in an annotation or a list.
        where (object): Start of the message: the file, and the place in it.

    Raises:
        InputError: If it names no file, has an :func:`is_unsafe` character
            such as a line break, or a part of more than 250 bytes, as file
            systems allow 255 with the suffix of a mask.
    """
    parts = name.replace('\\', '/').split('/')
    if parts[-1] in ('', '.', '..') or any(map(is_unsafe, name)) or max(
            len(os.fsencode(part)) for part in parts) > 250:
        shown = name if len(name) < 300 else f'{name[:100]}...'
        raise InputError(
            f'{where}: expected the name of an image file, of at most 250 '
            f'bytes and without control characters, got {shown!r}; rename '
            'the file, and correct its name here')


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
          Image.open(path) as picture):
        yield picture


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
