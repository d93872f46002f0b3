"""Names, reading and EXIF orientation of image and mask files."""
import errno
import io
import os
import stat
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path, PurePosixPath

import numpy as np
from mmengine.fileio import list_dir_or_file
from PIL import Image

from ..errors import InputError, abbreviate, error_context
from ..files import StrPath, check_regular
from ..wording import is_unsafe
from .file_bytes import is_url, read_bytes
from .orientation import orientation_of, oriented_size, turn, upright
from .pixel_limit import open_limited
from .suffixes import SUFFIXES, is_image, warn_of_unread
from .tiff_file import tiff_facts

_MOST_PARTS = 100
"""Folders in the path of an image."""
_LONGEST_NAME = 255
"""Bytes of a name on the usual file systems.

A name in a list may have 5 less, the most that the suffix of a mask or an
overlay adds.
"""
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError,
           OverflowError, struct.error)
"""Errors that Pillow raises for damaged files."""


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
            such as a line break, a part of more than 250 bytes, as file
            systems allow 255 with the suffix of a mask, or too many parts.
    """
    parts = name.replace('\\', '/').split('/')
    if (parts[-1] in ('', '.', '..') or len(parts) > _MOST_PARTS
            or any(map(is_unsafe, name)) or max(
                len(os.fsencode(part)) for part in parts) > _LONGEST_NAME - 5):
        shown = name if len(name) < 300 else f'{name[:100]}...'
        raise InputError(
            f'{where}: expected the name of an image file, of at most 250 '
            f'bytes and without control characters, got {shown!r}; rename '
            'the file, and correct its name here')


def is_hidden(path: StrPath) -> bool:
    """Check whether a path has a hidden part, or one that a Mac leaves.

    Args:
        path (str | os.PathLike): Path below the folder that a user gives.

    Returns:
        bool: True if a part starts with a dot, such as ``._a.json``, or is
        ``__MACOSX``.
    """
    return any(part.startswith('.') or part == '__MACOSX'
               for part in Path(path).parts)


def visible_files(folder: StrPath, *suffixes: str) -> list[str]:
    """List the files of a folder and of all its folders.

    Args:
        folder (str | os.PathLike): Folder to search.
        *suffixes (str): Suffixes in lower case. Defaults to all.

    Returns:
        list[str]: Paths below the folder, sorted, without those that
        :func:`is_hidden` excludes.
    """
    return [
        path for path in sorted(list_dir_or_file(
            str(folder), list_dir=False, recursive=True))
        if (not suffixes or Path(path).suffix.lower() in suffixes)
        and not is_hidden(path)]


def images_by_stem(folder: StrPath,
                   suffixes: Sequence[str] = SUFFIXES) -> dict[str, str]:
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
            in their suffix. Files of formats that are not read are counted
            in a warning.
    """
    if not os.path.isdir(folder):
        raise InputError(
            f'{folder} is not a folder; expected the folder of the images')
    images: dict[str, str] = {}
    files = visible_files(folder)
    if suffixes is SUFFIXES:
        warn_of_unread(
            [os.path.join(folder, path) for path in files], folder)
    for path in files:
        if Path(path).suffix.lower() not in suffixes:
            continue
        other = images.setdefault(stem_of(path), path)
        if other != path:
            raise InputError(
                f'{path} and {other} in {folder} would share one mask; '
                'rename or remove one')
    return {stem: os.path.join(folder, path) for stem, path in images.items()}


def existing_file(path: StrPath, where: str) -> str:
    """Check that a file exists.

    Args:
        path (str | os.PathLike): Path or URL of an image or a mask. A URL is
            not opened.
        where (str): Start of the message: what the file belongs to.

    Returns:
        str: The path, unchanged.

    Raises:
        InputError: If there is no such file.
    """
    if not is_url(path) and not names_a_file(path, where):
        raise InputError(f'{where}: found no file {path}; correct its path')
    return str(path)


def names_a_file(path: StrPath, where: object) -> bool:
    """Check whether a file exists whose name another file gives.

    Args:
        path (str | os.PathLike): Path of the file.
        where (object): Start of the message: the file with the name.

    Raises:
        InputError: If no file can have that name, as it has a NUL or a lone
            surrogate, or is too long.
    """
    try:
        # A system reports it only if the folder exists.
        names = map(os.fsencode, Path(path).parts)
        if any(len(name) > _LONGEST_NAME for name in names):
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        return stat.S_ISREG(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        name = abbreviate(repr(os.path.basename(path)))
        raise InputError(
            f'{where}: expected the name of a file, got {name} ({why}); '
            'rename the image') from error


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
    with (error_context(f'{path} is not a readable image',
                        'replace or remove it', _DAMAGE),
          open_limited(io.BytesIO(read_bytes(path)) if is_url(path) else path,
                       path) as picture):
        yield picture


@contextmanager
def open_upright(path: StrPath) -> Iterator[Image.Image]:
    """Open a mask with Pillow, and apply its orientation.

    Args:
        path (str | os.PathLike): Path of the file.

    Yields:
        Image.Image: The image in its mode.

    Raises:
        InputError: See :func:`open_image`.
    """
    with open_image(path) as picture:
        yield upright(picture)


def orient_labels(labels: np.ndarray,
                  image: StrPath | Image.Image) -> np.ndarray:
    """Apply the EXIF orientation of an image to its labels if needed.

    Images are decoded with their EXIF orientation applied. Labels of the
    oriented size are returned unchanged, and labels of the stored size are
    transposed. If the sizes are equal, the labels are taken to belong to the
    oriented image, which annotation tools display.

    Args:
        labels (np.ndarray): Labels of the pixels, (H, W) uint8 or uint16.
        image (str | os.PathLike | Image.Image): Path of the image, or a
            Pillow image.

    Returns:
        np.ndarray: Labels of the oriented image, (H, W), of the same type.

    Raises:
        InputError: If the image cannot be read, or if the labels have
            neither size.
    """
    size, orientation = size_and_orientation(image)
    _check_annotated_size(labels.shape, size, orientation, image)
    return labels if labels.shape == size else turn(labels, orientation)


def size_and_orientation(image: StrPath | Image.Image
                         ) -> tuple[tuple[int, int], int]:
    """Read the size and the orientation of an image from its header.

    Args:
        image (str | os.PathLike | Image.Image): Path of the image, or a
            Pillow image.

    Returns:
        tuple[tuple[int, int], int]: H and W with the orientation applied,
        and the orientation, see :func:`orientation_of`.

    Raises:
        InputError: If the image cannot be read.
    """
    if not isinstance(image, Image.Image):
        # Pillow does not open every TIFF.
        check_regular(image)
        with suppress(OSError), open(image, 'rb') as file:
            facts = tiff_facts(file)
            if facts is not None:
                return facts.oriented_size, facts.orientation
    with (nullcontext(image) if isinstance(image, Image.Image)
          else open_image(image)) as picture:
        return oriented_size(picture), orientation_of(picture)


def check_annotated_size(size: Sequence[int], image: Path) -> None:
    """Check the size of an annotation before anything of it is allocated.

    Args:
        size (Sequence[int]): H and W of the annotation.
        image (Path): Its image, of which the header is read.

    Raises:
        InputError: If the image cannot be read, or has this size neither
            with its EXIF orientation nor without.
    """
    _check_annotated_size(size, *size_and_orientation(image), image)


def _check_annotated_size(size: Sequence[int], oriented: tuple[int, int],
                          orientation: int, image: object) -> None:
    stored = oriented if orientation < 5 else oriented[::-1]
    if tuple(size) not in (oriented, stored):
        raise InputError(
            f'{image} is {oriented[1]}x{oriented[0]}, but it was annotated '
            f'as {size[1]}x{size[0]}; annotate this image again')
