"""What supports are read from: pairs, a folder or a file."""
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...annotations.formats.class_folders import list_pairs
from ...errors import InputError
from .annotated_files import read_annotations, supports_of
from .pairs import read_pairs
from .support import Support


def read_supports(
    source: Mapping[str, Sequence[tuple]] | str | os.PathLike,
    image_dir: str | os.PathLike | None = None,
) -> dict[str, list[Support]]:
    """Read a user's supports, without decoding their images.

    Args:
        source (Mapping | str | os.PathLike): One of

            - pairs of image and annotation by class, see
              :func:`read_pairs`;
            - a folder ``<class>/<image>`` with ``<same name>.png`` as the
              mask, see :func:`list_pairs`;
            - a mask folder: ``classes.txt`` with ``images/`` and ``masks/``;
            - a .json of COCO; an object without segmentation fills its bbox;
            - a .json of labelme, or a folder of them;
            - an export of CVAT, 'COCO 1.0' or 'Segmentation mask 1.1', .zip
              or folder.

            In the last four an image is a support of every class that it
            shows.
        image_dir (str | os.PathLike, optional): Folder of the images, for
            the last four. Defaults to what the export holds, ``images/`` in
            a mask folder, and for a .json of COCO ``images/`` beside it or,
            without images there, its own folder.

    Returns:
        dict[str, list[Support]]: Supports by class.

    Raises:
        InputError: If the source is none of these, a file is missing, or
            an annotation is malformed; what only its pixels show, the
            supports' own ``rasterize`` raises.
    """
    images = None if image_dir is None else Path(image_dir)
    if images and not images.is_dir():
        raise InputError(
            f'expected image_dir to be the folder of the images, got '
            f'{image_dir}; correct its path')
    if isinstance(source, Mapping):
        _refuse(images, 'the supports name their images themselves')
        return read_pairs(source)
    if not isinstance(source, (str, os.PathLike)):
        raise InputError(
            'expected supports as {class name: [(image, annotation), ...]} '
            f'or a path, got a {type(source).__name__}')
    if not os.fspath(source):
        raise InputError('expected a path of supports, got an empty one')
    path = Path(source)
    if not path.is_dir() and (
            path.suffix.lower() not in ('.json', '.zip')
            or not path.is_file()):
        raise InputError(
            f'{path}: expected a folder of supports, a .json of COCO or '
            'labelme or a .zip of CVAT, got '
            f'{"another file" if path.is_file() else "nothing there"}; '
            'correct the path')
    annotations = read_annotations(path, images)
    if annotations is not None:
        return supports_of(annotations, path)
    _refuse(images, f'the images of {path} are in its folders')
    return read_pairs(list_pairs(path))


def _refuse(image_dir: Path | None, reason: str) -> None:
    if image_dir:
        raise InputError(
            f'expected no image_dir, as {reason}, got {image_dir}; leave it '
            'out')
