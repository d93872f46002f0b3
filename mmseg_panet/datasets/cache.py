"""The folder of what is computed once: its keys, and who computes."""
import hashlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock
from mmengine.logging import print_log
from platformdirs import user_cache_dir

from ..errors import InputError

T = TypeVar('T')


def cache_folder(cache_dir: str | Path | None = None) -> Path:
    """The folder of all caches.

    Args:
        cache_dir (str | Path, optional): Defaults to ``$MMSEG_PANET_CACHE``,
            or the user's cache folder of this system, on Linux
            ``~/.cache/mmseg_panet``.
    """
    return Path(
        cache_dir or os.environ.get('MMSEG_PANET_CACHE')
        or user_cache_dir('mmseg_panet')).expanduser()


def cache_key(infos: Sequence[dict], *settings: Any) -> str:
    """Hash of all that something is made from.

    Args:
        infos (Sequence[dict]): mmseg's data infos, with ``img_path`` and
            ``seg_map_path``. An image or a mask counts by its path, size and
            time.
        *settings (Any): By their ``repr``.

    Raises:
        InputError: If a file is missing.
    """
    digest = hashlib.sha256(repr(settings).encode())
    for info in infos:
        digest.update(repr([
            (key, os.path.abspath(value), size_and_time(value))
            if key in ('img_path', 'seg_map_path') else (key, value)
            for key, value in sorted(info.items())]).encode())
    return digest.hexdigest()


def size_and_time(path: str) -> tuple[int, int]:
    """Bytes and modification time of an image or a mask.

    Raises:
        InputError: If it is missing.
    """
    try:
        stat = os.stat(path)
    except OSError as error:
        raise InputError(
            f'{path} is missing ({error.strerror}): every image of the data '
            'set needs its mask; check data_root, data_prefix and the '
            'suffixes, or take the image off the list') from error
    return stat.st_size, stat.st_mtime_ns


@contextmanager
def keeping(what: str) -> Iterator[None]:
    """Do without a cache that cannot be written, and say so.

    A function that it decorates then returns None.

    Args:
        what (str): Begins the sentence.
    """
    try:
        yield
    except OSError as error:
        print_log(
            f'{what} could not be kept ({error}); set cache_dir or '
            'MMSEG_PANET_CACHE to a folder that can be written',
            logger='current', level=logging.WARNING)


def read_or_build(cache_dir: str | Path | None, name: str,
                  read: Callable[[Path], T | None],
                  build: Callable[[Path], T]) -> T:
    """Read a file of the cache, or build it while other processes wait.

    Args:
        cache_dir (str | Path, optional): See :func:`cache_folder`.
        name (str): Path of the file in that folder.
        read (Callable): Gives None where there is no such file.
        build (Callable): Called in one process at a time, of all that share
            the folder.
    """
    folder = cache_folder(cache_dir)
    path, locks = folder / name, folder / 'locks'
    found = read(path)
    if found is not None:
        return found
    with ExitStack() as stack:
        # A folder that cannot be written or locked is done without.
        with suppress(OSError, NotImplementedError):
            locks.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(locks / f'{path.stem}.lock'))
        found = read(path)
        return build(path) if found is None else found
