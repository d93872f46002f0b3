"""Reader of Label Studio's exports 'JSON' and 'JSON-MIN'."""
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from ...errors import InputError, abbreviate
from ...files import StrPath
from ...garbage_collection import pause_garbage_collection
from ...images.image_files import visible_files
from ...images.image_names import ImageNames
from ...images.pixel_limit import check_pixels
from ...images.suffixes import is_image
from ...json_text import read_utf8
from ...locks import folder_lock
from ..export_folder import export_folder
from ..left_out import LeftOut
from ..mask_folder import Annotations, fingerprint, write_masks
from ..objects import MarkedImage, MarkedObject, Size, mark
from .labelstudio_regions import Region, encoder, regions
from .labelstudio_tasks import (
    Task,
    image_path,
    is_labelstudio,
    read_tasks,
    uploaded_name,
)

_BRUSH_PNG = re.compile(r'task-\d+-annotation-\d+-by-.*\.(?:png|npy)')


def convert_labelstudio(path: StrPath, out_dir: StrPath,
                        image_dir: StrPath | None = None,
                        classes: Sequence[str] | None = None,
                        boxes: bool = False) -> list[str]:
    """Rasterize an export of Label Studio into a mask folder.

    Polygons are rasterized as COCO's, a brush covers the pixels whose alpha
    is above 0, and an ellipse those whose centre is inside. Later regions
    are in front. Of several annotations of a task, the ground truth or
    otherwise the latest is read; cancelled ones, drafts and predictions are
    not. A unannotated tasks is left out, and an annotation without
    regions is background. Ids follow the sorted labels.

    Args:
        path (str | os.PathLike): Path of the 'JSON' or 'JSON-MIN' export, a
            folder of such files, or a .zip, which is unpacked to
            ``out_dir/export``.
        out_dir (str | os.PathLike): Folder for the results, see
            :func:`write_masks`.
        image_dir (str | os.PathLike, optional): Folder of the images.
            Defaults to ``images`` beside the file, or its own folder, if
            the images are there.
        classes (Sequence[str], optional): Labels to select, in the order of
            their ids; others are background. Defaults to all.
        boxes (bool): Whether boxes are filled. If False, a selected box is
            an error. Defaults to False.

    Returns:
        list[str]: Names by id, background first.

    Raises:
        InputError: As for :func:`read_labelstudio` and :func:`write_masks`.
    """
    path = Path(path)
    with folder_lock(out_dir):
        if path.suffix.lower() == '.json':
            return write_masks(out_dir, read_labelstudio(
                [path], image_dir, classes, boxes))
        with export_folder(path, Path(out_dir, 'export')) as folder:
            return write_masks(out_dir, read_labelstudio(
                labelstudio_files(folder), image_dir, classes, boxes))


def labelstudio_files(folder: Path) -> list[Path]:
    """List the exports of Label Studio in a folder, sorted.

    Raises:
        InputError: If there are none.
    """
    files = [folder / name for name in visible_files(folder, '.json')
             if is_labelstudio(read_utf8(folder / name))]
    if not files:
        raise InputError(brush_refusal(folder) or (
            f"{folder} has no export of Label Studio; expected its 'JSON' or "
            "'JSON-MIN' export"))
    return files


def brush_refusal(folder: Path) -> str:
    """Return the message about Label Studio's export 'Brush labels to PNG'.

    Returns:
        str: The message; empty if the folder has no such masks.
    """
    for name in visible_files(folder, '.png', '.npy'):
        if _BRUSH_PNG.fullmatch(PurePosixPath(name).name):
            return (
                f"{folder / name} is of Label Studio's export 'Brush labels "
                "to PNG', in which masks do not name their images; export as "
                "'JSON', which has the same masks, and give the .json with "
                'the folder of the images as image_dir (--image-dir)')
    return ''


@pause_garbage_collection()
def read_labelstudio(files: Sequence[Path], image_dir: StrPath | None = None,
                     classes: Sequence[str] | None = None,
                     boxes: bool = False) -> Annotations:
    """Read exports of Label Studio, see :func:`convert_labelstudio`.

    An image is found by its path, with or without the prefix of an upload,
    such as ``1a2b3c4d-``.

    Args:
        files (Sequence[Path]): The JSON files.
        image_dir (str | os.PathLike, optional): Folder of the images.
            Defaults to ``images`` beside the first file, or its folder.
        classes (Sequence[str], optional): Labels to select. Defaults to all.
        boxes (bool): Whether boxes are filled. If False, a selected box is
            an error. Defaults to False.

    Returns:
        Annotations: Annotations to rasterize.

    Raises:
        InputError: If a file is no such export, a task shows several images
            or none, an image is missing in ``image_dir``, or as for
            :func:`number_classes`; and, when it is rasterized, if a region
            is malformed.
    """
    made_from = fingerprint(
        f'labelstudio boxes={boxes}', files, image_dir, classes)
    file = files[0]
    names = ImageNames.of_file(file, image_dir)
    empty = LeftOut(file, 'only polygons, brushes, boxes and ellipses with a '
                    'label and an area are read, in tasks with an annotation')
    others = LeftOut(file, 'of several annotations of a task, the ground '
                     'truth or the latest one is read')
    further = LeftOut(file, 'an object has one class, its first label')
    images: list[MarkedImage] = []
    for task in read_tasks(files):
        if not task.annotations:
            empty.add('unannotated task', task.where)
            continue
        for _ in task.annotations[1:]:
            others.add('annotation', task.where)
        best = max(task.annotations, key=lambda one: one.rank)
        by_image = _by_image(task, best.results)
        for name, found in by_image.items():
            objects = _objects(found, task.where, boxes, empty, further)
            path = _find(names, name, task.where)
            size = _size(found, task.where)
            if path is None and objects and (size is None or image_dir):
                raise InputError(names.missing(name, task.where))
            if path is None and size is None:
                empty.add('missing empty image', task.where)
                continue
            images.append(MarkedImage(
                names.stem(name, path), objects, path, size, name))
    if not images:
        raise InputError(
            f'{file}: expected tasks with annotations, got none; annotate '
            "images in Label Studio, and export as 'JSON'")
    for left_out in (empty, others, further):
        left_out.warn()
    known = {one.name for image in images for one in image.objects}
    return mark(images, sorted(known), made_from, file, classes)


def _by_image(task: Task, results: list) -> dict[str, list[Region]]:
    """Return the regions of each image of a task."""
    images = {
        key: ones for key, value in task.data.items()
        if (ones := [image_path(one) for one in (
            value if isinstance(value, list) else [value])
            if isinstance(one, str)]) and all(map(is_image, ones))}
    found: dict[str, list[Region]] = {}
    for region in regions(results):
        found.setdefault(
            _image_of(region.result, task, images), []).append(region)
    if not found and len(images) == 1:  # It is background.
        found[_image_of({}, task, images)] = []
    return found


def _image_of(result: Mapping[str, Any], task: Task,
              images: Mapping[str, list[str]]) -> str:
    """Return the path of the image to which a result belongs."""
    keys = [str(result.get('source', '')).lstrip('$'),
            str(result.get('to_name', '')), 'image', 'img']
    key = next((key for key in keys if key in images), None)
    if key is None and len(images) == 1:
        key = next(iter(images))
    if key is None:
        # A URL may have no suffix.
        texts = {key: text for key, text in task.data.items()
                 if isinstance(text, str)}
        for known in (*keys, *(texts if len(texts) == 1 else ())):
            if known in texts and not images:
                return task.upload if is_image(task.upload) else image_path(
                    texts[known]).lstrip('/')
        raise InputError(
            f'{task.where}: expected one image in its data, got '
            f'{sorted(images) or abbreviate(task.data)}; export tasks with '
            'one image each')
    index = result.get('item_index') or 0
    if len(images[key]) == 1:
        index = 0
    if type(index) is not int or not 0 <= index < len(images[key]):
        raise InputError(
            f'{task.where}: expected item_index of 0..'
            f'{len(images[key]) - 1}, got {abbreviate(index)}; export again')
    return images[key][index]


def _find(names: ImageNames, name: str, where: str) -> Path | None:
    """Find an image, which may have been uploaded from another name."""
    found = names.find(name, where)
    before = uploaded_name(name.replace('\\', '/'))
    return found or (names.find(before, where) if before != name else None)


def _size(found: Iterable[Region], where: str) -> Size | None:
    """Return the H and W of an image, if a region has them."""
    for region in found:
        height, width = map(
            region.result.get, ('original_height', 'original_width'))
        if type(height) is int and type(width) is int and (
                min(height, width) > 0):
            check_pixels((height, width), where)
            return height, width
    return None


def _objects(found: Iterable[Region], where: str, boxes: bool, empty: LeftOut,
             further: LeftOut) -> list[MarkedObject]:
    objects = []
    for number, region in enumerate(found, start=1):
        place = f"{where}, region {region.result.get('id') or number}"
        encode = encoder(region, place, boxes)
        if isinstance(encode, str) or not region.labels:
            empty.add(encode if isinstance(encode, str)
                      else 'unlabelled region', place)
            continue
        for _ in region.labels[1:]:
            further.add('further label', place)
        objects.append(MarkedObject(region.labels[0], encode, place))
    return objects
