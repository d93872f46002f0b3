"""The plain layout: 8-bit masks, the class list, the list of images."""
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from mmengine.fileio import list_dir_or_file
from PIL import ExifTags, Image, ImageOps

from ..errors import InputError, refuse
from ..files import remove_parts, write_lines, write_mask
from ..parallel import parallel_map
from .class_list import ClassList, class_lines

_FORMAT = 1
"""Part of the record: raise it when masks come out differently."""
_IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.webp', '.bmp', '.tif', '.tiff')


class MaskTask(NamedTuple):
    """A mask to be drawn."""

    stem: str
    """The image's path below the folder of images, without suffix."""
    source: Any
    """What it is drawn from."""
    image: Path | None
    """Whose size it must have, where that is to be checked."""
    ids: frozenset[int] | None = None
    """Of the classes it shows; None where only drawing it tells."""


class Annotations(NamedTuple):
    """What was read and is yet to be drawn."""

    made_from: str
    """A :func:`fingerprint`."""
    classes: ClassList
    tasks: list[MaskTask]
    """A mask each."""
    rasterize: Callable[[Any], np.ndarray]
    """Source of a task to (H, W) uint8 labels; raises InputError."""


def is_image(name: str) -> bool:
    """Whether a file has the suffix of an image that can be read."""
    return PurePosixPath(name).suffix.lower() in _IMAGE_SUFFIXES


def stem_of(image: str) -> str:
    """The path of an image without suffix, with ``/`` on every system.

    A suffix that no image has is part of the name.
    """
    path = PurePosixPath(Path(image).as_posix())
    if is_image(path.name):
        path = path.with_suffix('')
    return str(path)


def images_by_stem(
    folder: str | os.PathLike, suffixes: Sequence[str] = _IMAGE_SUFFIXES,
) -> dict[str, str]:
    """Every image below a folder, by its path without suffix.

    Args:
        folder (str | os.PathLike): Searched with all its folders.
        suffixes (Sequence[str]): Of images, in lower case. Defaults to all
            that can be read.

    Returns:
        dict[str, str]: Stem to path, both relative to the folder, sorted.

    Raises:
        InputError: If there is no folder, or two images differ in their
            suffix only.
    """
    if not os.path.isdir(folder):
        raise InputError(
            f'{folder} is no folder; expected the one that holds the images')
    images: dict[str, str] = {}
    for path in sorted(list_dir_or_file(
            str(folder), list_dir=False, recursive=True)):
        if Path(path).suffix.lower() not in suffixes:
            continue
        other = images.setdefault(stem_of(path), path)
        if other != path:
            raise InputError(
                f'{path} and {other} in {folder} would share one mask; '
                'rename or remove one')
    return images


def seen_as(labels: np.ndarray, image: Path) -> np.ndarray:
    """Turn labels as the camera's orientation turns the photograph.

    Images are decoded with their EXIF orientation applied. Labels that have
    the size of the image as it is seen are left alone, those of its size as
    stored are turned. Where both sizes are the same, labels are taken to be
    of the image as it is seen, which is what annotation tools show.

    Args:
        labels (np.ndarray): (H, W), uint8.
        image (Path): Image file.

    Returns:
        np.ndarray: (H, W) of the decoded image.

    Raises:
        InputError: If the image cannot be read or neither size fits.
    """
    try:
        with Image.open(image) as picture:
            stored = picture.size[::-1]  # (H, W)
            orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
    except OSError as error:
        raise InputError(
            f'{image} is no readable image ({error}); its annotation needs '
            'it') from error
    seen = stored[::-1] if orientation in range(5, 9) else stored
    if labels.shape == seen:
        return labels
    if labels.shape == stored:
        mask = Image.fromarray(labels)
        mask.getexif()[ExifTags.Base.Orientation] = orientation
        return np.asarray(ImageOps.exif_transpose(mask))
    raise InputError(
        f'{image} is {seen[1]}x{seen[0]}, but it was annotated as '
        f'{labels.shape[1]}x{labels.shape[0]}; annotate it anew, or put back '
        'the image that was annotated')


def check_reach(points: np.ndarray, height: int, width: int) -> None:
    """Refuse coordinates with which drawing takes forever or draws nothing.

    Args:
        points (np.ndarray): Coordinates in pixels, of any shape.
        height (int): Of the image.
        width (int): Of the image.

    Raises:
        ValueError: If one is not finite, or more than ten times the longer
            side of the image away from its origin.
    """
    limit = 10 * max(height, width)
    strange = points[~(np.abs(points) <= limit)]
    if len(strange):
        raise ValueError(
            f'expected coordinates of -{limit}..{limit}, ten times the '
            f'longer side of the image, got {strange[0]:g}')


def fingerprint(
    kind: str,
    files: Iterable[str | os.PathLike],
    image_dir: str | os.PathLike | None = None,
    classes: Sequence[str] | None = None,
) -> str:
    """Hash of all that a conversion is made from.

    Args:
        kind (str): Of the annotations.
        files (Iterable[str | os.PathLike]): Theirs; by path, size and time.
        image_dir (str | os.PathLike, optional): Where images are checked.
        classes (Sequence[str], optional): Those that are chosen.

    Returns:
        str: SHA-256 in hexadecimal.

    Raises:
        InputError: If a file is missing.
    """
    stats = []
    for file in files:
        try:
            stat = os.stat(file)
        except OSError as error:
            raise InputError(f'{file} is missing ({error.strerror})') from (
                error)
        stats.append((os.path.abspath(file), stat.st_size, stat.st_mtime_ns))
    images = os.path.abspath(image_dir) if image_dir else None
    text = json.dumps([
        _FORMAT, kind, stats, images, None if classes is None else
        list(classes)])
    return hashlib.sha256(text.encode()).hexdigest()


def write_layout(
    out_dir: str | os.PathLike, annotations: Annotations,
) -> list[str]:
    """Draw masks in parallel and write them with their lists.

    Taken up again after an interruption: masks that are there are kept,
    unless they were made from something else; then all are drawn anew.

    Args:
        out_dir (str | os.PathLike): Folder without ``masks`` and
            ``classes.txt``, but for those of an earlier call.
        annotations (Annotations): What to draw.

    Returns:
        list[str]: Names by id, background first.

    Raises:
        InputError: If the folder holds something else, two tasks share a
            mask or one lies outside the folder, a mask cannot be drawn or
            does not fit its image.
    """
    out_dir = Path(out_dir)
    made_from, classes, tasks, rasterize = annotations
    _check_stems([task.stem for task in tasks])
    _start(out_dir, made_from)
    todo = [
        task for task in tasks if not _mask_path(out_dir, task.stem).exists()]
    if todo:
        remove_parts(out_dir / 'masks')
        faults = parallel_map(
            partial(_convert, rasterize=rasterize, out_dir=out_dir,
                    palette=classes.palette().tobytes()),
            todo, f'rasterizing {len(todo)} masks')
        refuse([fault for fault in faults if fault])
    write_lines(out_dir / 'classes.txt', class_lines(classes))
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
    for stem in stems:
        path = PurePosixPath(stem)
        if path.is_absolute() or '..' in path.parts:
            raise InputError(
                f'the image {stem!r} lies outside the folder of images; '
                'give the folder that holds all of them as image_dir')


def _start(out_dir: Path, made_from: str) -> None:
    """Make room: keep what was made from the same, remove what was not."""
    record = out_dir / 'made_from.txt'
    found = record.read_text().strip() if record.is_file() else None
    there = [
        name for name in ('classes.txt', 'images.txt', 'masks')
        if (out_dir / name).exists()]
    if found is None and there:
        raise InputError(
            f"'{out_dir}' has {' and '.join(there)} of its own, which would "
            'be written over; name another folder')
    if found != made_from:
        for name in there:
            if name == 'masks':
                shutil.rmtree(out_dir / name)
            else:
                (out_dir / name).unlink()
        write_lines(record, [made_from])


def _mask_path(out_dir: Path, stem: str) -> Path:
    return out_dir / 'masks' / f'{stem}.png'


def _convert(task: MaskTask, rasterize: Callable[[Any], np.ndarray],
             out_dir: Path, palette: bytes) -> str | None:
    """Write a mask, or say what is wrong with it."""
    try:
        labels = rasterize(task.source)
        if task.image:
            labels = seen_as(labels, task.image)
    except InputError as error:
        return str(error)
    write_mask(_mask_path(out_dir, task.stem), labels, palette)
    return None
