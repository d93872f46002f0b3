"""CVAT's exports: 'COCO 1.0' and 'Segmentation mask 1.1'."""
import zipfile
import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ...errors import InputError, error_context
from ...files import StrPath, atomic_path, read_lines, read_names, remove
from ..class_list import BACKGROUND, ClassList, Colour, number_classes
from ..image_files import images_by_stem
from ..mask_folder import Annotations, fingerprint, write_masks
from .coco import read_coco
from .masks import mask_tasks, read_colours


def convert_cvat(path: StrPath, out_dir: StrPath,
                 image_dir: StrPath | None = None,
                 classes: Sequence[str] | None = None) -> list[str]:
    """Rasterize an export of CVAT into a mask folder.

    'COCO 1.0' is rasterized as :func:`convert_coco` does. In 'Segmentation
    mask 1.1' every label has its colour in ``labelmap.txt``, ids are in the
    order of its lines, and a listed image without a mask is all background.

    Args:
        path (str | os.PathLike): The .zip, which is unpacked to
            ``out_dir/export``, or the folder that was in it.
        out_dir (str | os.PathLike): See :func:`write_masks`.
        image_dir (str | os.PathLike, optional): Folder of the images, see
            :func:`convert_coco`. Defaults to the export's own, if it was
            saved with its images.
        classes (Sequence[str], optional): Labels to take, in the order of
            their ids; others are background. Defaults to all.

    Returns:
        list[str]: Names by id, background first.

    Raises:
        InputError: As :func:`read_cvat` and :func:`write_masks` say.
    """
    return write_masks(out_dir, read_cvat(
        path, Path(out_dir, 'export'), image_dir, classes))


def is_cvat(folder: Path) -> bool:
    """Tell whether a folder is what :func:`read_cvat` reads."""
    return (folder / 'SegmentationClass').is_dir() or any(
        folder.glob('annotations/instances_*.json'))


def read_cvat(path: StrPath, unpack_dir: Path,
              image_dir: StrPath | None = None,
              classes: Sequence[str] | None = None,
              boxes: bool = False) -> Annotations:
    """Read an export of CVAT, see :func:`convert_cvat`.

    Args:
        path (str | os.PathLike): The .zip, or the folder that was in it.
        unpack_dir (Path): Where a .zip is unpacked, if it was not before.
        image_dir (str | os.PathLike, optional): Folder of the images.
        classes (Sequence[str], optional): Labels to take.
        boxes (bool): See :func:`read_coco`. Defaults to False.

    Returns:
        Annotations: What is in it.

    Raises:
        InputError: If it is no such export, ``labelmap.txt`` is malformed,
            as :func:`read_coco` says, and, once it is rasterized, if a mask
            has a colour that is not in ``labelmap.txt``.
    """
    path = Path(path)
    folder = path if path.is_dir() else _unpack(path, unpack_dir)
    ann_files = sorted(folder.glob('annotations/instances_*.json'))
    if len(ann_files) > 1:
        raise InputError(
            f'{path} has {len(ann_files)} subsets; convert them one by one, '
            f'as COCO: {", ".join(file.name for file in ann_files)}')
    if ann_files:
        subset = ann_files[0].stem.removeprefix('instances_')
        return read_coco(ann_files[0], image_dir or _first_folder(
            folder / 'images' / subset, folder / 'images'), classes, boxes)
    if not is_cvat(folder):
        raise InputError(
            f'{path} is no export of CVAT: expected SegmentationClass or '
            "annotations/instances_*.json; export as 'COCO 1.0'")
    return _read_masks(
        folder, image_dir or _first_folder(folder / 'JPEGImages'), classes)


def read_label_map(path: Path) -> dict[str, Colour]:
    """Read the colours of labels, ``name:r,g,b:parts:actions`` a line.

    Raises:
        InputError: If the file or a line cannot be read, a label or a
            colour is there twice, or a label has the background's.
    """
    colours: dict[str, Colour] = {}
    for number, line in read_lines(
            path, 'it must hold the colours of the labels', '#').items():
        with error_context(
                f'{path}, line {number}: expected name:r,g,b:parts:actions, '
                f'got {line!r}'):
            name, colour, _, _ = line.rsplit(':', 3)
            # bytes: 0..255 each.
            red, green, blue = bytes(map(int, colour.split(',')))
        if name in colours or (red, green, blue) in colours.values():
            raise InputError(
                f'{path}, line {number}: the label or its colour is there '
                f'already, got {line!r}; every label needs its own')
        if red == green == blue == 0 and name != BACKGROUND:
            raise InputError(
                f'{path}, line {number}: the label {name!r} is black, as is '
                'what has no label; give it a colour in CVAT, export again')
        colours[name] = (red, green, blue)
    return colours


def _read_masks(folder: Path, image_dir: StrPath | None,
                classes: Sequence[str] | None) -> Annotations:
    """Read 'Segmentation mask 1.1'."""
    label_map = folder / 'labelmap.txt'
    lists = sorted(folder.glob('ImageSets/Segmentation/*.txt'))
    masks: dict[str, str | None] = {
        **images_by_stem(folder / 'SegmentationClass', ['.png'])}
    made_from = fingerprint(
        'cvat', [label_map, *lists, *filter(None, masks.values())],
        image_dir, classes)
    for path in lists:
        for stem in read_names(path):
            masks.setdefault(stem, None)
    colours = read_label_map(label_map)
    names, ids = number_classes(list(colours), classes, label_map)
    table = {(0, 0, 0): 0} | {
        colour: ids.get(name, 0) for name, colour in colours.items()}
    own = {
        ids[name]: colour for name, colour in colours.items() if name in ids}
    return Annotations(
        made_from, ClassList(names, own), mask_tasks(masks, image_dir),
        partial(read_colours, ids=table))


def _first_folder(*folders: Path) -> Path | None:
    return next((folder for folder in folders if folder.is_dir()), None)


def _unpack(archive: Path, folder: Path) -> Path:
    """Unpack a .zip completely or not at all; again only when it changed."""
    made_from = fingerprint('zip', [archive])
    record = folder / 'made_from.txt'
    if record.is_file() and record.read_text() == made_from:
        return folder
    if folder.exists() and not record.is_file():
        raise InputError(
            f"'{folder}' is there already, but was not unpacked from "
            f'{archive}; name another folder, or remove it')
    # RuntimeError: it is encrypted.
    with (error_context(f'{archive} cannot be unpacked',
                        'export it again, or give the unpacked folder',
                        (zipfile.BadZipFile, zlib.error, RuntimeError)),
          atomic_path(folder, exclusive=True) as part,
          zipfile.ZipFile(archive) as file):
        part.mkdir()
        file.extractall(part)
        (part / record.name).write_text(made_from)
        remove(folder)
    return folder
