"""The tables of a file in COCO's format: images, categories, annotations."""
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from ...errors import InputError, abbreviate
from ...files import StrPath
from ...images.image_names import check_image_name
from ...images.pixel_limit import check_pixels
from ...json_text import read_json
from ...notices import warn
from ..reserved_names import is_reserved

Id = int | str
_DIGITS = 4000
"""Python turns texts of fewer digits into integers."""
_OTHER_KINDS = {'caption': 'captions', 'segments_info': 'panoptic labels'}
"""Kinds of COCO's files without objects, by a key of their annotations."""


class Tables(NamedTuple):
    """The rows of a file."""

    images: dict[Id, Any]
    """Rows by their ids, in the order of the file."""
    categories: dict[Id, Any]
    """Rows by their ids, in the order of the file."""
    annotations: list[Any]
    """Rows in the order of the file."""


class CocoObject(NamedTuple):
    """An object of an image, as stored in the file."""

    id: Id
    """The id in the file, or the position if it has none."""
    category: str
    """Name of the category."""
    segmentation: Any
    bbox: Any
    crowd: int
    """The value of ``iscrowd``, 0 or 1."""


class CocoImage(NamedTuple):
    """An image with its objects, in the order of the file."""

    id: Id
    file_name: str
    size: tuple[int, int] | None
    """H and W; None if the file does not say them."""
    objects: list[CocoObject]


def read_tables(ann_file: StrPath, lenient: bool = False) -> Tables:
    """Read the tables of images, categories and annotations.

    Ids are integers or texts. An integer may be stored as a text or a float
    in one table and as an integer in another one. Annotations need no id.

    Args:
        ann_file (str | os.PathLike): Path of the file.
        lenient (bool): Whether the later of two images or categories with
            the same id is used. Defaults to False.

    Returns:
        Tables: The three tables.

    Raises:
        InputError: If the file is not such JSON, or has an id twice.
        OSError: If the file does not exist.
    """
    data = read_json(ann_file)
    if 'annotations' in data and data['annotations'] is None:
        data['annotations'] = []  # as Go writes an empty list
    _refuse_other_kinds(data.get('annotations'), ann_file)
    rows: dict[str, list] = {}
    for name in Tables._fields:
        rows[name] = data.get(name, 0)
        if not isinstance(rows[name], list) or not all(
                isinstance(row, dict) for row in rows[name]):
            raise InputError(_expected_list(ann_file, name))
    tables: dict[str, dict[Id, Any]] = {'images': {}, 'categories': {}}
    for name, table in tables.items():
        for row in rows[name]:
            i = _id(row.get('id'))
            if i is None:
                raise InputError(_expected_list(ann_file, name))
            if i in table and not lenient:
                raise InputError(
                    f"{ann_file}: '{name}' has an id twice; make ids unique")
            table[i] = row
            if type(row.get('name')) is int:  # as scripts write them
                row['name'] = str(row['name'])
    return Tables(**tables, annotations=rows['annotations'])


def class_names(tables: Tables, ann_file: StrPath,
                classes: Collection[str] | None = None) -> list[str]:
    """List the names of the categories that are classes.

    A category without annotations is no class if another category names it
    as its supercategory, its name is reserved, or another category has the
    same name. Categories of the same name and supercategory are one class.

    Args:
        tables (Tables): Tables of the file.
        ann_file (str | os.PathLike): Path of the file, for messages.
        classes (Collection[str], optional): Names that are classes in any
            case.

    Returns:
        list[str]: Names in the order of the ids, or in that of the file if
        an id is no integer. A name occurs twice if the categories have
        different supercategories, which :func:`number_classes` refuses.
    """
    used = {
        i if type(i) is int else _id(i)
        for i in (row.get('category_id') for row in tables.annotations)}
    rows = tables.categories
    ids = list(rows)
    if all(isinstance(i, int) for i in ids):
        ids.sort()
    names = {i: rows[i].get('name', '') for i in ids}
    parents = {i: _text(rows[i].get('supercategory') or '') for i in ids}
    children = Counter(filter(None, parents.values()))
    groups: dict[str, list[Id]] = defaultdict(list)
    for i in ids:
        name = _text(names[i])
        # COCO's 'person' names itself.
        is_root = children[name] > (parents[i] == name)
        if i in used or name in (classes or ()) or not (
                is_root or is_reserved(name)):
            groups[name].append(i)
    for name, same in groups.items():
        both = [i for i in same if i in used]
        if len({parents[i] for i in both}) > 1:
            same[:] = both
            continue
        if len(both) > 1:
            warn(f'{ann_file}: the categories with the ids '
                 f'{abbreviate(both)} are one class, as all have the name '
                 f'{name!r}; rename them to keep them apart')
        del same[1:]  # so that the order does not depend on what is used
    kept = {i for same in groups.values() for i in same}
    return [names[i] for i in ids if i in kept]


def coco_images(tables: Tables, ann_file: StrPath) -> Iterator[CocoImage]:
    """Collect the objects of every image.

    Args:
        tables (Tables): Tables of the file, see :func:`read_tables`.
        ann_file (str | os.PathLike): Path of the file, for messages.

    Yields:
        CocoImage: Images in the order of the file.

    Raises:
        InputError: If an annotation refers to a missing image or category,
            or an image has no name, or a malformed size.
    """
    objects = _objects_by_image(tables, ann_file)
    for i, row in tables.images.items():
        where = f'{ann_file}, image {abbreviate(i)}'
        name, height, width = map(row.get, ('file_name', 'height', 'width'))
        if name is None and isinstance(url := row.get('coco_url'), str):
            name = '/'.join(url.split('/')[-2:])  # LVIS: train2017/...jpg
        size = None
        if height and width:
            size = _whole(height) or 0, _whole(width) or 0
        if not isinstance(name, str) or size and min(size) <= 0:
            raise InputError(expected_size(where, name, height, width))
        check_image_name(name, where)
        if size:
            check_pixels(size, where)
        yield CocoImage(i, name, size, objects[i])


def _objects_by_image(tables: Tables, ann_file: StrPath
                      ) -> dict[Id, list[CocoObject]]:
    images, categories, annotations = tables
    names = {i: row.get('name', '') for i, row in categories.items()}
    objects: dict[Id, list[CocoObject]] = {i: [] for i in images}
    for number, row in enumerate(annotations):
        where = row.get('id', number)
        if type(where) is not int:
            where = abbreviate(where)
        image, category = row.get('image_id'), row.get('category_id')
        if type(image) is not int:
            image = _id(image)
        if type(category) is not int:
            category = _id(category)
        if image not in objects or category not in names:
            key = 'category' if image in objects else 'image'
            raise InputError(
                f'{ann_file}, annotation {where}: there is no {key} with the '
                f'id {abbreviate(row.get(f"{key}_id"))}; add it or remove the '
                'annotation')
        objects[image].append(CocoObject(
            where, names[category], row.get('segmentation'),
            row.get('bbox'), row.get('iscrowd', 0)))
    return objects


def expected_size(where: object, name: object, height: object = None,
                  width: object = None) -> str:
    """Return the message about an image without a name or a size.

    Args:
        where (object): Start of the message.
        name (object): The ``file_name``.
        height (object): Its height. Defaults to none.
        width (object): Its width. Defaults to none.
    """
    got = name if isinstance(name, str) else abbreviate(name)
    return (
        f'{where}: expected a file_name and height and width in pixels, got '
        f'{got!r}, {abbreviate(height)} and {abbreviate(width)}')


def _id(value: Any) -> Id | None:
    """Return an id; None for what is none."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        # '01' is not the same as '1'.
        return int(value) if value == '0' or (
            value[0] != '0' and len(value) < _DIGITS) else value
    return value if isinstance(value, str) else _whole(value)


def _whole(value: Any) -> int | None:
    """Return a whole number, which may be stored as a float or a text."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and (
            len(value) < _DIGITS):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if type(value) is int else None


def _text(value: Any) -> Any:
    """Return a text unchanged, and what cannot be a key as a text."""
    return value if isinstance(value, str) else repr(value)[:100]


def _expected_list(ann_file: StrPath, name: str) -> str:
    """Return the message about a file without one of the tables."""
    ids = '' if name == 'annotations' else ', each with an id'
    return (f"{ann_file}: expected a list '{name}'{ids}, as in COCO's "
            'instances_*.json')


def _refuse_other_kinds(rows: Any, ann_file: StrPath) -> None:
    """Refuse COCO's files of captions and of panoptic labels."""
    first = rows[0] if isinstance(rows, list) and rows else None
    if isinstance(first, dict) and 'category_id' not in first:
        for key, kind in _OTHER_KINDS.items():
            if key in first:
                raise InputError(
                    f'{ann_file}: expected the regions of objects, got '
                    f"{kind}; give COCO's instances_*.json")
