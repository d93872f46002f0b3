"""Files: written completely or not at all, and read."""
import json
import os
import re
import shutil
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from .errors import InputError, naming

StrPath = str | os.PathLike
_PART = re.compile(r'\.part-[0-9a-f]{8}-\d+')
"""Names of what :func:`atomic_path` has not finished."""


@contextmanager
def atomic_path(path: Path, exclusive: bool = False) -> Iterator[Path]:
    """Put a file or a folder in its place when it is finished, or nothing.

    Args:
        path (Path): Its folder is made. A file may be there already, a
            folder must not.
        exclusive (bool): Whether no other process is writing it: what a killed
            one has left is then removed. Defaults to False.

    Yields:
        Path: What to write in the meantime.
    """
    # Short, or the longest names that a file can have would become too long.
    name = f'.part-{zlib.crc32(os.fsencode(path.name)):08x}-'
    part = path.with_name(f'{name}{os.getpid()}')
    path.parent.mkdir(parents=True, exist_ok=True)
    if exclusive:
        remove_partial(path.parent, f'{name}*')
    try:
        yield part
        os.replace(part, path)
    finally:
        remove(part)


def remove_partial(folder: Path, *patterns: str) -> None:
    """Remove what processes left that were killed in :func:`atomic_path`.

    Args:
        folder (Path): No process may be writing there.
        *patterns (str): Where to look in it, as of :meth:`Path.glob`.
            Defaults to everywhere.
    """
    for pattern in patterns or ['**/.*']:
        for path in list(folder.glob(pattern)):
            if _PART.fullmatch(path.name):
                remove(path)


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it, if it is there."""
    shutil.rmtree(path, ignore_errors=True)
    path.unlink(missing_ok=True)


def prepare_output(path: StrPath) -> None:
    """Make sure, before long work, that its result can be written.

    Args:
        path (str | os.PathLike): A file to be; its folder is made.

    Raises:
        InputError: If it is a folder, or cannot be written.
    """
    path = Path(path)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
    writable = path.parent.is_dir() and os.access(path.parent, os.W_OK)
    if path.is_dir() or not writable:
        raise InputError(
            f'{path} cannot be written: expected a file in a folder that is '
            'writable; name another place')


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file in one step; an interruption leaves none or the old one.

    Args:
        path (Path): Its folder is made.
        data (bytes): All of the file.
    """
    with atomic_path(path) as part:
        part.write_bytes(data)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines, one step for all of them."""
    write_atomic(path, ''.join(f'{line}\n' for line in lines).encode())


def write_arrays(path: Path, **arrays: Any) -> None:
    """Write named arrays as a compressed .npz file.

    Equal arrays give equal bytes: numpy dates what it zips 1980.

    Args:
        path (Path): Its folder is made.
        **arrays (np.ndarray): By their names.
    """
    with atomic_path(path) as part, part.open('wb') as file:
        np.savez_compressed(file, **arrays)


def write_mask(path: Path, labels: np.ndarray, palette: bytes,
               text: PngInfo | None = None) -> None:
    """Write a mask as an 8-bit palette PNG.

    Args:
        path (Path): Its folder is made.
        labels (np.ndarray): (H, W) uint8.
        palette (bytes): RGB of up to 256 labels.
        text (PngInfo, optional): Chunks to be kept with it.
    """
    mask = Image.fromarray(labels)
    mask.putpalette(palette)
    with atomic_path(path) as part:
        mask.save(part, 'PNG', pnginfo=text)


def read_names(path: StrPath) -> list[str]:
    """Read a list, one name a line, see :func:`read_lines`."""
    return list(read_lines(path, 'save it as UTF-8').values())


def read_lines(path: StrPath, remedy: str,
               comment: str = '') -> dict[int, str]:
    """Read the lines of a user's text, in UTF-8, with or without its mark.

    Args:
        path (str | os.PathLike): Path of the file.
        remedy (str): Ends the sentence of the error.
        comment (str): The character that begins the lines to leave out.
            Defaults to none.

    Returns:
        dict[int, str]: Lines by their number, from 1, without blanks at
        their ends; empty ones are left out.

    Raises:
        InputError: If the file cannot be read.
    """
    with naming(f'{path} cannot be read', remedy, (OSError, UnicodeError)):
        lines = Path(path).read_text('utf-8-sig').splitlines()
    numbered = enumerate(map(str.strip, lines), start=1)
    return {i: line for i, line in numbered if line and line[0] != comment}


def read_json(path: StrPath) -> dict[str, Any]:
    """Read a user's JSON.

    Returns:
        dict[str, Any]: The object in it; empty if it is a list or a value.

    Raises:
        InputError: If it is no JSON; OSError if there is no such file.
    """
    with naming(f'{path} is no JSON', 'correct it, or save it again'):
        data = json.loads(Path(path).read_bytes())
    return data if isinstance(data, dict) else {}
