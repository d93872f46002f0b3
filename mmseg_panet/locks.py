"""The lock of a folder, so that one run at a time writes to it."""
import errno
import os
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from mmengine.dist import get_rank, is_distributed

from .errors import InputError
from .files import StrPath, is_alive
from .shared_errors import shared_errors

LOCK = '.mmseg_panet.lock'
"""Name of the lock file in a locked folder. It is removed at the end."""
_ORPHANS = 15.0
"""Seconds after which the workers of a killed process have ended."""
_RANKS = ('RANK', 'SLURM_PROCID', 'OMPI_COMM_WORLD_RANK')
"""Variables in which launchers give the rank of a process."""
_locked: dict[tuple[int, Path], bool] = {}
"""Maps threads and folders of active contexts to whether a lock is held."""


@contextmanager
def folder_lock(folder: StrPath,
                collective: bool = False) -> Iterator[None]:
    """Lock a folder, so that one run at a time writes to it.

    The processes of a launcher are one run, and the first of them holds the
    lock. The lock of a killed process is released by the operating system.
    A context within another one of the same folder and thread does nothing.

    Args:
        folder (str | os.PathLike): The folder, which is created. A folder
            that cannot be written or locked is no error here.
        collective (bool): Whether all processes of a launcher enter the
            context together, so that a refusal ends all of them if they are
            connected. Defaults to False; the first process may then enter it
            alone.

    Raises:
        InputError: If another run holds the lock.
    """
    place = Path(os.path.realpath(folder))
    key = threading.get_ident(), place
    if key in _locked:
        yield
        return
    with ExitStack() as stack:
        with shared_errors() if collective else nullcontext():
            held = _rank() == 0 and stack.enter_context(_hold(place, folder))
        _locked[key] = held
        stack.callback(_locked.pop, key)
        yield


def is_locked(folder: StrPath) -> bool:
    """Tell whether this thread holds the lock of a folder."""
    place = Path(os.path.realpath(folder))
    return _locked.get((threading.get_ident(), place), False)


def _rank() -> int:
    """Return the rank of this process, even before they are connected."""
    if is_distributed():
        return get_rank()
    return next((int(os.environ[name]) for name in _RANKS
                 if os.environ.get(name, '').isdigit()), 0)


@contextmanager
def optional_lock(path: Path, timeout: float = -1) -> Iterator[FileLock]:
    """Lock a file, unless it cannot be written or locked.

    Args:
        path (Path): The file, which is created with its folder.
        timeout (float): Seconds to wait for another process; -1 waits until
            it ends. Defaults to -1.

    Yields:
        FileLock: The lock. ``is_locked`` is False if the folder cannot be
        written, or its file system has no locks.

    Raises:
        filelock.Timeout: If another process still holds the lock.
    """
    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _acquire(lock, path, timeout)
    except Timeout:
        raise
    except (OSError, NotImplementedError):
        pass
    try:
        yield lock
    finally:
        lock.release()


def _acquire(lock: FileLock, path: Path, timeout: float) -> None:
    """Acquire a lock, if the file system has locks."""
    while True:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if not _can_be_locked(path):
                return
            if timeout == 0:
                raise
            lock.acquire(timeout=timeout)
        # The last holder may have removed the file that is locked now.
        if _is_file_of(lock, path):
            return
        lock.release()


def _can_be_locked(path: Path) -> bool:
    """Tell whether a lock that was refused is held by another process.

    filelock takes all errors of flock (3.13), or a file that a killed process
    left where flock is not implemented (4.3), for another process.
    """
    if sys.platform == 'win32':
        return True
    import fcntl
    with path.open('ab') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno in (
                errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES)
    return True


@contextmanager
def _hold(place: Path, folder: StrPath) -> Iterator[bool]:
    """Hold the lock in one process, if the file system has locks.

    Yields:
        bool: Whether the lock is held.
    """
    path = place / LOCK
    new = [one for one in (place, *place.parents) if not one.exists()]
    before = _holder(path)
    pid = before.split()[1] if before.endswith(_here()) else ''
    is_orphan = pid.isdigit() and not is_alive(int(pid))
    with ExitStack() as stack:
        stack.callback(_remove_empty, new)
        if os.name == 'nt':  # where no open file is removed
            stack.callback(_remove_file, path)
        try:
            lock = stack.enter_context(
                optional_lock(path, _ORPHANS if is_orphan else 0))
        except Timeout as error:
            # filelock 3.13 empties a file that it cannot lock.
            with suppress(OSError):
                if before and not _holder(path):
                    path.write_text(before)
            raise InputError(
                f'expected one run at a time in {folder}, got a second one: '
                f'{_holder(path) or "another process"} is writing to it; '
                'wait until it ends, or name another folder') from error
        if lock.is_locked:
            stack.callback(_remove_file, path)
            _write_holder(lock)
        yield lock.is_locked


def _write_holder(lock: FileLock) -> None:
    """Write who holds a lock to its file.

    Windows lets no other descriptor write to a locked file.
    """
    number = lock._context.lock_file_fd
    if number is not None:
        with suppress(OSError):
            os.ftruncate(number, 0)
            os.lseek(number, 0, os.SEEK_SET)
            os.write(number, f'process {os.getpid()} ({_command()})'
                             f'{_here()}'.encode())


def _remove_file(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _remove_empty(folders: Sequence[Path]) -> None:
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()  # It fails if there is a result.


def _is_file_of(lock: FileLock, path: Path) -> bool:
    number = lock._context.lock_file_fd
    if number is None:  # a lock without a descriptor
        return True
    with suppress(OSError):
        return os.path.samestat(os.fstat(number), path.stat())
    return False


def _holder(path: Path) -> str:
    """Read who holds a lock; the result is empty if it is unknown."""
    try:
        return path.read_text().strip()
    except (OSError, UnicodeError):
        return ''


def _here() -> str:
    return f' on {socket.gethostname()}'


def _command() -> str:
    """Return the first words of the command, such as mmseg-panet train."""
    program = Path(sys.argv[0])
    name = 'mmseg-panet' if program.name == '__main__.py' else program.name
    return ' '.join([name or 'python', *sys.argv[1:2]])
