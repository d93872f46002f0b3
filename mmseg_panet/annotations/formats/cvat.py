"""Reader of CVAT's exports.

They are 'COCO 1.0', 'Segmentation mask 1.1' and 'CVAT for images 1.1'.
"""
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ...errors import InputError, error_context
from ...files import StrPath, read_lines, read_names
from ...images.image_files import check_file_name, images_by_stem
from ...locks import folder_lock
from ..class_list import BACKGROUND, ClassList, Colour, number_classes
from ..export_folder import content_folder, export_folder
from ..mask_folder import Annotations, fingerprint, write_masks
from .coco import read_coco_files
from .cvat_images import read_cvat_images
from .cvat_xml import cvat_files
from .masks import mask_tasks, read_colours


def convert_cvat(path: StrPath, out_dir: StrPath,
                 image_dir: StrPath | None = None,
                 classes: Sequence[str] | None = None,
                 boxes: bool = False) -> list[str]:
    """Rasterize an export of CVAT into a mask folder.

    An export 'COCO 1.0' is rasterized by :func:`convert_coco`. In an export
    'Segmentation mask 1.1', ``labelmap.txt`` lists the colour of every
    label, the ids follow the order of its lines, and a listed image without
    a mask is background only. In an export 'CVAT for images 1.1', the ids
    follow the order of the labels, an object with a higher ``z_order`` is in
    front, and of equal ones the later one. Its polygons are rasterized as
    COCO's, an ellipse covers the pixels whose centre is inside, and
    polylines, points, skeletons and cuboids are left out with a warning.

    Args:
        path (str | os.PathLike): Path of the .zip, which is unpacked to
            ``out_dir/export``, of its unpacked folder, or of
            ``annotations.xml``.
        out_dir (str | os.PathLike): Folder for the results, see
            :func:`write_masks`.
        image_dir (str | os.PathLike, optional): Folder of the images, see
            :func:`convert_coco`. Defaults to the images of the export, if
            it was saved with images.
        classes (Sequence[str], optional): Labels to select, in the order of
            their ids; others are background. Defaults to all.
        boxes (bool): Whether objects that have only a box fill it, see
            :func:`read_cvat`. Defaults to False.

    Returns:
        list[str]: Names by id, background first.

    Raises:
        InputError: As for :func:`read_cvat` and :func:`write_masks`.
    """
    with folder_lock(out_dir):
        return write_masks(out_dir, read_cvat(
            path, Path(out_dir, 'export'), image_dir, classes, boxes))


def is_cvat(path: Path) -> bool:
    """Check whether a path is an unpacked export of CVAT, or its XML."""
    folder = content_folder(path)
    return (folder / 'SegmentationClass').is_dir() or any(
        folder.glob('annotations/instances_*.json')) or bool(cvat_files(path))


def read_cvat(path: StrPath, unpack_dir: Path,
              image_dir: StrPath | None = None,
              classes: Sequence[str] | None = None,
              boxes: bool = False, only_marked: bool = False
              ) -> Annotations:
    """Read an export of CVAT, see :func:`convert_cvat`.

    Args:
        path (str | os.PathLike): Path of the .zip, of its unpacked folder,
            or of its XML file.
        unpack_dir (Path): Folder to which a .zip is unpacked, unless it is
            there already.
        image_dir (str | os.PathLike, optional): Folder of the images.
            Defaults to the images of the export.
        classes (Sequence[str], optional): Labels to select. Defaults to all.
        boxes (bool): Whether objects that have only a box fill it, see
            :func:`convert_coco` and :func:`read_cvat_images`. Defaults to
            False.
        only_marked (bool): See :func:`read_coco_files`. Defaults to False.

    Returns:
        Annotations: Annotations to rasterize.

    Raises:
        InputError: If the path is not such an export, ``labelmap.txt`` is
            malformed, or as for :func:`read_coco_files`
            and :func:`read_cvat_images`; and, when it is rasterized, if a mask
            has a colour that is not in ``labelmap.txt``.
    """
    if Path(path).suffix.lower() == '.xml':
        return read_cvat_images(Path(path), image_dir, classes, boxes)
    with export_folder(path, unpack_dir) as folder:
        return _read(
            Path(path), folder, image_dir, classes, boxes, only_marked)


def _read(path: Path, folder: Path, image_dir: StrPath | None,
          classes: Sequence[str] | None, boxes: bool,
          only_marked: bool) -> Annotations:
    """Read the unpacked folder of an export, which may be its path."""
    folder = content_folder(folder)
    files = sorted(folder.glob('annotations/instances_*.json'))
    if files[1:]:
        return read_coco_files(
            files, folder, image_dir, classes, boxes, only_marked, cvat=True)
    if files:
        subset = files[0].stem.removeprefix('instances_')
        if not only_marked:
            image_dir = image_dir or _first_folder(
                folder / 'images' / subset, folder / 'images')
        return read_coco_files(
            files, files[0], image_dir, classes, boxes, only_marked)
    if not (folder / 'SegmentationClass').is_dir():
        return read_cvat_images(
            _only_xml(path, cvat_files(folder)), image_dir, classes, boxes)
    return _read_masks(
        folder, image_dir or _first_folder(folder / 'JPEGImages'), classes)


def _only_xml(path: Path, files: Sequence[Path]) -> Path:
    if not files:
        raise InputError(
            f'{path} is not an export of CVAT: expected annotations.xml, '
            'SegmentationClass or annotations/instances_*.json; export as '
            "'CVAT for images 1.1' or 'COCO 1.0'")
    if len(files) > 1:
        raise InputError(
            f"{path}: expected one file of 'CVAT for images', got "
            f'{len(files)}: {files[0]} and {files[1]}; give one of them')
    return files[0]


def read_label_map(path: Path) -> dict[str, Colour]:
    """Read the colours of labels from ``name:r,g,b:parts:actions`` lines.

    If no label has a colour, as datumaro writes them, they have those of
    PASCAL VOC's palette in their order, after the background.

    Args:
        path (Path): Path of ``labelmap.txt``.

    Returns:
        dict[str, Colour]: Colours by the names of the labels.

    Raises:
        InputError: If the file or a line cannot be read, a label or a
            colour occurs twice, or a label has the colour of the background.
    """
    colours: dict[str, Colour] = {}
    lines = read_lines(
        path, 'it must list the colours of the labels', '#')
    palette = iter(ClassList([], {}).palette()[1:].tolist())
    no_colours = all(line.endswith(':::') for line in lines.values())
    for number, line in lines.items():
        with error_context(
                f'{path}, line {number}: expected name:r,g,b:parts:actions, '
                f'got {line!r}'):
            name, colour, _, _ = line.rsplit(':', 3)
            given: list[Any] = colour.split(',')
            if no_colours:
                given = [0] * 3 if name == BACKGROUND else next(palette, [])
            # bytes() raises an error for numbers outside 0..255.
            red, green, blue = bytes(map(int, given))
        if name in colours or (red, green, blue) in colours.values():
            raise InputError(
                f'{path}, line {number}: expected a label and a colour that '
                f'no other line has, got {line!r}; make them unique')
        if red == green == blue == 0 and name != BACKGROUND:
            raise InputError(
                f'{path}, line {number}: the label {name!r} is black, like '
                'the background; give it a colour in CVAT, and export again')
        colours[name] = (red, green, blue)
    return colours


def _read_masks(folder: Path, image_dir: StrPath | None,
                classes: Sequence[str] | None) -> Annotations:
    """Read an export 'Segmentation mask 1.1'."""
    label_map = folder / 'labelmap.txt'
    if not label_map.is_file():
        raise InputError(
            f'{label_map} is missing, so that this is no export of CVAT; '
            'export it again, or read it as PASCAL VOC, with `prepare-data '
            'voc` in place of `prepare-data cvat`')
    lists = sorted(folder.glob('ImageSets/Segmentation/*.txt'))
    masks: dict[str, str | None] = {
        **images_by_stem(folder / 'SegmentationClass', ['.png'])}
    made_from = fingerprint(
        'cvat', [label_map, *lists, *filter(None, masks.values())],
        image_dir, classes)
    for path in lists:
        for stem in read_names(path):
            check_file_name(stem, path)
            masks.setdefault(stem, None)
    colours = read_label_map(label_map)
    names, ids = number_classes(list(colours), classes, label_map)
    table = {(0, 0, 0): 0} | {
        colour: ids.get(name, 0) for name, colour in colours.items()}
    selected = {
        ids[name]: colour for name, colour in colours.items() if name in ids}
    found = ClassList(names, selected)
    return Annotations(
        made_from, found, mask_tasks(masks, image_dir),
        partial(read_colours, ids=table, dtype=found.dtype))


def _first_folder(*folders: Path) -> Path | None:
    return next((folder for folder in folders if folder.is_dir()), None)
