"""Images of the tasks of Label Studio, from its server or a folder."""
import base64
import json
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, Any
from urllib.error import URLError
from urllib.parse import parse_qs, quote, urljoin, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from ..errors import InputError, abbreviate
from ..files import StrPath
from ..json_text import parse_json

MAX_BYTES = 50_000_000
"""Size of the largest image that is read, unless it is given."""
SECONDS = 30
"""Time in which a server must answer."""
_LOCAL = '/data/local-files/'
_NOT_QUOTED = "%/:?#[]@!$&'()*+,;=~"
"""What has a meaning in a URL; spaces and other letters are quoted."""
_CLOUD = ('s3', 'gs', 'azure-blob')
"""Schemes of files that Label Studio's server fetches from a cloud."""


class TaskImages:
    """Reads the images of tasks.

    The key is sent to the server of Label Studio alone, also if it redirects
    to another one.

    Args:
        server (str): Address of Label Studio, as http://localhost:8080.
            Defaults to none.
        key (str): Personal access token or legacy token of a user. Defaults
            to none.
        root (str | os.PathLike, optional): The folder of local files, which
            is LOCAL_FILES_DOCUMENT_ROOT of Label Studio. Defaults to None:
            local files come from the server.
        max_bytes (int): Size of the largest image. Defaults to
            :data:`MAX_BYTES`.

    Raises:
        InputError: If the address or the folder cannot be used.
    """

    def __init__(self, server: str = '', key: str = '',
                 root: StrPath | None = None,
                 max_bytes: int = MAX_BYTES) -> None:
        if server and not _origin(server):
            raise InputError(
                'expected the address of Label Studio (--label-studio, '
                'LABEL_STUDIO_URL) as http://NAME:PORT, got '
                f'{abbreviate(server)}; correct it')
        if root is not None and not Path(root).is_dir():
            raise InputError(
                'expected the folder of local files (--document-root, '
                f'LOCAL_FILES_DOCUMENT_ROOT), got {root}; correct the path')
        self._server = server.rstrip('/') + '/' if server else ''
        self._key = key
        self._root = None if root is None else Path(root).resolve()
        self._max_bytes = max_bytes
        self._opener = build_opener(_SameOriginKey)

    def read(self, task: Mapping[str, Any], key: str) -> bytes:
        """Read the image of a task.

        Args:
            task (Mapping[str, Any]): The task, with 'id' and 'data'.
            key (str): Key of the image in 'data', whose value is a path of
                the server, such as /data/upload/1/a.jpg, or a URL.

        Returns:
            bytes: The file.

        Raises:
            InputError: If there is no such image, or it must not or cannot
                be read.
        """
        where = f"task {task.get('id')}"
        data = task.get('data')
        url = data.get(key) if isinstance(data, Mapping) else None
        if not isinstance(url, str) or not url:
            raise InputError(
                f'{where}: expected the URL of an image as {key!r} in its '
                f'data, got {abbreviate(url)}; import the task again')
        if urlsplit(url).scheme in _CLOUD:
            name = base64.urlsafe_b64encode(url.encode()).decode()
            url = f"/tasks/{task.get('id')}/resolve/?fileuri={quote(name)}"
        elif urlsplit(url).path == _LOCAL and self._root is not None and (
                _origin(url) in ('', _origin(self._server))):
            return self._local(url, where)
        if not _origin(url) and not self._server:
            raise InputError(
                f'{where}: expected the address of Label Studio for its image '
                f'{abbreviate(url)}, got none; give --label-studio '
                '(LABEL_STUDIO_URL) and LABEL_STUDIO_API_KEY')
        url = url if _origin(url) else urljoin(self._server, url)
        if not _origin(url):
            raise InputError(
                f'{where}: expected a path of Label Studio or a URL of HTTP, '
                f'got {abbreviate(url)}; import the image again')
        return self._fetch(url, where)

    def _local(self, url: str, where: str) -> bytes:
        """Read a file of the folder of local files, and of no other one."""
        assert self._root is not None
        name = parse_qs(urlsplit(url).query).get('d', [''])[-1]
        content = None
        with suppress(OSError, ValueError):  # also a name with a null byte
            path = (self._root / name.lstrip('/')).resolve()
            if path.is_relative_to(self._root) and path.is_file():
                with path.open('rb') as file:
                    content = file.read(self._max_bytes + 1)
        if content is not None:
            return self._limited(content, where)
        raise InputError(
            f'{where}: expected an image in the folder {self._root}, got '
            f'{abbreviate(name)}; correct --document-root, which must be '
            'LOCAL_FILES_DOCUMENT_ROOT of Label Studio')

    def _fetch(self, url: str, where: str) -> bytes:
        try:
            request = Request(quote(url, safe=_NOT_QUOTED), headers=(
                self._authorization() if self._key
                and _origin(url) == _origin(self._server) else {}))
            with self._opener.open(request, timeout=SECONDS) as answer:
                content = answer.read(self._max_bytes + 1)
        except (HTTPException, OSError, ValueError, TypeError,
                KeyError) as error:
            raise InputError(
                f'{where}: its image {abbreviate(url)} could not be fetched '
                f'({error}); check --label-studio (LABEL_STUDIO_URL) and '
                'LABEL_STUDIO_API_KEY') from error
        return self._limited(content, where)

    def _authorization(self) -> dict[str, str]:
        """Return the header of the key; a personal token gives another one."""
        if self._key.count('.') != 2:
            return {'Authorization': f'Token {self._key}'}
        request = Request(
            urljoin(self._server, 'api/token/refresh/'),
            json.dumps(dict(refresh=self._key)).encode(),
            {'Content-Type': 'application/json'})
        with self._opener.open(request, timeout=SECONDS) as answer:
            access = parse_json(answer.read(1 << 16))['access']
        return {'Authorization': f'Bearer {access}'}

    def _limited(self, content: bytes, where: str) -> bytes:
        if len(content) > self._max_bytes:
            raise InputError(
                f'{where}: expected an image of at most {self._max_bytes:,} '
                'bytes, got a larger one; make it smaller, or raise '
                '--max-upload')
        return content


class _SameOriginKey(HTTPRedirectHandler):
    """Follows redirects over HTTP, without the key to another server."""

    def redirect_request(self, req: Request, fp: IO[bytes], code: int,
                         msg: str, headers: HTTPMessage, newurl: str
                         ) -> Request | None:
        """Return the next request."""
        if not _origin(newurl):
            raise URLError(f'it redirects to {abbreviate(newurl)}')
        new = super().redirect_request(req, fp, code, msg, headers, newurl)
        if new is not None and _origin(newurl) != _origin(req.full_url):
            new.remove_header('Authorization')
        return new


def _origin(url: str) -> str:
    """Return scheme, host and port of a URL of HTTP, or ''."""
    try:
        parts = urlsplit(url)
        port = parts.port or dict(http=80, https=443).get(parts.scheme)
    except ValueError:  # a malformed port or host
        return ''
    return f'{parts.scheme}://{parts.hostname}:{port}' if (
        parts.hostname and parts.scheme in ('http', 'https')) else ''
