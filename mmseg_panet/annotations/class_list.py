"""The class list: which id is which class, in which colour."""
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from ..files import StrPath, read_lines, write_lines

Colour = tuple[int, int, int]
"""Red, green and blue, 0..255."""

CLASS_LIST = 'classes.txt'
"""Name of the class list in a folder of masks."""
BACKGROUND = 'background'
IGNORED = 255
# `_background_` and `__ignore__` are labelme's.
SPECIAL_IDS = {BACKGROUND: 0, '_background_': 0, '__ignore__': IGNORED}
NOT_CLASSES = ('none', 'undecided')
"""How results call pixels that are of no class."""
_LINE = re.compile(
    r'(\d+)\s+(\S.*?)(?:\s+(\d+)\s*,\s*(\d+)\s*,\s*(\d+))?')


class ClassList(NamedTuple):
    """The classes of a data set."""

    names: list[str]
    """By id, background first."""
    colours: Mapping[int, Colour]
    """Colours of the ids that have their own; 255 may be among them."""

    def palette(self) -> np.ndarray:
        """Give the colours of all ids, (256, 3) uint8; VOC's by default."""
        # Bits 0, 3 and 6 of an id are the highest three of its red.
        j, channel = np.mgrid[:3, :3]
        bits = np.arange(256)[:, None, None] >> 3 * j + channel & 1
        palette = (bits << 7 - j).sum(1).astype(np.uint8)  # (256, 3)
        for i, colour in self.colours.items():
            palette[i] = colour
        return palette


def check_name(name: Any, where: object) -> None:
    """Refuse a name that a line ``id name`` does not give back.

    Args:
        name (Any): Name of a class.
        where (object): Begins the sentence: the file, and the place in it.

    Raises:
        InputError: If the name is no text, is empty, has a line break or
            blanks at its ends, or ends like a colour.
    """
    match = isinstance(name, str) and _LINE.fullmatch(f'0 {name}'.strip())
    if not match or match[2] != name or len(name.splitlines()) > 1:
        raise InputError(
            f'{where}: expected the name of a class, one line without blanks '
            f'around it and without a colour r,g,b, got {name!r}; rename it')


def check_class_name(name: Any, where: object) -> None:
    """Refuse a name that no class of a user can have.

    Args:
        name (Any): Name of a class.
        where (object): Begins the sentence.

    Raises:
        InputError: As :func:`check_name`, or if it is the background's or
            one of :data:`NOT_CLASSES`.
    """
    check_name(name, where)
    if name in (*SPECIAL_IDS, *NOT_CLASSES):
        raise InputError(
            f'{where}: expected names of classes, got {name!r}, which stands '
            'for pixels of no class; leave it out, or choose another name')


def number_classes(known: Sequence[str], classes: Sequence[str] | None,
                   source: StrPath) -> tuple[list[str], dict[str, int]]:
    """Give every class its id.

    ``background`` and labelme's ``_background_`` are 0, ``__ignore__`` is
    255, wherever they stand.

    Args:
        known (Sequence[str]): Names that the annotations hold, in order.
        classes (Sequence[str], optional): Those to take, in the order of
            their ids. Defaults to all.
        source (str | os.PathLike): Where the names come from.

    Returns:
        tuple: Names by id, background first; and the id of every name.

    Raises:
        InputError: If a name is unknown, not as :func:`check_name` wants it
            or there twice, or there are none or more than 254.
    """
    if isinstance(classes, str):
        raise InputError(f'classes: expected a list of names, got {classes!r}')
    for name in (*known, *(classes or ())):
        check_name(name, source)
    unknown = sorted(set(classes or ()) - {*known, *SPECIAL_IDS})
    if unknown:
        raise InputError(
            f'{source} has no classes {unknown}; choose among {list(known)}')
    chosen = known if classes is None else classes
    names = [name for name in chosen if name not in SPECIAL_IDS]
    times = Counter(names) | Counter(known)  # the larger of the two
    repeated = [name for name in times if times[name] > 1 and name in names]
    if repeated:
        raise InputError(
            f'{source} has the classes {repeated} more than once; rename them')
    if not 0 < len(names) < IGNORED:
        raise InputError(
            f'{source} has {len(names)} classes beside the background; '
            'expected 1..254, as masks have 8 bits; choose some with classes')
    names = [BACKGROUND, *names]
    return names, {name: i for i, name in enumerate(names)} | SPECIAL_IDS


def read_class_list(path: StrPath) -> ClassList:
    """Read a class list, in one of two forms.

    Either every line is ``id name`` or ``id name r,g,b``; id 0 is background
    when it is not listed, 255 is what is ignored, and there are no gaps
    between the others. Or every line is a name and the first is
    ``background``: ids are counted from 0, up to 254. Empty lines and those
    that begin with ``#`` are skipped.

    Args:
        path (str | os.PathLike): Text in UTF-8.

    Returns:
        ClassList: Its names and colours.

    Raises:
        InputError: If the file or a line cannot be read, there are more
            than 255 names, one is not as :func:`check_name` wants it, or an
            id, a name or a colour is there twice.
    """
    remedy = 'write a line `id name` for every class'
    lines = read_lines(path, remedy, comment='#')
    if not lines:
        raise InputError(f'the class list {path} is empty; {remedy}')
    first, line = next(iter(lines.items()))
    if _LINE.fullmatch(line):
        names, colours = _numbered(path, lines)
    elif SPECIAL_IDS.get(line) == 0:
        names, colours = [BACKGROUND, *list(lines.values())[1:]], {}
    else:
        raise InputError(
            f"{path}, line {first}: expected `id name`, or 'background' as "
            f'the first of plain names, got {line!r}; add ids or background')
    if len(names) > IGNORED:
        raise InputError(
            f'{path} has {len(names)} names; expected at most {IGNORED}, as '
            'masks have 8 bits; remove some')
    for name in names:
        check_name(name, path)
    one, times = Counter([*names, *colours.values()]).most_common(1)[0]
    if times > 1:
        raise InputError(
            f'{path} has {one!r} more than once; every id needs its own name '
            'and colour')
    return ClassList(names, colours)


def class_lines(classes: ClassList) -> list[str]:
    """Write ``id name`` lines, with ``r,g,b`` where there is a colour."""
    names = dict(enumerate(classes.names))
    if IGNORED in classes.colours:
        names[IGNORED] = 'ignored'
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
        if not match or max(numbers) > 255:
            raise InputError(
                f'{path}, line {number}: expected `id name` or `id name '
                f'r,g,b` with numbers of 0..255, got {line!r}')
        i, *colour = numbers
        if i in names:
            raise InputError(
                f'{path}, line {number}: the id {i} is {names[i]!r} already; '
                'every class needs its own')
        names[i] = match[2]
        if colour:
            colours[i] = (colour[0], colour[1], colour[2])
    names.pop(IGNORED, None)
    names.setdefault(0, BACKGROUND)
    missing = sorted(set(range(max(names))) - set(names))
    if missing:
        raise InputError(
            f'{path} has no line for the ids {missing[:10]}; expected all of '
            f'0..{max(names)}')
    return [names[i] for i in sorted(names)], colours
