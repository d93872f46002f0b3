"""The files of a YOLO data set: the names of classes, images and labels.

https://docs.ultralytics.com/datasets/segment describes ``data.yaml`` and the
folders ``images/train`` and ``labels/train``. Roboflow writes
``train/images`` and ``train/labels``, Label Studio ``images``, ``labels`` and
``classes.txt``, CVAT ``obj_train_data`` and ``obj.names``, and labelImg a
.txt beside each image with ``classes.txt``.
"""
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ...errors import InputError, raise_first
from ...files import read_lines
from ...images.image_files import visible_files
from ...images.image_names import ImageNames
from ...images.suffixes import is_image
from ...notices import warn
from ...wording import counted
from ..export_folder import visible_entries
from .labelstudio_tasks import uploaded_name
from .yolo_yaml import (
    SPLITS,
    described_above,
    descriptions,
    only_description,
    read_yaml,
    yaml_names,
    yaml_splits,
)

_LISTS = ('classes.txt', 'obj.names', '_darknet.labels', 'labels.txt')
"""Names of lists with the name of a class per line."""
_DARKNET = re.compile('obj_.*_data')
"""Folders of images and labels in CVAT's export 'YOLO 1.1'."""

class YoloFiles(NamedTuple):
    """The files of a data set."""

    names: Mapping[int, str]
    """Names of the classes by id."""
    names_file: Path
    """The file of the names."""
    keypoints: bool
    """Whether the labels have the points of skeletons."""
    images: Sequence[tuple[Path, Path | None]]
    """Images with their labels; None for an image without objects."""
    splits: Sequence[str]
    """Names of the parts of the data set that the images belong to."""


class _Dirs(NamedTuple):
    images: Path
    labels: Path


def has_labels(folder: Path) -> bool:
    """Check whether a folder has labels of YOLO, or describes such."""
    if has_label_files(folder):
        return True
    with suppress(InputError):
        return any(
            any(map(settings.get, (*SPLITS, 'nc')))
            for settings in descriptions(folder).values())
    return False


def has_label_files(folder: Path) -> bool:
    """Check whether a folder has labels of YOLO."""
    folder = Path(os.path.abspath(folder))
    labels = _labels_of(folder)
    return bool(_scan(folder)) or labels != folder and any(
        map(_is_label, visible_entries(labels)))


def find_files(path: Path, image_dir: Path | None = None) -> YoloFiles:
    """Find the files of a data set.

    The paths of ``data.yaml`` may be those of another computer: those below
    its own folder have precedence. A folder of images without any labels is
    left out, as it is not annotated.

    Args:
        path (Path): ``data.yaml``, the folder of the data set, or that of
            one of its splits.
        image_dir (Path, optional): Folder of the images. If given, only the
            images with labels are listed. Defaults to the folders of the
            data set.

    Returns:
        YoloFiles: The files.

    Raises:
        InputError: If there are no names or no labels, a file cannot be
            read, labels have no image or several, or an image has several.
    """
    path = Path(os.path.abspath(path))
    root = path.parent if path.is_file() else path
    file = path if path.is_file() else only_description(root)
    file, settings = (file, read_yaml(file)) if file else described_above(root)
    names, names_file = (yaml_names(settings, file), file) if file else (
        _listed(root))
    found = yaml_splits(settings, root) if file and file.parent == root else {}
    folders = _scan(root)
    if not folders and _labels_of(root) != root:
        folders = [_Dirs(root, _labels_of(root))]
    images: list[tuple[Path, Path | None]] = []
    if found and not image_dir:
        places = [one for those in found.values() for one in those]
        folders = [_Dirs(one, _labels_of(one)) for one in places
                   if one.is_dir()]
        for one in places:
            if one.is_file():
                images += _of_list(one, root)
    images += _of_folders(folders, root, image_dir)
    if not images:
        raise InputError(
            f'{path}: expected labels of YOLO as labels/<name>.txt beside '
            'images/<name>, or as <name>.txt beside each image, got none; '
            'export the labels again, or correct the paths in '
            f'{names_file.name}')
    parts = [part for _, one in images if one and one.is_relative_to(root)
             for part in one.relative_to(root).parts if part in SPLITS]
    return YoloFiles(
        names, names_file, 'kpt_shape' in settings,
        list(dict.fromkeys(images)), list(dict.fromkeys(parts)))


def _listed(root: Path) -> tuple[dict[int, str], Path]:
    """Read the names of the classes from a list, one name per line."""
    found: dict[Path, dict[int, str]] = {}
    above = [root.parent / 'obj.names'] if _DARKNET.fullmatch(
        root.name) else []
    for file in (*(root / name for name in visible_files(root)), *above):
        if file.is_file() and (
                file.name in _LISTS or file.suffix == '.names'):
            lines = read_lines(file, 'save it as UTF-8')
            found[file] = {i - 1: name for i, name in lines.items()}
    if not found:
        raise InputError(
            f'{root}: expected the names of the classes in data.yaml, '
            'classes.txt or obj.names, got none of them; write classes.txt '
            'there, with the name of a class per line in the order of the ids')
    file, names = next(iter(found.items()))
    for other, these in found.items():
        if these != names:
            raise InputError(
                f'{root}: expected one list of the names of the classes, got '
                f'{file} and {other}, which differ; correct or remove one')
    if not names:
        raise InputError(f'{file} is empty; write a name per line')
    return names, file


def _labels_of(folder: Path) -> Path:
    """Return the folder of the labels of a folder of images."""
    swapped = _swapped(folder, 'images', 'labels')
    for path in (swapped, folder / 'labels', folder / 'Labels'):
        if path and path.is_dir():
            return path
    return folder


def _images_of(folder: Path) -> Path:
    """Return the folder of the images of a folder of labels."""
    swapped = _swapped(folder, 'labels', 'images')
    for path in (swapped, _swapped(folder, 'labels', '')):
        if path and any(map(is_image, visible_entries(path))):
            return path
    return swapped if swapped and swapped.is_dir() else folder


def _swapped(folder: Path, part: str, other: str) -> Path | None:
    """Replace the last part of a path that has some name, in any case."""
    parts = list(folder.parts)
    for i in reversed(range(len(parts))):
        if parts[i].lower() == part:
            changed = {part: other, part.title(): other.title(),
                       part.upper(): other.upper()}
            parts[i] = changed.get(parts[i], other)
            return Path(*parts)
    return None


def _scan(root: Path) -> list[_Dirs]:
    """Find all labels in a folder, with the folders of their images."""
    texts = visible_files(root, '.txt')
    stems = {name.rpartition('.')[0] for name in (
        visible_files(root) if texts else ()) if is_image(name)}
    found: dict[Path, bool] = {}
    for path in map(Path, texts):
        if path.parent not in found and _is_label(path) and (
                _is_for_labels(Path(root.name, path).parent)
                or str(path.with_suffix('')) in stems
                and _looks_like_label(root / path)):
            found[path.parent] = True
    folders = [root / folder for folder in found]
    return [_Dirs(_images_of(folder), folder) for folder in folders]


def _is_label(file: Path) -> bool:
    return file.suffix.lower() == '.txt' and file.name not in _LISTS and (
        not file.name.lower().startswith('readme'))


def _is_for_labels(folder: Path) -> bool:
    return any(part.lower() == 'labels' or _DARKNET.fullmatch(part)
               for part in folder.parts)


def _looks_like_label(file: Path) -> bool:
    """Check whether a .txt starts with a line of numbers."""
    try:
        with file.open(encoding='utf-8-sig') as opened:
            fields = opened.readline(10_000).split()
        return len(fields) > 4 and bool([*map(float, fields)])
    except (OSError, ValueError):
        return False


def _of_folders(folders: Sequence[_Dirs], root: Path, image_dir: Path | None
                ) -> Iterator[tuple[Path, Path | None]]:
    """Pair the images of folders with their labels."""
    elsewhere = ImageNames(image_dir, search=True) if image_dir else None
    missing = []
    unlabelled: list[Path] = []
    for folder in dict.fromkeys(folders):
        labels = {_key(one): one for one in visible_entries(folder.labels)
                  if _is_label(one)}
        images = _images_in(folder.images)
        if folder.labels == folder.images and not _is_for_labels(
                Path(root.name, os.path.relpath(folder.labels, root))):
            labels = {key: labels[key] for key in images if key in labels}
        if elsewhere:
            images = {}
        for key, label in labels.items():
            name = _below(label, root)
            image = images.get(key)
            if elsewhere:
                image = elsewhere.find_stem(name, label) or (
                    elsewhere.find_stem(uploaded_name(name), label))
            if image:
                images[key] = image
            elif _looks_like_label(label):
                missing.append(
                    f'{label}: there is no image {name}.* in '
                    f'{image_dir or folder.images}; put it there, or give '
                    'the folder of the images as image_dir (--image-dir)')
        if labels:
            yield from (
                (image, labels.get(key)) for key, image in images.items())
        else:
            unlabelled += images.values()
    raise_first(missing)
    if unlabelled:
        warn(f"{counted(len(unlabelled), 'image')} in folders without labels "
             f'left out, the first is {unlabelled[0]}')


def _images_in(folder: Path) -> dict[str, Path]:
    images: dict[str, Path] = {}
    for one in visible_entries(folder):
        if is_image(one) and images.setdefault(_key(one), one) != one:
            raise InputError(
                f'{images[_key(one)]} and {one} would share the labels '
                f'{one.stem}.txt; rename or remove one')
    return images


def _below(label: Path, root: Path) -> str:
    """Return the name of the image of a label below the data set."""
    path = label.relative_to(root) if label.is_relative_to(
        root) else Path(label.name)
    return '/'.join(
        part for part in path.with_suffix('').parts
        if part.lower() != 'labels')


def _of_list(file: Path, root: Path) -> list[tuple[Path, Path | None]]:
    """Pair the images of a list with their labels."""
    names = ImageNames(file.parent, root, search=True)
    found: list[tuple[Path, Path | None]] = []
    for number, name in read_lines(file, 'save it as UTF-8').items():
        where = f'{file}, line {number}'
        image = names.find(name, where)
        if image is None:
            raise InputError(names.missing(name, where))
        label = _labels_of(image.parent) / f'{image.stem}.txt'
        found.append((image, label if label.is_file() else None))
    return found if any(label for _, label in found) else []


def _key(file: Path) -> str:
    return unicodedata.normalize('NFC', file.stem)
