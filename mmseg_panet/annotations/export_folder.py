"""The folder of an export, which may be packed as a .zip."""
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from zipfile import is_zipfile

from ..archive import check_archive, unpack
from ..errors import InputError
from ..files import StrPath, atomic_path, remove
from ..images.image_files import is_hidden
from .mask_folder import fingerprint

MADE_FROM = 'made_from.txt'
"""Name of the record of what a folder was made from."""

_PARTS = (
    'annotations', 'images', 'labels', 'masks', 'SegmentationClass',
    'SegmentationClassPNG')
"""Folders that are a part of an export, even if they are alone."""
_NOTES = ('readme', 'license', 'licence', 'changelog')
"""Starts of the names of files, in lower case, that only describe one."""


@contextmanager
def export_folder(path: StrPath, unpack_dir: Path) -> Iterator[Path]:
    """Give the folder of an export, and unpack it if it is a .zip.

    Args:
        path (str | os.PathLike): Path of a folder, or of a .zip.
        unpack_dir (Path): Folder to which a .zip is unpacked, unless it is
            there already. If the block raises an InputError, it is removed
            again, unless it existed before.

    Yields:
        Path: The folder of the export.

    Raises:
        InputError: If the .zip is missing, is another archive or cannot be
            unpacked, or ``unpack_dir`` has other content.
    """
    path = Path(path)
    if path.is_dir():
        yield path
        return
    check_archive(path)
    if path.suffix.lower() != '.zip' and path.is_file() and (
            not is_zipfile(path)):
        raise InputError(
            f'{path}: expected a folder, a .zip or a file of the format, got '
            'one of another suffix; correct the path or the suffix')
    known = unpack_dir.exists()
    folder = _unpack(path, unpack_dir)
    try:
        with name_archive(path, folder):
            yield folder
    except InputError:
        if not known:
            remove(folder)
        raise


@contextmanager
def file_or_folder(path: StrPath, unpack_dir: Path) -> Iterator[Path]:
    """Give a file of annotations, or a folder, and unpack a .zip.

    Args:
        path (str | os.PathLike): Any path.
        unpack_dir (Path): See :func:`export_folder`.

    Yields:
        Path: The path; for a .zip, the folder it is unpacked to.

    Raises:
        InputError: As for :func:`export_folder`.
    """
    path = Path(path)
    if path.suffix.lower() != '.zip':
        yield path
        return
    with export_folder(path, unpack_dir) as folder:
        yield folder


@contextmanager
def name_archive(archive: Path, folder: Path) -> Iterator[None]:
    """Name an archive in messages in place of the folder it is unpacked to.

    That folder may be removed before the message is read.

    Args:
        archive (Path): Path of the .zip.
        folder (Path): Folder to which it is unpacked.
    """
    try:
        yield
    except InputError as error:
        raise InputError(
            str(error).replace(str(folder), str(archive))) from error


def content_folder(path: Path) -> Path:
    """Skip folders that contain nothing but one folder and its README.

    Many tools pack a folder, and not its contents, into a .zip.

    Args:
        path (Path): A folder; any other path is returned unchanged.

    Returns:
        Path: The first folder with other content, or with a part of an
        export. Hidden files do not count, see :func:`is_hidden`.
    """
    while path.is_dir():
        inner: list[Path] = []
        with suppress(OSError):  # Two entries are enough to know.
            inner += islice(filter(_is_content, path.iterdir()), 2)
        if len(inner) != 1 or inner[0].name in _PARTS or (
                not inner[0].is_dir()):
            break
        path = inner[0]
    return path


def _is_content(entry: Path) -> bool:
    is_note = entry.name.lower().startswith(_NOTES) and entry.is_file()
    return not (is_note or entry.name == MADE_FROM or is_hidden(entry.name))


def visible_entries(folder: Path) -> list[Path]:
    """List what is in a folder, without what :func:`is_hidden` excludes.

    Args:
        folder (Path): A folder, which may be missing.

    Returns:
        list[Path]: Files and folders, sorted.
    """
    try:
        return sorted(path for path in folder.iterdir()
                      if not is_hidden(path.name))
    except OSError:
        return []


def _unpack(archive: Path, folder: Path) -> Path:
    """Unpack a .zip atomically, unless the folder is up to date."""
    made_from = fingerprint('zip', [archive])
    record = folder / MADE_FROM
    if record.is_file() and record.read_text() == made_from:
        return folder
    if folder.exists() and not record.is_file():
        raise InputError(
            f"'{folder}' exists already, but was not unpacked from "
            f'{archive}; choose another folder, or remove it')
    with atomic_path(folder, exclusive=True) as part:
        unpack(archive, part)
        (part / record.name).write_text(made_from)
        remove(folder)
    return folder
