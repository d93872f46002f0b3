"""Tasks of Label Studio's exports 'JSON' and 'JSON-MIN'."""
import base64
import binascii
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import InputError, abbreviate
from ...json_text import read_json_value

_ANNOTATED = re.compile(
    rb'"(?:annotations|completions|predictions)"\s*:\s*\[\s*[{\]]|"annotation_id"\s*:')
_TASK = re.compile(rb'"(?:result|lead_time)"\s*:|"data"\s*:\s*\{')
_STORED = re.compile(rb'"task"\s*:\s*\{')
"""A file of a target storage, with one annotation."""
_HOST = re.compile(r'(?!file:)[A-Za-z][A-Za-z0-9+.-]*://[^/]*/')
_PREFIX = re.compile(r'(?<![^/])[0-9a-f]{8}-(?=[^/]+$)')
"""What Label Studio puts before the name of an uploaded file."""
_UPLOAD = re.compile(r'/?data/upload/(?:\d+/)?')


class Annotation(NamedTuple):
    """An annotation of a task."""

    rank: tuple
    """Of several annotations of a task, the one of the highest rank is
    read."""
    results: list


class Task(NamedTuple):
    """A task with its annotations."""

    data: Mapping[str, Any]
    annotations: list[Annotation]
    upload: str
    """Name of the uploaded file, which may be a list of images."""
    where: str


def is_labelstudio(text: bytes) -> bool:
    """Check whether the text of a JSON file was exported by Label Studio."""
    if b'"categories"' in text and b'"images"' in text:  # of COCO
        return False
    return bool(_TASK.search(text)) and bool(
        _ANNOTATED.search(text) or _STORED.search(text))


def read_tasks(files: Iterable[Path]) -> Collection[Task]:
    """Read the tasks of exports; rows of the same task are merged.

    Args:
        files (Iterable[Path]): The JSON files.

    Returns:
        Collection[Task]: Tasks in order. Cancelled annotations, drafts and
        predictions are left out.

    Raises:
        InputError: If a file has something else.
    """
    tasks: dict[str, Task] = {}
    for file in files:
        value = read_json_value(file)
        rows = value if isinstance(value, list) else [value]
        for number, row in enumerate(rows, start=1):
            if not isinstance(row, dict):
                raise InputError(
                    f'{file}, task {number}: expected a task of Label '
                    f"Studio, got {abbreviate(row)}; export as 'JSON'")
            task = row['task'] if isinstance(row.get('task'), dict) else row
            i = task.get('id')
            where = f'{file}, task {number if i is None else i}'
            data, found = _read_row(row, task, where)
            key = where if i is None else str(i)
            known = tasks.setdefault(key, Task(
                data, [], str(task.get('file_upload', '')), where))
            known.annotations.extend(found)
    return tasks.values()


def _read_row(row: Mapping[str, Any], task: Mapping[str, Any], where: str
              ) -> tuple[Mapping[str, Any], list[Annotation]]:
    """Read the data of a task, and its annotations that are not cancelled."""
    data = task.get('data')
    if not isinstance(data, dict) and 'annotation_id' in row:  # JSON-MIN
        results = [
            dict(value=one, **_sizes(one)) for values in row.values()
            if isinstance(values, list) for one in values
            if isinstance(one, dict)]
        return row, [Annotation(_rank(row), results)]
    if not isinstance(data, dict):
        raise InputError(
            f'{where}: expected a task of Label Studio with data and '
            f"annotations, got {abbreviate([*row])}; export as 'JSON'")
    rows = [row] if task is not row else row.get(
        'annotations', row.get('completions', []))
    found = []
    for one in rows if isinstance(rows, list) else [None]:
        if not isinstance(one, dict) or not isinstance(
                one.get('result'), list):
            raise InputError(
                f'{where}: expected annotations with a list result, got '
                f"{abbreviate(one)}; export as 'JSON'")
        if not one.get('was_cancelled') and not one.get('skipped'):
            found.append(Annotation(_rank(one), one['result']))
    return data, found


def _sizes(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value[key] for key in ('original_width', 'original_height')
            if key in value}


def _rank(annotation: Mapping[str, Any]) -> tuple:
    return (annotation.get('ground_truth') is True,
            str(annotation.get('created_at') or ''))


def uploaded_name(name: str) -> str:
    """Return the path of an image before it was uploaded.

    Example:
        >>> uploaded_name('images/1a2b3c4d-a.jpg')
        'images/a.jpg'
    """
    return _PREFIX.sub('', name)


def image_path(url: str) -> str:
    """Return the path of an image from its URL in a task.

    Args:
        url (str): A path, a URL of an upload or of local files, or one of a
            web page or a cloud storage.

    Returns:
        str: The path without host, bucket, query and project.

    Example:
        >>> image_path('/data/upload/1/1a2b3c4d-a.jpg')
        '1a2b3c4d-a.jpg'
        >>> image_path('/data/local-files/?d=photos/a.jpg')
        'photos/a.jpg'
    """
    for key in ('/local-files/?d=', '/resolve/?fileuri='):
        _, found, path = url.partition(key)
        path = path.split('&')[0]
        if found and 'd=' in key:
            return path
        if found:
            try:
                return image_path(
                    base64.b64decode(path, validate=True).decode())
            except (binascii.Error, UnicodeDecodeError):
                return url
    host = _HOST.match(url)
    if host:
        url = re.split('[?#]', url[host.end():])[0]
    return _UPLOAD.sub('', url, count=1) if _UPLOAD.match(url) else url
