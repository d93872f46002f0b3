"""The lock of a folder, so that one run at a time writes to it."""
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from mmengine.dist import broadcast_object_list, get_rank, is_distributed

from .errors import InputError
from .files import StrPath, is_alive

LOCK = '.mmseg_panet.lock'
"""Name of the lock file in a locked folder. It is removed at the end."""
_ORPHANS = 15.0
"""Seconds after which the workers of a killed process have ended."""
_RANKS = ('RANK', 'SLURM_PROCID', 'OMPI_COMM_WORLD_RANK')
"""Variables in which launchers give the rank of a process."""
_locked: dict[Path, bool] = {}
"""Folders of the active contexts, and whether their locks are held."""


@contextmanager
def folder_lock(folder: StrPath) -> Iterator[None]:
    """Lock a folder, so that one run at a time writes to it.

    The processes of a launcher are one run, and the first of them holds the
    lock. The lock of a killed process is released by the operating system.
    A context within another one of the same folder does nothing.

    Args:
        folder (str | os.PathLike): The folder, which is created. A folder
            that cannot be written or locked is no error here.

    Raises:
        InputError: If another run holds the lock; on all processes if they
            are connected.
    """
    place = Path(os.path.realpath(folder))
    if place in _locked:
        yield
        return
    with ExitStack() as stack:
        fault: list[str | None] = [None]
        if _rank() == 0:
            try:
                stack.enter_context(_hold(place, folder))
            except InputError as error:
                fault = [str(error)]
        if is_distributed():
            broadcast_object_list(fault)
        if fault[0] is not None:
            raise InputError(fault[0])
        _locked.setdefault(place, False)
        stack.callback(_locked.pop, place)
        yield


def is_locked(folder: StrPath) -> bool:
    """Tell whether this process holds the lock of a folder."""
    return _locked.get(Path(os.path.realpath(folder)), False)


def _rank() -> int:
    """Return the rank of this process, even before they are connected."""
    if is_distributed():
        return get_rank()
    return next((int(os.environ[name]) for name in _RANKS
                 if os.environ.get(name, '').isdigit()), 0)


@contextmanager
def _hold(place: Path, folder: StrPath) -> Iterator[None]:
    """Hold the lock in one process, if the file system has locks."""
    lock, path = FileLock(place / LOCK), place / LOCK
    new = [one for one in (place, *place.parents) if not one.exists()]
    # As in datasets/cache.py, other errors of locks are no errors.
    with suppress(OSError, NotImplementedError):
        place.mkdir(parents=True, exist_ok=True)
        try:
            _acquire(lock, path)
            _locked[place] = True
        except Timeout as error:
            raise InputError(
                f'expected one run at a time in {folder}, got a second one: '
                f'{_holder(path) or "another process"} is writing to it; '
                'wait until it ends, or name another folder') from error
    try:
        yield
    finally:
        with suppress(OSError):
            if lock.is_locked:
                path.unlink()
        with suppress(OSError):
            for one in new:
                one.rmdir()  # It fails if there is a result.
        lock.release()


def _acquire(lock: FileLock, path: Path) -> None:
    """Acquire a lock, and write to its file who holds it."""
    while True:
        before = _holder(path)
        pid = before.split()[1] if before.endswith(_here()) else ''
        is_orphan = pid.isdigit() and not is_alive(int(pid))
        try:
            lock.acquire(timeout=_ORPHANS if is_orphan else 0)
        except Timeout:
            # filelock 3.13 empties a file that it cannot lock.
            if before and not _holder(path):
                path.write_text(before)
            raise
        # The last holder may have removed the file that is locked now.
        if _is_file_of(lock, path):
            break
        lock.release()
    path.write_text(
        f'process {os.getpid()} ({_command()}) on {socket.gethostname()}')


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
