"""Mask folders: masks with a class list and a list of images."""
import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError, raise_first
from ..files import (
    StrPath,
    check_inside,
    remove,
    remove_partial,
    write_lines,
    write_mask,
)
from ..images.image_files import (
    check_annotated_size,
    check_file_name,
    names_a_file,
    orient_labels,
)
from ..locks import folder_lock, is_locked
from ..notices import warn
from ..parallel import parallel_map
from ..wording import counted
from .class_list import CLASS_LIST, ClassList, write_class_list
from .mask_channels import values_of

_FORMAT = 2
"""Version of the masks in the fingerprint.

It must be increased when the same annotations give other masks.
"""
_ELSEWHERE = re.compile(r'/|\w+:[/\\]')
"""Start of an absolute path, or of a URL."""


class MaskTask(NamedTuple):
    """A mask that has to be rasterized."""

    stem: str
    """Path of the image below the folder of images, without suffix."""
    source: Any
    """Annotations of the image, in the form that ``rasterize`` takes."""
    image: Path | None
    """Image whose size the mask must have; None skips this check."""
    ids: frozenset[int] | None = None
    """Ids of the classes in the mask; None if they are unknown so far."""
    file_name: str = ''
    """Name of the image in the annotations, for messages."""
    size: tuple[int, int] | None = None
    """H and W in the annotations; None if only the mask says them."""
    objects: int = 0
    """Number of objects in the annotations; 0 if it is unknown."""


class Annotations(NamedTuple):
    """Annotations that were read, but not rasterized yet."""

    made_from: str
    """Hash of the source files, see :func:`fingerprint`."""
    classes: ClassList
    """Classes of the annotations."""
    tasks: list[MaskTask]
    """Masks to rasterize, one per image."""
    rasterize: Callable[[Any], np.ndarray]
    """Function from the source of a task to its (H, W) labels.

    They have the type of the classes. It raises an InputError for malformed
    annotations.
    """
    notes: Callable[[Collection[int]], list[str]] = lambda shown: []
    """Function from the ids of all masks to warnings."""


def fingerprint(kind: str, files: Sequence[StrPath],
                image_dir: StrPath | None = None,
                classes: Sequence[str] | None = None) -> str:
    """Hash everything that the result of a conversion depends on.

    Args:
        kind (str): Kind of the annotations.
        files (Sequence[str | os.PathLike]): Files of the annotations. Their
            paths, sizes and modification times are hashed.
        image_dir (str | os.PathLike, optional): Folder of the images.
            Defaults to None.
        classes (Sequence[str], optional): Names of the selected classes.
            Defaults to None.

    Returns:
        str: SHA-256 in hexadecimal.

    Raises:
        InputError: If a file is missing.
    """
    raise_first([f'{file} is missing; correct its path, or put it there'
                 for file in files if not os.path.isfile(file)])
    stats = [(os.path.abspath(file), (stat := os.stat(file)).st_size,
              stat.st_mtime_ns) for file in files]
    text = json.dumps([
        _FORMAT, kind, stats, image_dir and os.path.abspath(image_dir),
        None if classes is None else list(classes)])
    return hashlib.sha256(text.encode()).hexdigest()


def write_masks(out_dir: StrPath, annotations: Annotations) -> list[str]:
    """Rasterize masks in parallel, and write them with their lists.

    A later call resumes after an interruption: it keeps the masks that were
    written from the same annotations.

    Args:
        out_dir (str | os.PathLike): Folder for the results. ``masks``,
            ``classes.txt`` and ``images.txt`` may exist there only from an
            earlier call.
        annotations (Annotations): Annotations to rasterize.

    Returns:
        list[str]: Names by id, background first.

    Raises:
        InputError: If the folder contains other masks or lists, two tasks
            have the same mask, a mask would lie outside the folder, or a
            mask cannot be rasterized or does not fit its image, or another
            process writes to the folder.
    """
    with folder_lock(out_dir):
        return _write_masks(Path(out_dir), annotations)


def _write_masks(out_dir: Path, annotations: Annotations) -> list[str]:
    made_from, classes, tasks, rasterize, notes = annotations
    _check_stems([task.stem for task in tasks])
    masks = {task.stem: out_dir / 'masks' / f'{task.stem}.png'
             for task in tasks}
    check_inside(out_dir, sorted({mask.parent for mask in masks.values()}))
    written = {stem: names_a_file(mask, f'the mask of an image in {out_dir}')
               for stem, mask in masks.items()}
    if _start(out_dir, made_from):
        written = dict.fromkeys(masks, False)
    todo = [task for task in tasks if not written[task.stem]]
    shown: set[int] = set()
    if todo:
        remove_partial(out_dir / 'masks', exclusive=is_locked(out_dir))
        faults, found = zip(*parallel_map(
            partial(_convert, rasterize=rasterize, folder=out_dir / 'masks',
                    palette=classes.palette().tobytes()),
            todo, f"rasterizing {counted(len(todo), 'mask')}"), strict=True)
        raise_first([fault for fault in faults if fault])
        shown.update(*found)
    write_class_list(out_dir, classes)
    write_lines(out_dir / 'images.txt', [task.stem for task in tasks])
    # The ids of masks that were written earlier are unknown.
    for note in notes(shown) if len(todo) == len(tasks) else ():
        warn(note)
    return classes.names


def _check_stems(stems: Sequence[str]) -> None:
    if not stems:
        raise InputError('no image is annotated; expected at least one')
    stem, times = Counter(stems).most_common(1)[0]
    if times > 1:
        raise InputError(
            f'{times} annotated images are named {stem!r} (without suffix), '
            'but a mask belongs to one; rename or remove the others')
    raise_first([
        f'the image {stem!r} lies outside the folder of images; give the '
        'folder that contains all of them as image_dir (--image-dir)'
        for stem in stems
        if _ELSEWHERE.match(stem) or '..' in stem.split('/')])
    for stem in stems:
        check_file_name(stem, 'the folder of images')


def _start(out_dir: Path, made_from: str) -> bool:
    """Remove earlier results, unless they have the same fingerprint.

    Returns:
        bool: Whether all masks must be written.
    """
    record = out_dir / 'made_from.txt'
    found = record.read_text().strip() if record.is_file() else None
    there = [name for name in (CLASS_LIST, 'images.txt', 'masks')
             if (out_dir / name).exists()]
    if found is None and there:
        raise InputError(
            f"'{out_dir}' contains other files {' and '.join(there)}, which "
            'would be overwritten; choose another folder')
    if found != made_from:
        for name in there:
            remove(out_dir / name)
        write_lines(record, [made_from])
    return found != made_from


def _convert(task: MaskTask, rasterize: Callable[[Any], np.ndarray],
             folder: Path, palette: bytes) -> tuple[str, list[int]]:
    """Write a mask.

    Returns:
        tuple[str, list[int]]: The message of its error, empty without one,
        and the ids that it shows.
    """
    try:
        if task.image and task.size:
            check_annotated_size(task.size, task.image)
        labels = rasterize(task.source)
        if task.image:
            labels = orient_labels(labels, task.image)
    except InputError as error:
        return str(error), []
    except MemoryError:
        return (f'the mask of {task.stem} needs more memory than there is; '
                'free some, or split the image'), []
    write_mask(folder / f'{task.stem}.png', labels, palette)
    return '', values_of(labels).tolist()
