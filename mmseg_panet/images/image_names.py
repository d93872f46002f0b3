"""Lookup of images by the names that annotation files give them.

A file may have been written on another computer, with another system, and
before the images were moved.
"""
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path, PureWindowsPath
from urllib.parse import unquote

from ..errors import InputError
from ..files import StrPath
from .image_files import (
    check_file_name,
    names_a_file,
    stem_of,
    visible_files,
)
from .suffixes import is_image

_DRIVE = re.compile(r'(?:file:/*)?(?:[A-Za-z]:)?')

_URL = re.compile(r'\w+://')


class ImageNames:
    """The images of some folders, by the names in annotation files.

    An image is looked for by its path, and then by the end of its path, of
    which the name is the shortest. The following are equal: ``/`` and the
    backslash of Windows, names with percent-encoding and without, composed
    and decomposed letters (NFC and NFD), and upper and lower case of the
    suffix. The name itself is tried first, so that a file whose name
    contains such characters is found.

    Args:
        *folders (str | os.PathLike): Folders of the images, the preferred
            one first. Folders that do not exist are skipped.
        search (bool): Whether an image may lie anywhere below the folders,
            and outside of them only if it is nowhere below. If False, it
            must be where its path, or the end of its path, says. Defaults to
            False.
    """

    def __init__(self, *folders: StrPath, search: bool = False) -> None:
        self._folders = [Path(folder) for folder in folders]
        self._search = search
        self._listed: dict[Path, dict[str, list[str]]] = {}
        self._below: dict[tuple[Path, bool], dict[str, list[Path]]] = {}

    @classmethod
    def of_file(cls, file: Path,
                image_dir: StrPath | None) -> 'ImageNames':
        """Look for the images of an annotation file where exports put them.

        Args:
            file (Path): The annotation file.
            image_dir (str | os.PathLike, optional): Folder anywhere below
                which the images are. If it is None, they are in ``images``
                beside the file, or in its folder.
        """
        if image_dir:
            return cls(image_dir, search=True)
        return cls(file.parent / 'images', file.parent)

    def find(self, name: str, where: object) -> Path | None:
        """Find an image.

        Args:
            name (str): Name or path of the image in an annotation file.
            where (object): Start of a message: the file, and the place in
                it.

        Returns:
            Path | None: The file; None if there is none.

        Raises:
            InputError: If several images have the name and the path does not
                say which is meant, or as for :func:`check_image_name`.
        """
        check_image_name(name, where)
        for folder in self._folders:
            if (found := self._in_folder(folder, name, where)) is not None:
                return found
        return None

    def find_stem(self, stem: str, where: object) -> Path | None:
        """Find an image by its path without suffix.

        It may lie anywhere below the folders, as for ``search``.

        Args:
            stem (str): Path of the image without suffix, with ``/``.
            where (object): Start of a message.

        Returns:
            Path | None: The file; None if there is none.

        Raises:
            InputError: As for :meth:`find`.
        """
        check_file_name(stem, where)
        parts = _parts(stem)
        for folder in self._folders:
            if found := self._by_end(folder, parts, stems=True):
                return _only(found, stem, where)
        return None

    def stem(self, name: str, image: Path | None) -> str:
        """Return what the mask of an image is called in a mask folder.

        Args:
            name (str): Name of the image in an annotation file.
            image (Path, optional): What :meth:`find` returns.

        Returns:
            str: Path without suffix and with ``/``, below the first folder
            that contains the image. It starts with ``/``, a drive or ``..``
            if no folder contains it, which :func:`write_masks` refuses.
        """
        if image is None:
            return stem_of(posix_name(name))
        below = [folder for folder in self._folders
                 if image.is_relative_to(folder)]
        return stem_of(os.path.relpath(
            image, below[0] if below else self._folders[0]))

    def missing(self, name: str, where: object) -> str:
        """Return the message about an image that :meth:`find` did not find.

        Args:
            name (str): Name of the image in an annotation file.
            where (object): Start of the message.
        """
        places = ' and '.join(map(str, self._folders))
        if self._search:
            return (
                f'{where}: there is no image {name!r} in {places}, neither '
                'by its path nor by its name; put it there, or give another '
                'folder as image_dir (--image-dir)')
        return (
            f'{where}: there is no image {name!r} in {places}; put it there, '
            'or give the folder of the images as image_dir (--image-dir)')

    def _in_folder(self, folder: Path, name: str,
                   where: object) -> Path | None:
        outside = None
        for one in dict.fromkeys((name, posix_name(name))):
            if _may_exist(one) and names_a_file(path := folder / one, where):
                if not self._search or is_below(path, folder):
                    return path
                outside = path
        for one in dict.fromkeys((name, unquote(name))):
            parts = _parts(one)
            ends = [parts[number:] for number in range(len(parts))]
            for end in ends[:1] if self._search else ends:
                if found := self._matching(folder, end):
                    return _only(found, name, where)
            if self._search and (found := self._by_end(folder, parts)):
                return _only(found, name, where)
        return outside

    def _matching(self, folder: Path, parts: Sequence[str]) -> list[Path]:
        """List the files whose path below the folder equals the parts."""
        found = [folder]
        for part in parts:
            found = [one / entry for one in found
                     for entry in self._entries(one).get(part, [])]
        return [path for path in found if path.is_file()]

    def _entries(self, folder: Path) -> dict[str, list[str]]:
        """List the entries of a folder by their keys."""
        if folder not in self._listed:
            entries = defaultdict(list)
            for entry in sorted(
                    os.listdir(folder) if folder.is_dir() else ()):
                entries[_key(entry)].append(entry)
            self._listed[folder] = dict(entries)
        return self._listed[folder]

    def _by_end(self, folder: Path, parts: Sequence[str],
                stems: bool = False) -> list[Path]:
        """List the images whose path has the longest end in common."""
        if (folder, stems) not in self._below:
            below = defaultdict(list)
            for path in visible_files(folder) if folder.is_dir() else ():
                if is_image(path):
                    name = stem_of(path) if stems else path
                    below[_key(os.path.basename(name))].append(folder / path)
            self._below[folder, stems] = dict(below)
        found = self._below[folder, stems].get(parts[-1], []) if parts else []
        common = [sum(1 for _ in _common_end(
            [*map(_key, _absolute(path, stems).parts)], parts))
            for path in found]
        return [path for path, number in zip(found, common, strict=True)
                if number == max(common)]


def check_image_name(name: str, where: object) -> None:
    """Check a name as :func:`check_file_name` does, encoded or not.

    Args:
        name (str): Name or path of the image in an annotation file, which is
            longer in percent-encoding.
        where (object): Start of the message.
    """
    if unquote(name) == name:
        return check_file_name(name, where)
    try:
        check_file_name(name, where)
    except InputError:
        check_file_name(unquote(name), where)


def posix_name(name: str) -> str:
    r"""Return a path of any system with ``/``, without ``.`` and its scheme.

    Args:
        name (str): A path, of Windows or of other systems, or a file URL.

    Returns:
        str: The path. It starts with ``/`` or a drive if it is absolute.

    Example:
        >>> posix_name(r'images\.\1\a.jpg'), posix_name(r'\\nas\b.jpg')
        ('images/1/a.jpg', '//nas/b.jpg')
    """
    name = re.sub(r'^file:/*(?=/|[A-Za-z]:)', '', name)
    parts = name.replace('\\', '/').split('/')
    path = '/'.join(
        part for i, part in enumerate(parts) if part != '.' or not i)
    return re.sub('^[.]/+', '', path)


def is_foreign(name: str) -> bool:
    """Check for a URL, or an absolute path of Windows.

    Args:
        name (str): A path of any system, or a URL.
    """
    path = posix_name(name)
    return bool(_URL.match(path)) or PureWindowsPath(path).is_absolute()


def _parts(name: str) -> list[str]:
    """Split a path of any system into keys, without its root and ``..``."""
    path = _DRIVE.sub('', posix_name(name), count=1)
    if _URL.match(path):
        path = re.sub(r'[?#].*', '', path)
    return [_key(part) for part in path.split('/')
            if part not in ('', '.', '..')]


def _key(name: str) -> str:
    """Return the same text for names that are taken as equal."""
    stem, suffix = os.path.splitext(unicodedata.normalize('NFC', name))
    return stem + suffix.lower()


def _may_exist(name: str) -> bool:
    """Check that no part is too long, as a path of Windows is one part."""
    return all(len(os.fsencode(part)) <= 255 for part in Path(name).parts)


def _absolute(image: Path, without_suffix: bool) -> Path:
    path = image.absolute()
    return path.with_suffix('') if without_suffix else path


def is_below(path: Path, folder: StrPath) -> bool:
    """Check whether a path is a folder, or is below it."""
    return Path(os.path.abspath(path)).is_relative_to(os.path.abspath(folder))


def _common_end(one: Sequence[str], other: Sequence[str]) -> Iterator[str]:
    for a, b in zip(reversed(one), reversed(other), strict=False):
        if a != b:
            return
        yield a


def _only(found: Sequence[Path], name: str, where: object) -> Path:
    if len(found) > 1:
        raise InputError(
            f'{where}: expected one image for {name!r}, got {found[0]} and '
            f'{found[1]}; rename or remove one, or correct the path in the '
            'annotations')
    return found[0]
