"""Errors of writing: one sentence with the path and the remedy."""
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import WriteError

_REMEDIES = {
    errno.ENOSPC: 'the disk is full; free some space, then start again',
    errno.EDQUOT: 'your disk quota is used up; free some space, then start '
                  'again',
    errno.EFBIG: 'the file is larger than is allowed here; raise the limit '
                 '(ulimit -f), then start again',
    errno.ENOENT: 'its folder was removed; start again, and keep the folder '
                  'until the end',
    **dict.fromkeys(
        (errno.EACCES, errno.EPERM), 'you may not write there; choose another '
        'path, or correct the permissions'),
    errno.EROFS: 'the file system is read-only; choose another path',
    errno.ENAMETOOLONG: 'the name is too long; choose a shorter one',
    errno.EISDIR: 'it is a folder; choose another path',
    errno.ENOTEMPTY: 'it is a folder; choose another path',
    **dict.fromkeys(
        (errno.ENOTDIR, errno.EEXIST),
        'a part of the path is a file; choose another path'),
}
"""Maps numbers of errors to what is wrong, with the remedy."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors that only writing has. They often come without a path."""


@contextmanager
def write_context(path: str | os.PathLike,
                  of: str | os.PathLike | None = None) -> Iterator[None]:
    """Turn the errors of writing into one sentence with the remedy.

    Args:
        path (str | os.PathLike): File or folder that the block writes, for
            the message.
        of (str | os.PathLike, optional): Folder that the block writes to.
            Errors of other files that it reads are not changed. Defaults to
            ``path``.

    Raises:
        WriteError: In place of an OSError of the disk or the permissions,
            and of torch's RuntimeError of a full disk.
    """
    try:
        yield
    except WriteError:
        raise
    except OSError as error:
        if error.errno not in _FULL and not (
                error.errno in _REMEDIES and error.filename is not None
                and _lies_in(error.filename, of or path)):
            raise
        # What exists was not removed: a file was only not found in it.
        if error.errno == errno.ENOENT and os.path.exists(of or path):
            raise
        raise WriteError(
            f'{path} could not be written: {_REMEDIES[error.errno]}',
            error.errno) from error
    except RuntimeError as error:
        if 'PytorchStreamWriter failed' not in str(error):
            raise
        raise WriteError(
            f'{path} could not be written: {_REMEDIES[errno.ENOSPC]}',
            errno.ENOSPC) from error


def _lies_in(path: str | os.PathLike | int, folder: str | os.PathLike) -> bool:
    if isinstance(path, int):
        return True
    return Path(os.path.abspath(os.fsdecode(path))).is_relative_to(
        os.path.abspath(folder))
