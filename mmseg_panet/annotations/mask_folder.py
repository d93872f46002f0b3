"""The mask folder: 8-bit masks, the class list, the list of images."""
import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError, raise_first
from ..files import StrPath, remove, remove_partial, write_lines, write_mask
from ..parallel import parallel_map
from .class_list import CLASS_LIST, ClassList, write_class_list
from .image_files import seen_as

_FORMAT = 1
"""Part of the record: raise it when masks come out differently."""


class MaskTask(NamedTuple):
    """A mask to be rasterized."""

    stem: str
    """The image's path below the folder of images, without suffix."""
    source: Any
    """What it is rasterized from."""
    image: Path | None
    """Whose size it must have, where that is to be checked."""
    ids: frozenset[int] | None = None
    """The classes that it shows; None where they are not known before."""


class Annotations(NamedTuple):
    """What was read and is yet to be rasterized."""

    made_from: str
    """See :func:`fingerprint`."""
    classes: ClassList
    tasks: list[MaskTask]
    """There is a mask for each."""
    rasterize: Callable[[Any], np.ndarray]
    """Source of a task to (H, W) uint8 labels; raises InputError."""


def fingerprint(kind: str, files: Sequence[StrPath],
                image_dir: StrPath | None = None,
                classes: Sequence[str] | None = None) -> str:
    """Hash all that a conversion is made from.

    Args:
        kind (str): Kind of the annotations.
        files (Sequence[str | os.PathLike]): Their files; by path, size and
            time.
        image_dir (str | os.PathLike, optional): Where images are checked.
        classes (Sequence[str], optional): Those that are chosen.

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
    """Rasterize masks in parallel and write them with their lists.

    The work is taken up again after an interruption: masks that are there
    are kept, unless they were made from something else.

    Args:
        out_dir (str | os.PathLike): Folder without ``masks`` and
            ``classes.txt``, but for those of an earlier call.
        annotations (Annotations): What to rasterize.

    Returns:
        list[str]: Names by id, background first.

    Raises:
        InputError: If the folder holds something else, two tasks share a
            mask or one lies outside the folder, a mask cannot be rasterized
            or does not fit its image.
    """
    out_dir = Path(out_dir)
    made_from, classes, tasks, rasterize = annotations
    _check_stems([task.stem for task in tasks])
    _start(out_dir, made_from)
    todo = [task for task in tasks
            if not Path(out_dir, 'masks', f'{task.stem}.png').exists()]
    if todo:
        remove_partial(out_dir / 'masks')
        faults = parallel_map(
            partial(_convert, rasterize=rasterize, folder=out_dir / 'masks',
                    palette=classes.palette().tobytes()),
            todo, f'rasterizing {len(todo)} masks')
        raise_first([fault for fault in faults if fault])
    write_class_list(out_dir, classes)
    write_lines(out_dir / 'images.txt', [task.stem for task in tasks])
    return classes.names


def _check_stems(stems: Sequence[str]) -> None:
    if not stems:
        raise InputError('no image is annotated; expected at least one')
    stem, times = Counter(stems).most_common(1)[0]
    if times > 1:
        raise InputError(
            f'{times} annotated images are named {stem!r} (suffix aside), '
            'but a mask belongs to one; rename or remove the others')
    raise_first([
        f'the image {stem!r} lies outside the folder of images; give the '
        'folder that contains all of them as image_dir' for stem in stems
        if stem.startswith('/') or '..' in stem.split('/')])


def _start(out_dir: Path, made_from: str) -> None:
    """Make room: keep what was made from the same, remove what was not."""
    record = out_dir / 'made_from.txt'
    found = record.read_text().strip() if record.is_file() else None
    there = [name for name in (CLASS_LIST, 'images.txt', 'masks')
             if (out_dir / name).exists()]
    if found is None and there:
        raise InputError(
            f"'{out_dir}' has {' and '.join(there)} of its own, which would "
            'be written over; name another folder')
    if found != made_from:
        for name in there:
            remove(out_dir / name)
        write_lines(record, [made_from])


def _convert(task: MaskTask, rasterize: Callable[[Any], np.ndarray],
             folder: Path, palette: bytes) -> str | None:
    """Write a mask, or say what is wrong with it."""
    try:
        labels = rasterize(task.source)
        if task.image:
            labels = seen_as(labels, task.image)
    except InputError as error:
        return str(error)
    write_mask(folder / f'{task.stem}.png', labels, palette)
    return None
