"""Files: written completely or not at all, and read."""
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import InputError

StrPath = str | os.PathLike


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Put a file in its place when it is finished, or leave nothing of it.

    Args:
        path (Path): In a folder that exists.

    Yields:
        Path: What to write in the meantime.
    """
    # Short, or the longest names that a file can have would become too long.
    name = zlib.crc32(os.fsencode(path.name))
    part = path.with_name(f'.part-{name:08x}-{os.getpid()}')
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def prepare_output(path: str | os.PathLike) -> None:
    """Make sure, before long work, that its result can be written.

    Args:
        path (str | os.PathLike): A file to be; its folder is made.

    Raises:
        InputError: If it is a folder, or cannot be written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f'{path} cannot be written ({error}); name another place'
        ) from error
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise InputError(
            f'{path} cannot be written: expected a file in a folder that is '
            'writable; name another place')


def write_whole(path: Path, data: bytes) -> None:
    """Write a file in one step; an interruption leaves none or the old one.

    Args:
        path (Path): In a folder that exists.
        data (bytes): All of the file.
    """
    with whole_file(path) as part:
        part.write_bytes(data)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines, whole or not at all."""
    write_whole(path, ''.join(f'{line}\n' for line in lines).encode())


def read_names(path: Path) -> list[str]:
    """Read a list, one name a line; empty lines are skipped."""
    lines = path.read_text(encoding='utf-8').splitlines()
    return [line.strip() for line in lines if line.strip()]


def read_lines(path: StrPath, remedy: str) -> dict[int, str]:
    """Read the lines of a user's text, in UTF-8, with or without its mark.

    Args:
        path (str | os.PathLike): Path of the file.
        remedy (str): Ends the sentence of the error.

    Returns:
        dict[int, str]: Lines by their number, from 1, without blanks at
        their ends; empty ones are left out.

    Raises:
        InputError: If the file cannot be read.
    """
    try:
        lines = Path(path).read_text('utf-8-sig').splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f'{path} cannot be read ({error}); {remedy}') from error
    return {number: line.strip() for number, line in enumerate(lines, start=1)
            if line.strip()}


def read_json(path: Path) -> Any:
    """Read a user's JSON.

    Raises:
        InputError: If it is none; OSError if there is no such file.
    """
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise InputError(f'{path} is no JSON: {error}') from error
