"""Supports in the files of annotation tools and in mask folders.

An image may show several classes, and is then a support of each of them.
"""
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from ...annotations.class_list import check_class_name
from ...annotations.mask_channels import values_of
from ...annotations.mask_folder import Annotations
from ...errors import InputError
from ...images.image_files import names_a_file
from ...notices import warn
from .support import Support, left_out_note

_FEW = 300
"""Objects in a source of which every support is checked at once."""


def supports_of(
    annotations: Annotations, source: Path,
) -> dict[str, list[Support]]:
    """Make a support of each class that each annotated image shows.

    Args:
        annotations (Annotations): Annotations with an image for each task.
        source (Path): The file or folder of the annotations.

    Returns:
        dict[str, list[Support]]: Supports by class, in the order of the ids
        and of the tasks, without the classes that no image shows. Supports
        of one image have the same ``labels_key``. Supports whose labels do
        not show their class, as other objects cover it, are left out with a
        warning if there are at most 300 objects; otherwise, their
        ``rasterize`` raises, so that reading takes no longer.

    Raises:
        InputError: If an image is missing or none shows a class.
    """
    few = 0 < sum(task.objects for task in annotations.tasks) <= _FEW
    names = tuple(annotations.classes.names[1:])
    supports: dict[str, list[Support]] = {name: [] for name in names}
    in_masks: set[int] = set()
    for task in annotations.tasks:
        # The labels have the size of the annotation, not of the image.
        def labels_of(_: object, source: Any = task.source) -> np.ndarray:
            return annotations.rasterize(source)

        ids = task.ids
        if ids is None:
            ids = frozenset(values_of(labels_of(None)).tolist())
        in_masks |= ids
        shown = sorted(ids - {0, annotations.classes.void})
        if shown and (task.image is None
                      or not names_a_file(task.image, source)):
            raise InputError(
                f'{source}: there is no image '
                f'{task.image or task.file_name or task.stem}; put it there, '
                'or give the folder of the images as image_dir (--image-dir)')
        for name in (names[i - 1] for i in shown):
            supports[name].append(Support(
                name, names, str(task.image), labels_of,
                f'{source}, class {name!r} in {task.image}', labels_of,
                labels_size=task.size, optional=True))
    found = {name: those for name, those in supports.items() if those}
    for name in found:
        check_class_name(name, source)
    notes = annotations.notes(in_masks)
    if not found:
        remedy = '; '.join(notes) or 'mark some objects'
        raise InputError(
            f'{source}: expected an image that shows one of {list(names)}, '
            f'got none; {remedy}')
    for note in notes:
        warn(note)
    return _shown(found) if few else found


def _shown(supports: dict[str, list[Support]]) -> dict[str, list[Support]]:
    """Leave out supports whose labels do not show their class, with a warning.

    All are kept if none would be left, or if their labels are malformed:
    their ``rasterize`` raises the error.
    """
    shown: dict[object, frozenset[int]] = {}
    left_out = []
    for one in chain(*supports.values()):
        every = frozenset(range(1, 1 + len(one.names)))
        if one.labels_key not in shown:
            shown[one.labels_key] = every
            with suppress(InputError):
                shown[one.labels_key] = frozenset(
                    values_of(one.labels_of((0, 0))).tolist())
        if 1 + one.names.index(one.class_name) not in shown[one.labels_key]:
            left_out.append(one)
    kept = {name: [one for one in those if one not in left_out]
            for name, those in supports.items()}
    kept = {name: those for name, those in kept.items() if those}
    if not left_out or not kept:
        return supports
    warn(left_out_note(left_out, kept))
    return kept
