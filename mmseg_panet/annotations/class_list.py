"""Class lists: the ids, names and colours of classes."""
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from ..files import StrPath, read_lines, write_lines
from ..wording import is_unsafe
from .label_type import (
    IGNORED,
    MOST_CLASSES,
    WIDE_IGNORED,
    ignored_label,
    label_type,
)
from .reserved_names import (
    BACKGROUND,
    SPECIAL_IDS,
    is_background,
    is_reserved,
)

Colour = tuple[int, int, int]
"""Red, green and blue, 0..255."""

CLASS_LIST = 'classes.txt'
"""Name of the class list in a folder of masks."""
_LINE = re.compile(
    r'(\d+)\s+(\S.*?)(?:\s+(\d+)\s*,\s*(\d+)\s*,\s*(\d+))?')


class ClassList(NamedTuple):
    """The names and colours of a data set's classes.

    Example:
        >>> ClassList(['background', 'cat'], {1: (9, 8, 7)}).palette()[:3]
        array([[  0,   0,   0],
               [  9,   8,   7],
               [  0, 128,   0]], dtype=uint8)
    """

    names: list[str]
    """Names of the ids 0, 1, ..., of which 0 is the background."""
    colours: Mapping[int, Colour]
    """Colours by id, for ids that are listed with one, also :attr:`void`."""
    ignored: str = 'ignored'
    """Name of the id :attr:`void` in a list, if that id has a colour."""

    @property
    def dtype(self) -> np.dtype:
        """The type of the masks, uint8 or uint16."""
        return label_type(len(self.names))

    @property
    def void(self) -> int:
        """The id of ignored pixels, 255 or 65535."""
        return ignored_label(len(self.names))

    def palette(self) -> np.ndarray:
        """Return the RGB colours of all ids, uint8.

        They are (256, 3), and (65536, 3) for masks of 16 bits.

        Ids without a colour get that of PASCAL VOC's palette.
        """
        # VOC's palette: bits 0, 3 and 6 of an id are the three highest bits
        # of red, bits 1, 4 and 7 those of green, and so on.
        j, channel = np.mgrid[:6, :3]
        ids = np.arange(1 + self.void)
        bits = ids[:, None, None] >> 3 * j + channel & 1
        palette = (bits << 7 - j).sum(1).astype(np.uint8)  # (1 + void, 3)
        for i, colour in self.colours.items():
            palette[i] = colour
        return palette


def check_name(name: Any, where: object) -> None:
    """Check that a name can be stored, in a line ``id name``, and shown.

    Args:
        name (Any): Name of a class.
        where (object): Start of the message: the file, and the place in it.

    Raises:
        InputError: If the name is not a string, is empty, has an
            :func:`is_unsafe` character such as a line break, has whitespace
            at its ends, or ends like a colour.
    """
    match = isinstance(name, str) and _LINE.fullmatch(f'0 {name}'.strip())
    if not match or match[2] != name or any(map(is_unsafe, name)):
        raise InputError(
            f'{where}: expected the name of a class, one line '
            'without spaces around it, without control characters and '
            f'without a colour r,g,b, got {name!r}; rename it')


def check_letters(name: Any, where: object) -> None:
    """Check that the name of a class of mmseg can be shown.

    Some of mmseg's names, such as ``'bed '`` of ADE20K, have whitespace at
    their ends.

    Args:
        name (Any): Name of a class.
        where (object): Start of the message.

    Raises:
        InputError: If the name is not a string, is empty, or has an
            :func:`is_unsafe` character.
    """
    if not isinstance(name, str) or not name or any(map(is_unsafe, name)):
        raise InputError(
            f'{where}: expected the name of a class without control '
            f'characters, got {name!r}; rename it')


def check_class_name(name: Any, where: object) -> None:
    """Check that a user's class may have a name.

    Args:
        name (Any): Name of a class.
        where (object): Start of the message.

    Raises:
        InputError: As for :func:`check_name` and :func:`is_reserved`.
    """
    check_name(name, where)
    if is_reserved(name):
        raise InputError(
            f'{where}: expected names of classes, got {name!r}, which stands '
            'for pixels of no class; leave it out, or choose another name')


def number_classes(known: Sequence[str], classes: Sequence[str] | None,
                   source: StrPath) -> tuple[list[str], dict[str, int]]:
    """Assign an id to every class.

    ``background`` and labelme's ``_background_`` are 0, and ``__ignore__``
    is 255, or 65535 with more than 254 classes, wherever they are listed
    and in upper or lower case.

    Args:
        known (Sequence[str]): Names in the annotations, in order.
        classes (Sequence[str], optional): Names to select, in the order of
            their ids. Defaults to all.
        source (str | os.PathLike): Source of the names, for messages.

    Returns:
        tuple[list[str], dict[str, int]]: Names by id, background first, and
        the id of every name.

    Raises:
        InputError: If a name is unknown, is invalid for :func:`check_name`
            or occurs twice, if a selected name is one of
            :data:`NOT_CLASSES`, or if there are no names or more than 65534.
    """
    if isinstance(classes, str):
        raise InputError(f'classes: expected a list of names, got {classes!r}')
    for name in (*known, *(classes or ())):
        check_name(name, source)
    special = {name: SPECIAL_IDS[name.casefold()]
               for name in (*SPECIAL_IDS, *known, *(classes or ()))
               if name.casefold() in SPECIAL_IDS}
    unknown = sorted(set(classes or ()) - {*known, *special})
    if unknown:
        raise InputError(
            f'{source} has no classes {unknown}; choose among {list(known)}')
    chosen = known if classes is None else classes
    names = [name for name in chosen if name not in special]
    for name in names:
        check_class_name(name, source)
    times = Counter(names) | Counter(known)  # the larger of the two
    repeated = [name for name in times if times[name] > 1 and name in names]
    if repeated:
        raise InputError(
            f'{source} has the classes {repeated} more than once; rename them')
    if not 0 < len(names) <= MOST_CLASSES:
        raise InputError(
            f'{source} has {len(names)} classes beside the background; '
            f'expected 1..{MOST_CLASSES}, as masks have at most 16 bits; '
            'select some with classes')
    names = [BACKGROUND, *names]
    void = ignored_label(len(names))
    return names, {name: i for i, name in enumerate(names)} | {
        name: void if i == IGNORED else i for name, i in special.items()}


def read_class_list(path: StrPath) -> ClassList:
    """Read a class list, which has one of two forms.

    In the first form, every line is ``id name`` or ``id name r,g,b``. Id 0
    is the background if it is not listed, 255 marks ignored pixels, and
    there must be no gaps between the other ids. In a list with an id above
    255, the masks have 16 bits, 65535 marks ignored pixels, and 255 is a
    class. In the second form, every line is a name, the first is
    ``background``, and the ids are counted from 0. Empty lines and lines
    that start with ``#`` are skipped.

    Args:
        path (str | os.PathLike): Path of the text file in UTF-8.

    Returns:
        ClassList: Names and colours of the classes.

    Raises:
        InputError: If the file or a line cannot be read, there are more
            than 65535 names, a name is invalid for :func:`check_name`, the
            name of a class is reserved, see :func:`check_class_name`, or an
            id, a name or a colour occurs twice.
    """
    remedy = 'write a line `id name` for every class'
    lines = read_lines(path, remedy, comment='#')
    if not lines:
        raise InputError(f'the class list {path} is empty; {remedy}')
    first, line = next(iter(lines.items()))
    if _LINE.fullmatch(line):
        names, colours = _numbered(path, lines)
    elif is_background(line):
        names, colours = [BACKGROUND, *list(lines.values())[1:]], {}
    else:
        raise InputError(
            f"{path}, line {first}: expected `id name`, or 'background' as "
            f'the first of plain names, got {line!r}; add ids or background')
    if len(names) > 1 + MOST_CLASSES:
        raise InputError(
            f'{path} has {len(names)} names; expected at most '
            f'{1 + MOST_CLASSES}, as masks have at most 16 bits; remove some')
    for name in names:
        check_name(name, path)
    if is_background(names[0]):
        names[0] = BACKGROUND
    one, times = Counter([*names, *colours.values()]).most_common(1)[0]
    if times > 1:
        raise InputError(
            f'{path} has {one!r} more than once; give every id a name and a '
            'colour of its own')
    for name in names[names[0] == BACKGROUND:]:
        check_class_name(name, path)
    return ClassList(names, colours)


def class_lines(classes: ClassList) -> list[str]:
    """Format ``id name`` lines, with ``r,g,b`` for ids with a colour."""
    names = dict(enumerate(classes.names))
    # An id above 255 says that the masks have 16 bits.
    if classes.void in classes.colours or classes.void > IGNORED:
        names[classes.void] = classes.ignored
    return [
        f"{i} {name} {','.join(map(str, classes.colours.get(i, ())))}".rstrip()
        for i, name in names.items()]


def write_class_list(folder: StrPath, classes: ClassList) -> None:
    """Write the class list of a folder of masks.

    Args:
        folder (str | os.PathLike): Gets ``classes.txt``.
        classes (ClassList): Names of the ids of its masks.
    """
    write_lines(Path(folder, CLASS_LIST), class_lines(classes))


def _numbered(path: StrPath, lines: Mapping[int, str]
              ) -> tuple[list[str], dict[int, Colour]]:
    """Read names and colours from ``id name r,g,b`` lines."""
    names: dict[int, str] = {}
    colours: dict[int, Colour] = {}
    for number, line in lines.items():
        match = _LINE.fullmatch(line)
        fields = match.group(1, 3, 4, 5) if match else ()
        numbers = [int(n) for n in fields if n]
        if not match or max(numbers[1:], default=0) > 255:
            raise InputError(
                f'{path}, line {number}: expected `id name` or `id name '
                f'r,g,b` with numbers of 0..255, got {line!r}')
        i, *colour = numbers
        if i > WIDE_IGNORED:
            raise InputError(
                f'{path}, line {number}: expected an id of 0..'
                f'{WIDE_IGNORED}, as masks have at most 16 bits, got {i}; '
                'number the classes from 0')
        if i in names:
            raise InputError(
                f'{path}, line {number}: the id {i} is {names[i]!r} already; '
                'give every class a different id')
        names[i] = match[2]
        if colour:
            colours[i] = (colour[0], colour[1], colour[2])
    names.pop(WIDE_IGNORED if max(names) > IGNORED else IGNORED, None)
    names.setdefault(0, BACKGROUND)
    missing = sorted(set(range(max(names))) - set(names))
    if missing:
        raise InputError(
            f'{path} has no line for the ids {missing[:10]}; expected all of '
            f'0..{max(names)}')
    return [names[i] for i in sorted(names)], colours
