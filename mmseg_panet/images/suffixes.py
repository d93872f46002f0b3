"""Suffixes of images: those that are read, and those that are left out."""
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from PIL import features

from ..errors import InputError
from ..files import StrPath
from ..notices import warn_once
from ..wording import counted
from .pixel_limit import open_limited

SUFFIXES = (
    '.jpg', '.jpeg', '.jpe', '.jfif', '.mpo', '.png', '.apng', '.webp',
    '.bmp', '.dib', '.tif', '.tiff', '.jp2', '.j2k', '.j2c', '.jpc', '.jpf',
    '.jpx', '.pbm', '.pgm', '.ppm', '.pnm', '.gif',
    *(('.avif',) if features.check('avif') else ()))
"""Suffixes of the formats that :func:`decode_image` reads, in lower case."""
VIDEO_SUFFIXES = (
    '.mp4', '.m4v', '.mov', '.avi', '.mkv', '.webm', '.mpg', '.mpeg', '.wmv')
_PHOTOGRAPHS = (
    '.heic', '.heif', '.avif', '.jxl', '.psd', '.dng', '.cr2', '.cr3', '.nef',
    '.arw', '.raf', '.orf', '.rw2', '.pef', '.srw')
"""Suffixes of photographs that are not read: phones, cameras, editors."""
_NO_IMAGES = (
    '.txt', '.md', '.rst', '.json', '.jsonl', '.geojson', '.xml', '.csv',
    '.tsv', '.yaml', '.yml', '.toml', '.ini', '.cfg', '.log', '.html', '.pdf',
    '.doc', '.docx', '.xls', '.xlsx', '.py', '.sh', '.ipynb', '.js', '.css',
    '.zip', '.tar', '.gz', '.7z', '.rar', '.db', '.sqlite', '.lnk', '.cache',
    '.names', '.labels', '.data', '.npy', '.npz', '.mat', '.pt', '.pth',
    '.safetensors', '.onnx', '.pkl',
    '.tfw', '.jgw', '.pgw', '.prj', '.ovr', '.qgz', '.qgs', '.shp', '.shx',
    '.dbf', '.cpg', '.xmp', '.lock', '.bak', '.tmp')
"""Suffixes of other files that lie beside images: nobody misses them."""


_told: set[str] = set()
"""Absolute paths of files that a warning has counted."""


def suffix_of(name: StrPath) -> str:
    """Return the suffix of a file in lower case."""
    return PurePosixPath(name).suffix.lower()


def is_image(name: StrPath) -> bool:
    """Check whether a file has the suffix of a supported image format."""
    return suffix_of(name) in SUFFIXES


def is_unread(name: StrPath) -> bool:
    """Check whether a file is a photograph of a format that is not read."""
    return suffix_of(name) in _PHOTOGRAPHS and not is_image(name)


def unread_note(files: Iterable[StrPath], where: StrPath) -> str:
    """Say how many files of a folder are not read, and what to do.

    Files that are plainly no images, such as text, are not counted, nor are
    videos, hidden files and folders. A file without a suffix is counted if it
    is an image by its content.

    Args:
        files (Iterable[str | os.PathLike]): Files of the folder, with it.
        where (str | os.PathLike): The folder, for the sentence.

    Returns:
        str: The sentence; empty if all images are read.
    """
    found = Counter(suffix_of(file) for file in files if _is_left_out(file))
    if not found:
        return ''
    number = found.total()
    kinds = ', '.join(
        (suffix or 'no suffix') + (f' ({times})' if len(found) > 1 else '')
        for suffix, times in sorted(found.items()))
    them = 'it' if number == 1 else 'them'
    rename = f', or rename {them}' * any(
        suffix not in _PHOTOGRAPHS for suffix in found)
    return (f"skipped {counted(number, 'file')} of {where}, as {kinds} is not "
            f'read; convert {them} to JPEG{rename}')


def warn_of_unread(files: Iterable[StrPath], where: StrPath) -> None:
    """Warn of the files of a folder that are not read, of each file once.

    Args:
        files (Iterable[str | os.PathLike]): See :func:`unread_note`.
        where (str | os.PathLike): The folder.
    """
    new = {os.path.abspath(file): file for file in files if _is_left_out(file)}
    note = unread_note(
        [file for path, file in new.items() if path not in _told], where)
    _told.update(new)
    if note:
        warn_once(note)


def _is_left_out(file: StrPath) -> bool:
    suffix = suffix_of(file)
    if (suffix in SUFFIXES or suffix in VIDEO_SUFFIXES
            or suffix in _NO_IMAGES
            or PurePosixPath(file).name.startswith('.')):
        return False
    return not Path(file).is_dir() and (bool(suffix) or _is_picture(file))


def _is_picture(file: StrPath) -> bool:
    try:
        open_limited(file).close()
    except InputError:
        return False
    # Pillow raises any error for a file that is no image.
    except Exception:
        return False
    return True
