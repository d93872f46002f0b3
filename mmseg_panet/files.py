"""Files that are written whole or not at all."""
import os
from collections.abc import Iterable
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write a file in one step; an interruption leaves none or the old one.

    Args:
        path (Path): In a folder that exists.
        data (bytes): All of the file.
    """
    part = path.with_name(f'.{path.name}.{os.getpid()}')
    part.write_bytes(data)
    os.replace(part, path)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines, whole or not at all."""
    write_whole(path, ''.join(f'{line}\n' for line in lines).encode())


def read_names(path: Path) -> list[str]:
    """Read a list, one name a line; empty lines are skipped."""
    lines = path.read_text(encoding='utf-8').splitlines()
    return [line.strip() for line in lines if line.strip()]
