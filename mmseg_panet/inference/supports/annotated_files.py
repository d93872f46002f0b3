"""Supports in the files of annotation tools and in mask folders.

An image may show several classes, and is then a support of each of them.
"""
from pathlib import Path
from typing import Any

import numpy as np

from ...annotations.class_list import check_class_name
from ...annotations.mask_channels import values_of
from ...annotations.mask_folder import Annotations
from ...errors import InputError
from ...images.image_files import names_a_file
from ...notices import warn
from .support import Support


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
        of one image have the same ``labels_key``.

    Raises:
        InputError: If an image is missing or none shows a class.
    """
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
    return found
