"""The bytes of an image, from a file or from a URL."""
import re
import string
from http.client import HTTPException
from pathlib import PurePath
from urllib.parse import quote, unquote
from urllib.request import urlopen

from mmengine.fileio import HTTPBackend, get_file_backend
from mmengine.fileio.backends import prefix_to_backends

from ..errors import InputError
from ..files import StrPath, check_regular
from ..image_limit import MAX_PIXELS
from ..wording import is_unsafe, printable

_SECONDS = 60
"""Seconds without an answer after which a download ends."""
_MOST_BYTES = 4 * MAX_PIXELS
"""Bytes of the largest download."""
_URL = re.compile(r'[A-Za-z][\w+.-]*(:[A-Za-z]\w*)?://')


def is_url(path: object) -> bool:
    """Tell whether a path is a URL, such as of HTTP or of S3."""
    return isinstance(path, str) and _URL.match(path) is not None


def url_name(url: str) -> str:
    """Return the name of the file of a URL, which is safe as that of a file.

    Args:
        url (str): A URL. What follows ? and # is no part of the name, and
            percent-encoding is decoded.
    """
    path = re.split('[?#]', url.partition('://')[2])[0].rstrip('/')
    name = re.split(r'[/\\]', unquote(path))[-1]
    safe = ''.join(
        '_' if is_unsafe(letter) or letter in ':*?"<>|' else letter
        for letter in name)
    return safe if safe.strip('. ') else 'image'


def file_name(path: StrPath) -> str:
    """Return the name of the file of a path or a URL."""
    return url_name(str(path)) if is_url(path) else PurePath(path).name


def read_bytes(path: StrPath) -> bytes:
    """Read a file, or download a URL by mmengine's file backend for it.

    Args:
        path (str | os.PathLike): Path of the file, or a URL as a string.

    Raises:
        InputError: If it cannot be read, no backend is registered for the
            URL, or a download has too many bytes.
    """
    try:
        if is_url(path):
            return _download(str(path))
        check_regular(path)
        with open(path, 'rb') as file:
            return file.read()
    except InputError:
        raise
    except (OSError, HTTPException, ImportError) as error:
        remedy = (
            'correct the URL, or try again later' if is_url(path)
            else 'replace the file or leave it out')
        raise InputError(
            f'{path} could not be read ({error}); {remedy}') from error


def _download(url: str) -> bytes:
    scheme = url.partition('://')[0]
    prefix = scheme.rpartition(':')[2]
    if prefix not in prefix_to_backends:
        known = sorted(one for one in prefix_to_backends if one)
        raise InputError(
            f'{printable(url)}: expected a path, or a URL of {known}, got '
            f'{prefix}://; register a backend for it with '
            'mmengine.fileio.register_backend, or download the file')
    # mmengine takes no URL with a second ://, as in a query.
    backend = get_file_backend(f'{scheme}://')
    if type(backend) is not HTTPBackend:
        return bytes(backend.get(url))
    # That of mmengine waits forever.
    quoted = quote(url, safe=string.punctuation)
    with urlopen(quoted, timeout=_SECONDS) as answer:
        content = answer.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise InputError(
            f'{url} has more than {_MOST_BYTES:,} bytes; download it, and '
            'make it smaller')
    return content
