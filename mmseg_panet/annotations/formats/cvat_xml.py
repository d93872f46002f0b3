"""The XML of CVAT's exports 'CVAT for images' and 'CVAT for video'."""
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from xml.parsers import expat

from ...errors import InputError, abbreviate
from ...files import check_regular
from ...images.image_files import visible_files

_ROOT = 'annotations'
_START = 1 << 16
"""Bytes of a file in which its first element begins."""
Attributes = Mapping[str, str]
"""Attributes of an element of XML."""


class XmlImage(NamedTuple):
    """An element ``image``."""

    attributes: Attributes
    shapes: list[tuple[str, Attributes]]
    """Names and attributes of the elements inside, in order."""


class CvatXml:
    """The labels and the images of a file.

    Args:
        file (Path): The XML file.

    Raises:
        InputError: If the file is malformed, declares entities, which could
            fill the memory, or holds the tracks of a video.
    """

    def __init__(self, file: Path) -> None:
        self.labels: list[str] = []
        """Labels in order, without the points of skeletons."""
        self.images: list[XmlImage] = []
        """Images in order."""
        self._file = file
        self._path: list[str] = []
        self._label: dict[str, str] = {}
        self._text: list[str] = []
        self._read()

    def _read(self) -> None:
        check_regular(self._file)
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        try:
            with open(self._file, 'rb') as stream:
                parser.ParseFile(stream)
        except InputError:
            raise
        # An unknown encoding is a LookupError, one of many bytes a ValueError.
        except (expat.ExpatError, LookupError, ValueError) as error:
            raise InputError(
                f'{self._file} is not valid XML: {error}; export it again'
            ) from error

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        depth = len(self._path)
        if not depth and name != _ROOT:
            raise InputError(
                f'{self._file} is not an export of CVAT: expected the '
                f"element annotations first, got {abbreviate(name)!r}; "
                "export as 'CVAT for images 1.1'")
        if depth == 1 and name == 'track':
            raise InputError(
                f"{self._file} is an export 'CVAT for video', in which images "
                "have no names; export as 'CVAT for images 1.1', which also "
                'exports the frames of a video')
        if depth == 1 and name == 'image':
            self.images.append(XmlImage(attributes, []))
        elif depth == 2 and self._path[1] == 'image':
            self.images[-1].shapes.append((name, attributes))
        self._path.append(name)
        self._text.clear()

    def _end(self, name: str) -> None:
        above = self._path[1:2], self._path[-3:-1]
        if above == (['meta'], ['labels', 'label']):
            self._label[name] = ''.join(self._text).strip()
        elif name == 'label' and self._path[-2:-1] == ['labels']:
            # A label with a parent is a point of a skeleton.
            if self._label.get('name') and not self._label.get('parent'):
                self.labels.append(self._label['name'])
            self._label = {}
        self._path.pop()
        self._text.clear()

    def _refuse_doctype(self, *_: object) -> None:
        raise InputError(
            f'{self._file}: expected XML without a DOCTYPE, as CVAT writes '
            'it, got one; export it again')


def cvat_files(path: Path) -> list[Path]:
    """List the XML files of 'CVAT for images' or 'CVAT for video'.

    Args:
        path (Path): A file, or a folder, whose folders are searched, too.

    Returns:
        list[Path]: The files whose first element is ``annotations``, sorted.
    """
    files = [path] if path.suffix.lower() == '.xml' else []
    if path.is_dir():
        files = [path / name for name in visible_files(path, '.xml')]
    return [file for file in files if file.is_file() and _has_root(file)]


def _has_root(file: Path) -> bool:
    """Check whether the first element of a file is that of CVAT."""
    check_regular(file)
    found: list[str] = []

    def start(name: str, _: Attributes) -> None:
        found.append(name)
        raise ValueError  # It ends the parsing.

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    with open(file, 'rb') as stream:
        text = stream.read(_START)
    with suppress(expat.ExpatError, LookupError, ValueError):
        parser.Parse(text)
    # The reader of the file says what is wrong with a damaged one.
    return found == [_ROOT] or f'<{_ROOT}'.encode() in text
