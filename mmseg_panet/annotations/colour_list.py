"""Lists of the colours of classes, as CamVid and datumaro write them."""
import csv
import re
from collections import Counter
from pathlib import Path

from ..errors import InputError, abbreviate
from ..files import read_lines
from .class_list import BACKGROUND, ClassList, check_class_name
from .reserved_names import is_background

COLOUR_LISTS = ('label_colors.txt', 'class_dict.csv')
"""Names of lists: lines ``r g b name``, and lines ``name,r,g,b``."""
_LINE = re.compile(r'(\d+)\s+(\d+)\s+(\d+)\s+(\S.*)')


def read_colour_list(file: Path) -> ClassList:
    """Read a list of colours.

    Black is the background, whatever its name is. The other classes are
    numbered from 1 in their order. A list of names only, of which the first
    is the background, has the colours of PASCAL VOC, as datumaro writes it.

    Args:
        file (Path): A file with one of the names of :data:`COLOUR_LISTS`.

    Returns:
        ClassList: The names and colours.

    Raises:
        InputError: If the file or a line cannot be read, a name or a colour
            occurs twice, or a name is invalid, see
            :func:`check_class_name`.
    """
    names, colours = [BACKGROUND], {0: (0, 0, 0)}
    lines = read_lines(file, 'save it as UTF-8', '#')
    listed = list(lines.values())
    if file.suffix.lower() != '.csv' and listed and is_background(
            listed[0]) and not any(map(_LINE.fullmatch, listed)):
        palette = ClassList(listed, {}).palette().tolist()
        lines = {number: ' '.join(map(str, (*rgb, name))) for (
            number, name), rgb in zip(lines.items(), palette, strict=False)}
    for number, line in lines.items():
        where = f'{file}, line {number}'
        if file.suffix.lower() == '.csv':
            name, *colour = next(csv.reader([line], skipinitialspace=True))
            if number == 1 and colour[:1] == ['r']:
                continue
            wanted = 'name,r,g,b'
        else:
            match = _LINE.fullmatch(line)
            *colour, name = match.groups() if match else [line]
            wanted = 'r g b name'
        rgb = [int(one) for one in colour
               if one.strip().isdecimal() and len(one) < 9]
        if len(rgb) != 3 or len(colour) != 3 or max(rgb) > 255:
            raise InputError(
                f'{where}: expected `{wanted}` with numbers of 0..255, got '
                f'{abbreviate(line)!r}; correct it')
        if any(rgb):
            check_class_name(name, where)
            colours[len(names)] = (rgb[0], rgb[1], rgb[2])
            names.append(name)
    one, times = Counter([*names, *colours.values()]).most_common(1)[0]
    if times > 1:
        raise InputError(
            f'{file} has {one!r} more than once; give every class a name and '
            'a colour of its own')
    return ClassList(names, colours)
