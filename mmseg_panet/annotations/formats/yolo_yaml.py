"""The file ``data.yaml`` of YOLO: names of classes and folders of images.

https://docs.ultralytics.com/datasets/segment describes it.
"""
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from ...errors import InputError, error_context
from ...files import check_regular
from ...images.image_files import visible_files
from ...images.image_names import posix_name
from ...images.suffixes import is_image
from ..export_folder import visible_entries

YAML = ('.yaml', '.yml')
"""Suffixes of the file."""
SPLITS = ('train', 'training', 'val', 'valid', 'validation', 'test')
"""Names of the parts of a data set."""
Settings = Mapping[str, Any]
"""Contents of the file."""
_ABOVE = 3
"""Folders above a split in which its ``data.yaml`` is looked for."""


def descriptions(folder: Path) -> dict[Path, Settings]:
    """Read the .yaml files of a folder that name classes."""
    found, faults = {}, []
    for file in visible_entries(folder):
        if file.suffix.lower() in YAML:
            try:
                found[file] = read_yaml(file)
            except InputError as error:
                if file.stem.lower() == 'data':
                    raise
                faults.append(error)
    named = {file: one for file, one in found.items() if 'names' in one}
    if faults and not named:
        raise faults[0]
    return named


def only_description(folder: Path) -> Path | None:
    """Find the .yaml that describes a folder."""
    found = descriptions(folder)
    files = [one for one in found if one.stem.lower() == 'data'] or list(found)
    names = {tuple(yaml_names(found[one], one).items()) for one in files}
    if len(names) > 1:
        raise InputError(
            f'{folder}: expected one .yaml with the names of the classes, '
            f'got {files[0].name} and {files[1].name}; give one of them')
    return files[0] if files else None


def described_above(folder: Path) -> tuple[Path | None, Settings]:
    """Find the .yaml of a data set of which a folder is a split."""
    images = Path(*('images' if part.lower() == 'labels' else part
                    for part in folder.parts))
    for above in folder.parents[:_ABOVE]:
        for name in ('data.yaml', 'data.yml', 'dataset.yaml'):
            if (file := above / name).is_file():
                with suppress(InputError):
                    settings = read_yaml(file)
                    if 'names' in settings and any(
                            one.is_relative_to(images)
                            or images.is_relative_to(one)
                            or one.is_relative_to(folder)
                            for those in _located_splits(
                                settings, above).values() for one in those):
                        return file, settings
    return None, {}


def read_yaml(file: Path) -> Settings:
    """Read ``data.yaml``, with all values as the text that was written.

    YAML would otherwise read the names 007, yes and 12:30 as 7, True and 750.
    """
    remedy = 'write a line such as `names: [cat, dog]`'
    where = f'{file} cannot be read as YAML'
    with error_context(where, remedy, (
            OSError, ValueError, TypeError, AttributeError, RecursionError)):
        check_regular(file)
        with error_context(where, 'save it as UTF-8', (UnicodeError,)):
            text = file.read_text('utf-8-sig')
        try:
            try:
                settings = _load(text)
            except yaml.YAMLError:  # a path of Windows in quotes
                settings = _load(text.replace('\\', '/'))
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            line = f' in line {mark.line + 1}' if mark else ''
            raise ValueError(f'{error.problem}{line}') from error
        except yaml.YAMLError as error:
            raise ValueError(' '.join(str(error).split())) from error
    if not isinstance(settings, Mapping):
        raise InputError(
            f'{file}: expected names of classes by their ids, got none; '
            f'{remedy}')
    return settings


def yaml_names(settings: Settings, file: Path) -> dict[int, str]:
    """Read the names of the classes, a list or a mapping from their ids."""
    given = settings.get('names')
    if isinstance(given, list):
        given = dict(enumerate(given))
    names: dict[int, str] = {}
    for key, name in (given.items() if isinstance(given, Mapping) else ()):
        is_id = type(key) is int or key.isdecimal() and len(key) < 9
        if not is_id or not isinstance(name, str):
            raise InputError(
                f'{file}: expected names of classes by their ids, got '
                f'{_shown(name)} for {_shown(key)}; write it in quotes, such '
                "as `0: 'cat'`")
        names[int(key)] = name.strip()
    if not names:
        raise InputError(
            f'{file}: expected names of classes by their ids, got none; '
            'write a line such as `names: [cat, dog]`')
    return dict(sorted(names.items()))


def yaml_splits(settings: Settings, root: Path) -> dict[str, list[Path]]:
    """Find the folders and the lists of images that ``data.yaml`` names."""
    found = {
        split: [one for path in paths for one in (
            [path] if path.is_file() else _folders_of_images(path))]
        for split, paths in _located_splits(settings, root).items()}
    return {split: paths for split, paths in found.items() if paths}


def _located_splits(settings: Settings, root: Path) -> dict[str, list[Path]]:
    found = {}
    base = settings.get('path')
    base = base if isinstance(base, str) else ''
    for split in SPLITS:
        values = settings.get(split)
        values = values if isinstance(values, list) else [values]
        paths = [_located(value, base, root) for value in values
                 if value and isinstance(value, str)]
        found[split] = list(filter(None, paths))
    return found


def _located(value: str, base: str, root: Path) -> Path | None:
    """Find a folder or a list that ``data.yaml`` names."""
    parts = [part for part in re.sub('^[A-Za-z]:', '', posix_name(
        value)).split('/') if part not in ('', '.', '..')]
    ends = [Path(*parts[i:]) for i in range(len(parts))]
    name = Path(posix_name(base)).name
    for path in (
            root / (ends[0] if ends else ''),
            *([root / name / ends[0]] if ends and name != '..' else []),
            root / posix_name(base) / posix_name(value),
            *(root / end for end in ends[1:])):
        if os.path.exists(path):
            return Path(os.path.abspath(path))
    return None


def _folders_of_images(folder: Path) -> list[Path]:
    """List a folder and the folders in it that have images."""
    return list(dict.fromkeys(
        (folder / name).parent for name in visible_files(folder)
        if is_image(name)))


def _load(text: str) -> Any:
    return yaml.load(text, yaml.BaseLoader)  # noqa: S506 it has text only


def _shown(value: object) -> str:
    """Return a value of YAML for a message.

    A short file may hold a list that is very long as text.
    """
    return repr(value) if isinstance(
        value, int | str) else f'a {type(value).__name__}'
