"""Reading of JSON, in one way for all files."""
import json
from pathlib import Path
from typing import Any

from .errors import error_context
from .files import StrPath, check_regular
from .garbage_collection import pause_garbage_collection


def parse_json(text: str | bytes) -> Any:
    """Parse JSON, from text or from bytes in UTF-8, UTF-16 or UTF-32.

    ``NaN`` and ``Infinity`` are accepted, as :func:`json.dumps` writes them.

    Args:
        text (str | bytes): The JSON.

    Returns:
        Any: The value.

    Raises:
        ValueError: If it is not valid JSON, is nested too deeply, or has an
            object with the same key twice, of which one would be lost.

    Example:
        >>> parse_json('{"shots": 5}')
        {'shots': 5}
    """
    try:
        with pause_garbage_collection():
            return json.loads(text, object_pairs_hook=_unique)
    except RecursionError:
        raise ValueError('it is nested too deeply') from None


def read_json(path: StrPath) -> dict[str, Any]:
    """Read a JSON file.

    Args:
        path (str | os.PathLike): Path of the file.

    Returns:
        dict[str, Any]: The object in the file; empty if the file holds a
        list or a single value.

    Raises:
        InputError: If the file is not valid JSON, see :func:`parse_json`.
        OSError: If the file does not exist.
    """
    data = read_json_value(path)
    return data if isinstance(data, dict) else {}


def read_json_value(path: StrPath) -> Any:
    """Read a JSON file that may hold a list, as :func:`read_json` does."""
    check_regular(path)
    where = f'{path} is not valid JSON'
    with error_context(where, 'correct it, or save it again'), error_context(
            where, 'save it with the encoding UTF-8 in a text editor',
            (UnicodeDecodeError,)):
        return parse_json(Path(path).read_bytes())


def read_utf8(path: StrPath) -> bytes:
    """Read the text of a JSON file as UTF-8, whatever its encoding is."""
    text = Path(path).read_bytes()
    encoding = json.detect_encoding(text)
    return text if encoding == 'utf-8' else text.decode(
        encoding, 'replace').encode()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f'an object has the key {twice!r} twice')
    return values
