"""Reader of folders in the form of PASCAL VOC: SegmentationClass."""
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...files import StrPath
from ...images.image_files import images_by_stem, open_image, visible_files
from ...locks import folder_lock
from ...notices import warn
from ..class_list import (
    CLASS_LIST,
    ClassList,
    number_classes,
    read_class_list,
)
from ..export_folder import content_folder, export_folder
from ..found_values import find_values
from ..mask_folder import Annotations, fingerprint, write_masks
from .cvat import read_cvat
from .masks import MaskSource, ids_reader, mask_tasks, read_ids

VOC_CLASSES = (
    'aeroplane', 'bicycle', 'bird', 'boat', 'bottle', 'bus', 'car', 'cat',
    'chair', 'cow', 'diningtable', 'dog', 'horse', 'motorbike', 'person',
    'pottedplant', 'sheep', 'sofa', 'train', 'tvmonitor')
"""The classes of PASCAL VOC, in the order of their indices 1..20."""
_VOID = (224, 224, 192)
"""Colour of the index 255, the outlines of objects."""
_MASKS = ('SegmentationClass', 'SegmentationClassPNG')
"""Folders of masks; the second is that of earlier versions of labelme2voc."""
_LISTS = ('class_names.txt', CLASS_LIST)
"""Class lists; the first is that of labelme2voc."""


def convert_voc(path: StrPath, out_dir: StrPath,
                image_dir: StrPath | None = None,
                classes: Sequence[str] | None = None,
                classes_file: StrPath | None = None) -> list[str]:
    """Convert a folder in the form of PASCAL VOC into a mask folder.

    The names of the classes come from ``classes_file``; or else from
    ``labelmap.txt``, see :func:`convert_cvat`; or from ``class_names.txt``
    as labelme2voc writes it, or ``classes.txt``, see
    :func:`read_class_list`. Without any of them, masks with the palette or
    the colours of PASCAL VOC have its 20 classes, with a warning.

    Args:
        path (str | os.PathLike): The folder that contains SegmentationClass
            or SegmentationClassPNG, such as VOCdevkit/VOC2012; or a .zip of
            it, which is unpacked to ``out_dir/export``.
        out_dir (str | os.PathLike): Folder for the results, see
            :func:`write_masks`.
        image_dir (str | os.PathLike, optional): Folder of the images.
            Defaults to JPEGImages, if it exists.
        classes (Sequence[str], optional): Names to select, in the order of
            their ids; others are background. Defaults to all.
        classes_file (str | os.PathLike, optional): Class list. Defaults to
            that of the folder.

    Returns:
        list[str]: Names by id, background first.

    Raises:
        InputError: As for :func:`read_voc` and :func:`write_masks`.
    """
    with (folder_lock(out_dir),
          export_folder(path, Path(out_dir, 'export')) as folder):
        return write_masks(
            out_dir, read_voc(folder, image_dir, classes, classes_file))


def is_voc(path: Path) -> bool:
    """Check whether a folder has masks in the form of PASCAL VOC.

    Exports of CVAT have ``labelmap.txt`` besides, and are none of these.
    """
    folder = content_folder(path)
    return not (folder / 'labelmap.txt').is_file() and any(
        (folder / name).is_dir() for name in _MASKS)


def read_voc(path: StrPath, image_dir: StrPath | None = None,
             classes: Sequence[str] | None = None,
             classes_file: StrPath | None = None) -> Annotations:
    """Read a folder in the form of PASCAL VOC, see :func:`convert_voc`.

    Args:
        path (str | os.PathLike): The folder.
        image_dir (str | os.PathLike, optional): Folder of the images.
        classes (Sequence[str], optional): Names to select. Defaults to all.
        classes_file (str | os.PathLike, optional): Class list.

    Returns:
        Annotations: Annotations to rasterize.

    Raises:
        InputError: If there are no masks or no names of classes, or as for
            :func:`read_class_list`; and, when it is rasterized, if a mask
            has an unknown value or colour.
    """
    folder = content_folder(Path(path))
    if classes_file is None and (folder / 'labelmap.txt').is_file():
        return read_cvat(folder, folder, image_dir, classes)
    masks = next(
        (those for name in _MASKS if (folder / name).is_dir()
         and (those := images_by_stem(folder / name, ['.png']))), None)
    if masks is None:
        raise InputError(
            f'{path}: expected masks as SegmentationClass/*.png, got none; '
            'give the folder that contains SegmentationClass, such as '
            'VOCdevkit/VOC2012')
    lists = [folder / name for name in _LISTS if (folder / name).is_file()]
    file = Path(classes_file) if classes_file else lists[0] if lists else None
    listed = read_class_list(file) if file else _of_voc(folder, masks)
    names, ids = number_classes(listed.names, classes, file or folder)
    if image_dir is None and (folder / 'JPEGImages').is_dir():
        image_dir = folder / 'JPEGImages'
    chosen = [ids.get(name, 0) for name in listed.names]
    found = ClassList(names, {
        chosen[i]: colour for i, colour in listed.colours.items()
        if i < len(chosen) and chosen[i]})
    made_from = fingerprint(
        'voc', [*masks.values(), *([file] if file else [])], image_dir,
        classes)
    read: Callable[[MaskSource], np.ndarray] = partial(
        read_ids, num_classes=len(listed.names),
        colours={colour: i for i, colour in listed.colours.items()})
    notes: list[str] = []
    if file:  # One of PASCAL VOC's colours is a grey, and its masks have ids.
        read, notes = ids_reader(listed, list(masks.values()), folder)
    table = np.full(1 + listed.void, found.void, found.dtype)
    table[:len(chosen)] = chosen
    return Annotations(
        made_from, found, mask_tasks(masks, image_dir),
        partial(_read, read=read, table=table), lambda _: notes)


def refuse_voc_boxes(folder: Path) -> None:
    """Raise an error if a folder has nothing but the boxes of PASCAL VOC.

    Args:
        folder (Path): A folder of examples.

    Raises:
        InputError: If it has a .xml of PASCAL VOC.
    """
    names = visible_files(folder, '.xml') if folder.is_dir() else []
    for name in names:
        with (folder / name).open('rb') as file:
            start = file.read(1 << 20)
        if b'<annotation>' in start and b'<bndbox>' in start:
            raise InputError(
                f'{folder / name}: expected masks or polygons, got boxes of '
                'PASCAL VOC; export polygons or masks, or give the boxes in '
                'Python as {class name: [(image, [[x, y, width, height]])]}')


def _of_voc(folder: Path, masks: Mapping[str, str]) -> ClassList:
    """Return the classes of PASCAL VOC if the masks may be of it."""
    voc = ClassList(['background', *VOC_CLASSES], {})
    palette = voc.palette()
    palette[voc.void] = _VOID
    colours = {(r, g, b): i for i, (r, g, b) in enumerate(palette.tolist())
               if i <= len(VOC_CLASSES) or i == voc.void}
    with open_image(next(iter(masks.values()))) as picture:
        indexed = picture.mode == 'P' and picture.getpalette()
    found = find_values(masks.values())
    if (indexed[:63] != palette[:21].ravel().tolist() if indexed else
            not found.values or not colours.keys() >= {*found.values}):
        raise InputError(
            f'{folder}: expected the names of the classes in labelmap.txt, '
            'as CVAT writes it, or in classes.txt, got neither; write '
            f'classes.txt there, with {found.lines()}')
    warn(
        f'{folder}: the masks have the colours of PASCAL VOC, and no file '
        'lists the classes, so that its 20 classes are assumed, from 1 '
        'aeroplane to 20 tvmonitor; if they are others, write classes.txt '
        f'there, with {found.lines()}')
    return voc._replace(colours={i: rgb for rgb, i in colours.items()})


def _read(source: MaskSource, read: Callable[[MaskSource], np.ndarray],
          table: np.ndarray) -> np.ndarray:
    """Read the ids of a mask, (H, W), of which ``table`` has the new ones."""
    return table[read(source)]
