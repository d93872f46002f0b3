"""Archives that may come from strangers: checked before they are unpacked."""
import errno
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath

from .errors import InputError, error_context
from .files import StrPath

_BLOCK = 4096
"""Bytes that a small file takes on most disks."""
_SMALL = 100 << 20
"""Size in bytes up to which an archive may be compressed by any factor."""
_RATIO = 100
"""Largest factor for others; masks and JSON are compressed 5 to 50 times."""
_OTHERS = ('.tar', '.tgz', '.gz', '.bz2', '.xz', '.7z', '.rar')
"""Suffixes of archives that are not unpacked."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def check_archive(path: StrPath) -> None:
    """Refuse an archive of another kind than .zip.

    Raises:
        InputError: If the suffix is that of one.
    """
    suffix = Path(path).suffix.lower()
    if suffix in _OTHERS and Path(path).is_file():
        raise InputError(
            f'{path}: expected a folder or a .zip, got a {suffix}; unpack '
            'it, and give the folder')


def unpack(archive: StrPath, folder: Path) -> None:
    """Unpack a .zip after its entries are checked.

    Args:
        archive (str | os.PathLike): Path of the .zip.
        folder (Path): Folder to fill, in an existing folder.

    Raises:
        InputError: If the archive cannot be read, has an entry outside the
            folder, a link, a name twice or an encrypted entry, or is too
            large, see :func:`check_unpacked_size`. ``folder`` may be
            incomplete if the archive is damaged.
    """
    with _opened(archive) as file:
        entries = file.infolist()
        for one in entries:  # Some tools of Windows write its separators.
            one.filename = one.filename.replace('\\', '/')
        for sentence in _faults(entries):
            raise InputError(
                f'{archive} cannot be unpacked: {sentence}; export it again, '
                'or give the unpacked folder')
        _check_unpacked_size(archive, entries)
        free = shutil.disk_usage(folder.parent).free
        needed = _size(entries)
        if needed > free:
            raise InputError(
                f'{archive} has {needed >> 20} MB when it is unpacked, but '
                f'{free >> 20} MB are free in {folder.parent}; free some '
                'space, or choose another folder')
        for one in entries:
            file.extract(one, folder)


def check_unpacked_size(archive: StrPath) -> None:
    """Check that a .zip, such as an .npz, does not fill the memory.

    Args:
        archive (str | os.PathLike): Path of the archive.

    Raises:
        InputError: If it cannot be read, or has more than 100 MB and more
            than 100 times its own size when it is unpacked.
    """
    with _opened(archive) as file:
        _check_unpacked_size(archive, file.infolist())


@contextmanager
def _opened(archive: StrPath) -> Iterator[zipfile.ZipFile]:
    # zipfile raises a RuntimeError for what it does not support.
    with error_context(
            f'{archive} cannot be unpacked',
            'export it again, or give the unpacked folder',
            (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError,
             ValueError, OverflowError)):
        try:
            with zipfile.ZipFile(archive) as file:
                yield file
        except OSError as error:
            # Other errors, such as a full disk, are none of the archive.
            if error.errno in (errno.EINVAL, errno.ENAMETOOLONG):
                raise ValueError(error.strerror) from error
            raise


def _check_unpacked_size(archive: StrPath,
                         entries: Sequence[zipfile.ZipInfo]) -> None:
    size, unpacked = Path(archive).stat().st_size, _size(entries)
    if unpacked > max(_SMALL, _RATIO * size):
        raise InputError(
            f'{archive} has {size} bytes, but {unpacked} when it is '
            f'unpacked: expected at most {_RATIO} times as many; it is '
            'damaged or was made to fill the disk')


def _size(entries: Sequence[zipfile.ZipInfo]) -> int:
    """Return the bytes that the entries take on a disk.

    zipfile unpacks no more bytes of an entry than the entry states.
    """
    return sum(-(-one.file_size // _BLOCK) * _BLOCK or _BLOCK
               for one in entries)


def _faults(entries: Sequence[zipfile.ZipInfo]) -> Iterator[str]:
    """Yield a clause for each entry that must not be unpacked."""
    files: set[PurePosixPath] = set()
    folders: set[PurePosixPath] = set()
    for one in entries:
        # zipfile cuts a name at its first NUL.
        name, path = one.orig_filename, PurePosixPath(one.filename)
        windows = PureWindowsPath(name)
        kind = stat.S_IFMT(one.external_attr >> 16)
        if ('..' in windows.parts or windows.anchor or '\0' in name
                or not path.parts):
            yield f'its entry {name!r} lies outside the folder'
        elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            yield f'its entry {name!r} is a link or a device'
        elif one.flag_bits & 1:
            yield f'its entry {name!r} is encrypted'
        elif one.compress_type not in _METHODS:
            yield (f'its entry {name!r} is compressed by the method '
                   f'{one.compress_type}, and only the methods 0 (none) and '
                   '8 (deflate) are read')
        elif path in files or not one.is_dir() and path in folders:
            yield f'it has the entry {name!r} twice'
        folders.update(path.parents)
        (folders if one.is_dir() else files).add(path)
    for path in sorted(files & folders):
        yield f'its entry {str(path)!r} is a file and also a folder'
