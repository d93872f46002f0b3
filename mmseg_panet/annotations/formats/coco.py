"""Reader of COCO's object annotations: polygons, run-lengths and boxes."""
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...errors import InputError, raise_first
from ...files import StrPath
from ...garbage_collection import pause_garbage_collection
from ...images.image_files import visible_files
from ...json_text import read_utf8
from ...locks import folder_lock
from ...notices import warn
from ..class_list import number_classes
from ..export_folder import file_or_folder
from ..mask_folder import Annotations, fingerprint, write_masks
from ..objects import MarkedImage, mark
from ..rasterize import require_pycocotools
from ..reserved_names import is_reserved
from .coco_folders import OBJECTS, OTHERS, CocoFolders
from .coco_objects import ObjectReader
from .coco_tables import (
    CocoImage,
    Tables,
    class_names,
    coco_images,
    expected_size,
    read_tables,
)


def convert_coco(source: StrPath, out_dir: StrPath,
                 image_dir: StrPath | None = None,
                 classes: Sequence[str] | None = None,
                 boxes: bool = False) -> list[str]:
    """Rasterize the objects of a COCO file into a mask folder.

    An object covers the pixels that pycocotools assigns to it: the union of
    its polygons, or its run-lengths, compressed or not. Where objects
    overlap, the smaller one is in front, so that it stays visible; of two
    with the same area, the later one. Crowd regions belong to their class.
    Ids are 1..n in the order of the category ids, which may have gaps.

    Args:
        source (str | os.PathLike): Path of ``instances_*.json``; or of a
            folder or a .zip with one, or with the files of the splits, see
            :func:`read_coco`. A .zip is unpacked to ``out_dir/export``.
        out_dir (str | os.PathLike): Folder for the results, see
            :func:`write_masks`.
        image_dir (str | os.PathLike, optional): Folder of the images, see
            :class:`ImageNames`. If given, every image must exist and have
            the size in which it was annotated, see :func:`orient_labels`.
            The masks are named as the images below it. Defaults to None.
        classes (Sequence[str], optional): Names of the categories to select,
            in the order of their ids; others are background. Defaults to
            all, see :func:`class_names`.
        boxes (bool): Whether an object without a segmentation fills its
            bounding box, up to the border of the image. If False, it is
            refused. Defaults to False.

    Returns:
        list[str]: Names by id, background first.

    Raises:
        InputError: As for :func:`read_coco` and :func:`write_masks`.
    """
    with (folder_lock(out_dir),
          file_or_folder(source, Path(out_dir, 'export')) as found):
        return write_masks(
            out_dir, read_coco(found, image_dir, classes, boxes))


def read_coco(source: StrPath, image_dir: StrPath | None = None,
              classes: Sequence[str] | None = None,
              boxes: bool = False) -> Annotations:
    """Read the objects of a COCO file, see :func:`convert_coco`.

    Args:
        source (str | os.PathLike): Path of ``instances_*.json``, or of a
            folder, see :func:`read_coco_files`.
        image_dir (str | os.PathLike, optional): Folder of the images.
            Defaults to None.
        classes (Sequence[str], optional): Names of the categories to select.
            Defaults to all.
        boxes (bool): See :func:`convert_coco`. Defaults to False.

    Returns:
        Annotations: Annotations to rasterize.

    Raises:
        InputError: As for :func:`read_coco_files`, or if a folder has no
            such file.
    """
    source = Path(source)
    files = [source]
    if source.is_dir():
        files = [source / name for name in visible_files(source, '.json')
                 if is_coco(read_utf8(source / name))]
        if not files:
            raise InputError(
                f"{source}: expected a .json of COCO with a list "
                "'annotations', got none; give the folder of the export")
    return read_coco_files(files, source, image_dir, classes, boxes)


def is_coco(text: bytes) -> bool:
    """Check whether JSON has the keys of COCO's files."""
    return b'"annotations"' in text and b'"images"' in text


def may_be_coco(text: bytes) -> bool:
    """Check whether JSON may be a file of COCO, which may lack a table."""
    return b'"annotations"' in text or (
        b'"images"' in text and b'"categories"' in text)


@pause_garbage_collection()
def read_coco_files(files: Sequence[Path], source: Path,
                    image_dir: StrPath | None = None,
                    classes: Sequence[str] | None = None,
                    boxes: bool = False, only_marked: bool = False,
                    cvat: bool = False) -> Annotations:
    """Read a COCO file, or the files of the splits of a data set.

    Several files are read together if they have the same classes and no
    image in common, such as ``_annotations.coco.json`` in ``train`` and
    ``valid`` of Roboflow. COCO's files of captions, keypoints and stuff are
    skipped if there are ``instances_*.json``.

    Args:
        files (Sequence[Path]): The files, at least one.
        source (Path): The file or the folder that the user gave.
        image_dir (str | os.PathLike, optional): Folder of the images, see
            :class:`ImageNames`. Defaults to the folders beside each file,
            except if ``source`` is a file and all images are needed.
        classes (Sequence[str], optional): See :func:`convert_coco`.
        boxes (bool): See :func:`convert_coco`. Defaults to False.
        only_marked (bool): Whether only images with objects are needed, and
            those in any case. If False, all images are needed if
            ``image_dir`` is given, and none otherwise. Defaults to False.
        cvat (bool): Whether the files are subsets of an export of CVAT, as
            messages say. Defaults to False.

    Returns:
        Annotations: Annotations to rasterize.

    Raises:
        InputError: If the files cannot be read together, an image is missing
            or listed twice, or as for :func:`read_tables`,
            :func:`coco_images`, :class:`ObjectReader` and
            :func:`number_classes`; and, when it is rasterized, if a
            segmentation is malformed.
    """
    require_pycocotools('COCO files are read')
    if files[1:]:  # others, such as those of CreateML, are no COCO files
        files = [file for file in files
                 if is_coco(read_utf8(file))] or files
    if any(file.name.startswith(OBJECTS) for file in files):
        files = [file for file in files if not file.name.startswith(OTHERS)]
    noun = 'subsets' if cvat else 'COCO files'
    made_from = fingerprint(
        'coco with boxes' if boxes else 'coco', files, image_dir, classes)
    known: list[str] = []
    marked: list[MarkedImage] = []
    owners: dict[Path | str, Path] = {}
    missing: list[str] = []
    listed: list[set] = []
    for file in files:
        tables = read_tables(file)
        names = class_names(tables, file, classes)
        number_classes(names, classes, file)  # before anything is looked for
        known += [name for name in names if not listed or name not in known]
        listed.append({
            str(row.get('name')) for row in tables.categories.values()})
        if listed[-1] != listed[0]:
            raise InputError(_apart(source, files, noun, 'other classes'))
        # Objects of the background cover others.
        reader = ObjectReader(file, boxes, [
            name for name in names
            if classes is None or name in classes or is_reserved(name)])
        folders = CocoFolders(file, source, image_dir, only_marked)
        for one in _images(
                tables, file, folders, reader,
                only_marked or image_dir is not None):
            if owners.setdefault(one.image or one.stem, file) != file:
                raise InputError(_apart(
                    source, files, noun,
                    f'the same images such as {one.image or one.file_name}'))
            if one.image is None and (
                    one.objects if only_marked else image_dir):
                missing.append(folders.missing(one.file_name, file))
            marked.append(one)
        reader.finish()
    raise_first(missing)
    if files[1:]:
        warn(f'{source}: the {len(files)} {noun} {_listed(source, files)} are '
             'read together; give one of them to read it alone')
    return mark(marked, known, made_from, source, classes,
                small_in_front=True)


def _images(tables: Tables, file: Path, folders: CocoFolders,
            reader: ObjectReader, needed: bool) -> Iterator[MarkedImage]:
    """Yield the images of a file, with the objects of selected classes."""
    twins: dict[Path, CocoImage] = {}
    for one in coco_images(tables, file):
        where = f'{file}, image {one.id}'
        image = folders.find(one.file_name, where)
        if image is None and one.size is None:
            if needed:
                raise InputError(folders.missing(one.file_name, file))
            raise InputError(
                f'{expected_size(where, one.file_name)}; give the folder of '
                'the images as image_dir (--image-dir)')
        twin = one if image is None else twins.setdefault(image, one)
        if twin is not one:
            raise InputError(
                f'{file}: the images {twin.id} ({twin.file_name!r}) and '
                f'{one.id} ({one.file_name!r}) are both {image}; correct '
                'a file_name, or give their annotations one image_id')
        yield MarkedImage(
            folders.stem(one.file_name, image), reader.read(one), image,
            one.size, one.file_name)


def _listed(source: Path, files: Sequence[Path]) -> str:
    names = [file.relative_to(source).as_posix() for file in files]
    more = f' and {len(names) - 9} more' if len(names) > 9 else ''
    return ', '.join(names[:9]) + more


def _apart(source: Path, files: Sequence[Path], noun: str, why: str) -> str:
    """Return the message about files that are not read together."""
    remedy = 'give one of them'
    if noun == 'subsets':  # the command for CVAT takes no .json
        remedy = 'convert them one by one, as COCO'
    return (f'{source} has {len(files)} {noun} with {why}, which are not '
            f'read together: {_listed(source, files)}; {remedy}')
