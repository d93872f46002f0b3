"""The folder of all caches: its keys and its locks."""
import hashlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from mmengine.logging import print_log
from platformdirs import user_cache_dir

from ..errors import InputError
from ..files import remove_partial
from ..locks import optional_lock

T = TypeVar('T')


def cache_folder(cache_dir: str | Path | None = None) -> Path:
    """Return the folder of all caches.

    Args:
        cache_dir (str | Path, optional): Path of the folder. Defaults to
            ``$MMSEG_PANET_CACHE``, or else to the user's cache folder of the
            operating system, which is ``~/.cache/mmseg_panet`` on Linux.

    Returns:
        Path: Path of the folder, which may not exist yet.
    """
    return Path(
        cache_dir or os.environ.get('MMSEG_PANET_CACHE')
        or user_cache_dir('mmseg_panet')).expanduser()


def cache_key(infos: Sequence[dict], *settings: Any) -> str:
    """Hash the images, masks and settings that a cached file depends on.

    Args:
        infos (Sequence[dict]): mmseg's data infos, with ``img_path`` and
            ``seg_map_path``. The path, size and modification time of every
            image and mask are hashed.
        *settings (Any): Settings, whose ``repr`` is hashed.

    Returns:
        str: SHA-256 in hexadecimal.

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
    """Return the size and the modification time of an image or a mask.

    Args:
        path (str): Path of the file.

    Returns:
        tuple[int, int]: Size in bytes, and time in nanoseconds.

    Raises:
        InputError: If the file is missing.
    """
    try:
        stat = os.stat(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(
            f'{path} is missing ({reason}): every image of the data '
            'set needs its mask; check data_root, data_prefix and the '
            'suffixes, or remove the image from the list') from error
    return stat.st_size, stat.st_mtime_ns


@contextmanager
def warn_if_not_cached(what: str) -> Iterator[None]:
    """Log a warning instead of an error if a cache cannot be written.

    A function that is decorated with it returns None in this case.

    Args:
        what (str): Start of the warning: what could not be cached.
    """
    try:
        yield
    except OSError as error:
        print_log(
            f'{what} could not be cached ({error}); set cache_dir or '
            'MMSEG_PANET_CACHE to a writable folder',
            logger='current', level=logging.WARNING)


def read_or_build(cache_dir: str | Path | None, name: str,
                  read: Callable[[Path], T | None],
                  build: Callable[[Path], T]) -> T:
    """Read a file of the cache, or build it while other processes wait.

    Args:
        cache_dir (str | Path, optional): Folder of all caches, see
            :func:`cache_folder`.
        name (str): Path of the file below that folder.
        read (Callable): Function that reads the path, and returns None if
            there is no valid file.
        build (Callable): Function that writes the path and returns the
            result. Of all processes that share the folder, one at a time
            calls it.

    Returns:
        T: Result of ``read`` or ``build``.
    """
    folder = cache_folder(cache_dir)
    path = folder / name
    found = read(path)
    if found is not None:
        return found
    with optional_lock(folder / f'locks/{path.stem}.lock'):
        with suppress(OSError):
            # Builds of other keys may be running.
            remove_partial(path.parent, '.part-*')
        found = read(path)
        return build(path) if found is None else found
