"""Atomic writing of files, and reading of a user's text files."""
import os
import re
import shutil
import socket
import stat
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL.PngImagePlugin import PngInfo

from .deprecation import renamed
from .errors import InputError, error_context
from .mask_png import encode_mask
from .write_errors import write_context

StrPath = str | os.PathLike
_PART = re.compile(r'\.part-[0-9a-f]{8}-(\d+)(?:-([0-9a-f]{8}))?(?:\.\w+)?')
"""Names of the temporary files and folders of :func:`atomic_path`.

They end in the number and the machine of the process.
"""


@contextmanager
def atomic_path(path: Path, exclusive: bool = False,
                suffix: str = '') -> Iterator[Path]:
    """Write a file or a folder atomically: completely or not at all.

    Args:
        path (Path): Path of the file or the folder. Its parent folder is
            created. A file is replaced; a folder must not exist yet.
        exclusive (bool): Whether no other process is writing this path.
            Temporary files that a killed process left are then removed.
            Defaults to False.
        suffix (str): Suffix of the temporary path, such as '.mp4', for a
            writer that chooses the format by it. Defaults to none.

    Yields:
        Path: A temporary path to write to. It is renamed to ``path`` when
        the block ends, and removed if the block raises an error.

    Raises:
        WriteError: If the disk is full, the folder is not writable or was
            removed, or the name is too long, see :func:`write_context`.
    """
    part = path.with_name(
        f'{_part_prefix(path)}{os.getpid()}-{_machine()}{suffix}')
    with write_context(path, of=path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        if exclusive:
            remove_partial(
                path.parent, f'{_part_prefix(path)}*', exclusive=True)
        try:
            yield part
            os.replace(part, path)
        finally:
            remove(part)


def _part_prefix(path: Path) -> str:
    """Return the start of the names of temporary files, which is short."""
    return f'.part-{zlib.crc32(os.fsencode(path.name)):08x}-'


def _machine() -> str:
    return f'{zlib.crc32(socket.gethostname().encode()):08x}'


def remove_partial(folder: Path, *patterns: str,
                   exclusive: bool = False) -> None:
    """Remove the temporary files of processes that were killed.

    Those of a process that runs are kept, and those of other machines, whose
    processes are unknown here.

    Args:
        folder (Path): Folder of the files, see :func:`atomic_path`.
        *patterns (str): Patterns of :meth:`Path.glob` that limit the search.
            Defaults to all folders below.
        exclusive (bool): Whether no other process is writing to the folder,
            as this one holds its lock. All temporary files are then removed.
            Defaults to False.
    """
    for pattern in patterns or ['**/.*']:
        for path in list(folder.glob(pattern)):
            name = _PART.fullmatch(path.name)
            if name and (exclusive or (
                    name[2] == _machine() and not is_alive(int(name[1])))):
                remove(path)


def is_alive(pid: int) -> bool:
    """Tell whether a process of this machine runs."""
    if os.name == 'nt':  # where the signal 0 would end it
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # It belongs to another user.
        return True
    return True


def remove(path: Path) -> None:
    """Remove a file, or a folder with its contents, if it exists."""
    shutil.rmtree(path, ignore_errors=True)
    path.unlink(missing_ok=True)


def check_regular(path: StrPath) -> None:
    """Check that a path is not a device or a pipe, before it is opened.

    To open a pipe, or to read a device such as ``/dev/zero``, may take for
    ever. A file that does not exist is left to what opens it.

    Args:
        path (str | os.PathLike): Path of a file or a folder.

    Raises:
        InputError: If there is something else.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise InputError(
            f'{path}: expected a file, got a device or a pipe; correct the '
            'path, or copy what it holds to a file')


def prepare_output(path: StrPath) -> None:
    """Check that a file can be written, before the work that produces it.

    What killed processes left of it is removed.

    Args:
        path (str | os.PathLike): Path of the file. Its folder is created.

    Raises:
        InputError: If the path is a folder, or its folder is not writable.
    """
    path = Path(path)
    if os.path.isdir(path) or not _make_writable(path.parent):
        raise InputError(
            f'{path} cannot be written: expected a file in a folder that is '
            'writable; choose another path')
    remove_partial(path.parent, f'{_part_prefix(path)}*')


def keep_inputs(outputs: Iterable[StrPath], inputs: Iterable[StrPath]
                ) -> None:
    """Refuse outputs that would replace a file of ``inputs``.

    Raises:
        InputError: If an output is the same file as an input.
    """
    read = [path for path in inputs if os.path.exists(path)]
    for output in filter(os.path.exists, outputs):
        if any(os.path.samefile(output, path) for path in read):
            raise InputError(
                f'expected another file than the inputs to write to, got '
                f'{output}, which would be replaced; choose another path')


def check_folder(folder: StrPath) -> None:
    """Check that files can be written to a folder, before the work.

    Args:
        folder (str | os.PathLike): The folder, which is created.

    Raises:
        InputError: If it is a file or not writable.
    """
    if not _make_writable(Path(folder)):
        raise InputError(
            f'{folder} cannot be written: expected a folder that is '
            'writable; choose another path')


def _make_writable(folder: Path) -> bool:
    """Create a folder, and tell whether it is writable."""
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)


def check_inside(folder: Path, inner: Iterable[Path]) -> None:
    """Check that no link leads out of a folder that is written to.

    The folder itself may be a link, for example to a larger disk.

    Args:
        folder (Path): Folder for results.
        inner (Iterable[Path]): Folders below it, which may not exist yet.

    Raises:
        InputError: If one of them lies elsewhere.
    """
    for path in inner:
        real = path.resolve()
        if not real.is_relative_to(folder.resolve()):
            raise InputError(
                f'expected {path} as a folder in {folder}, got a link to '
                f'{real}, where files would be overwritten; remove the '
                'link, or make one of the folder of the results itself')


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file atomically, see :func:`atomic_path`.

    Args:
        path (Path): Path of the file. Its folder is created.
        data (bytes): Contents of the file.
    """
    with atomic_path(path) as part:
        part.write_bytes(data)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines as UTF-8 text, atomically."""
    write_atomic(path, ''.join(f'{line}\n' for line in lines).encode())


def write_arrays(path: Path, **arrays: Any) -> None:
    """Write named arrays to a compressed .npz file, atomically.

    Equal arrays give equal bytes, as numpy dates all zip entries 1980.

    Args:
        path (Path): Path of the file. Its folder is created.
        **arrays (np.ndarray): Arrays by their names in the file.
    """
    with atomic_path(path) as part, part.open('wb') as file:
        np.savez_compressed(file, **arrays)


def write_mask(path: Path, labels: np.ndarray, palette: bytes,
               text: PngInfo | None = None) -> None:
    """Write a mask as a PNG, atomically.

    Args:
        path (Path): Path of the file. Its folder is created.
        labels (np.ndarray): See :func:`encode_mask`.
        palette (bytes): See :func:`encode_mask`.
        text (PngInfo, optional): See :func:`encode_mask`. Defaults to None.
    """
    write_atomic(path, encode_mask(labels, palette, text))


def read_names(path: StrPath) -> list[str]:
    """Read a list with one name per line, see :func:`read_lines`."""
    return list(read_lines(path, 'save it as UTF-8').values())


def read_lines(path: StrPath, remedy: str,
               comment: str = '') -> dict[int, str]:
    """Read the lines of a text file in UTF-8, with or without a BOM.

    Args:
        path (str | os.PathLike): Path of the file.
        remedy (str): End of the error message.
        comment (str): First character of comment lines, which are skipped.
            Defaults to '', no comments.

    Returns:
        dict[int, str]: Lines by their number, counted from 1. Whitespace at
        their ends is stripped and empty lines are skipped.

    Raises:
        InputError: If the file cannot be read.
    """
    check_regular(path)
    where = f'{path} cannot be read'
    with error_context(where, remedy, (OSError,)), error_context(
            where, 'save it as UTF-8', (UnicodeError,)):
        lines = Path(path).read_text('utf-8-sig').splitlines()
    numbered = enumerate(map(str.strip, lines), start=1)
    return {i: line for i, line in numbered if line and line[0] != comment}


if not TYPE_CHECKING:
    __getattr__ = renamed(__name__, {
        'remove_parts': 'remove_partial', 'whole_file': 'atomic_path',
        'write_whole': 'write_atomic'})
