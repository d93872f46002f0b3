"""Reader of Supervisely's projects of images."""
import re
from collections.abc import Iterator, Sequence
from glob import escape
from pathlib import Path

from ...errors import InputError, abbreviate
from ...files import StrPath
from ...garbage_collection import pause_garbage_collection
from ...images.image_files import visible_files
from ...images.image_names import ImageNames
from ...images.pixel_limit import check_pixels
from ...images.suffixes import is_image
from ...json_text import read_json, read_utf8
from ...locks import folder_lock
from ..export_folder import export_folder
from ..left_out import LeftOut
from ..mask_folder import Annotations, fingerprint, write_masks
from ..objects import MarkedImage, MarkedObject, mark
from .supervisely_figures import encoder

_OBJECTS = re.compile(rb'"objects"\s*:\s*\[')
_SIZE = re.compile(rb'"size"\s*:\s*\{')
_META = 'meta.json'
"""The file of a project's classes."""
_MOST_LEVELS = 10
"""Folders above a file in which it is looked for, as data sets are nested."""


def convert_supervisely(path: StrPath, out_dir: StrPath,
                        image_dir: StrPath | None = None,
                        classes: Sequence[str] | None = None,
                        boxes: bool = False) -> list[str]:
    """Rasterize a project of Supervisely into a mask folder.

    A figure covers the pixels that Supervisely's SDK assigns to it: a
    polygon includes its outline, a hole is cut out with its outline, and an
    alpha mask covers the pixels with an opacity of at least 128. Later
    figures are in front. Ids follow the order of the classes in
    ``meta.json``. Points, lines, graphs and cuboids are left out with a
    warning.

    Args:
        path (str | os.PathLike): Path of the project with ``meta.json`` and
            ``DATASET/ann/*.json``, of a folder or an annotation in it, or of
            a .zip, which is unpacked to ``out_dir/export``.
        out_dir (str | os.PathLike): Folder for the results, see
            :func:`write_masks`.
        image_dir (str | os.PathLike, optional): Folder of the images.
            Defaults to ``DATASET/img`` of the project, if the images are
            there.
        classes (Sequence[str], optional): Classes to select, in the order of
            their ids; others are background. Defaults to all.
        boxes (bool): Whether rectangles are filled. If False, a selected one
            is an error. Defaults to False.

    Returns:
        list[str]: Names by id, background first.

    Raises:
        InputError: As for :func:`read_supervisely` and :func:`write_masks`.
    """
    path = Path(path)
    with folder_lock(out_dir):
        if path.suffix.lower() == '.json':
            return write_masks(out_dir, read_supervisely(
                path.parent, [path], image_dir, classes, boxes))
        with export_folder(path, Path(out_dir, 'export')) as folder:
            return write_masks(out_dir, read_supervisely(
                folder, _annotation_files(folder), image_dir, classes, boxes))


def is_supervisely(text: bytes) -> bool:
    """Check whether the text of a JSON file annotates an image."""
    return bool(_OBJECTS.search(text) and _SIZE.search(text))


@pause_garbage_collection()
def read_supervisely(folder: Path, files: Sequence[Path],
                     image_dir: StrPath | None = None,
                     classes: Sequence[str] | None = None,
                     boxes: bool = False) -> Annotations:
    """Read a project of Supervisely, see :func:`convert_supervisely`.

    Args:
        folder (Path): The folder of the project, or a folder in it.
        files (Sequence[Path]): The annotations of its images,
            ``DATASET/ann/<name of the image>.json``.
        image_dir (str | os.PathLike, optional): Folder of the images.
            Defaults to ``DATASET/img`` of the project.
        classes (Sequence[str], optional): Classes to select. Defaults to
            all.
        boxes (bool): Whether rectangles are filled. If False, a selected one
            is an error. Defaults to False.

    Returns:
        Annotations: Annotations to rasterize.

    Raises:
        InputError: If there are no annotations, a file is malformed, an
            image is missing in ``image_dir``, or as for
            :func:`number_classes`; and, when it is rasterized, if a figure
            is malformed.
    """
    if not files:
        raise InputError(
            f'{folder} is not a project of Supervisely: expected the files '
            'DATASET/ann/*.json; give the folder with meta.json')
    metas = sorted({meta for file in files
                    if (meta := _meta_of(file)) is not None})
    made_from = fingerprint(
        f'supervisely boxes={boxes}', [*metas, *files], image_dir, classes)
    left_out = LeftOut(folder, 'only polygons, masks and rectangles with a '
                       'class and an area are read')
    names = _Images(_root(folder, files), image_dir)
    images = [_read(file, names, boxes, left_out) for file in files]
    left_out.warn()
    used = {one.name for image in images for one in image.objects}
    listed = [name for meta in metas for name in _class_names(meta)]
    known = dict.fromkeys([*listed, *sorted(used)])
    return mark(images, [*known], made_from, folder, classes)


def _annotation_files(folder: Path) -> list[Path]:
    return [folder / name for name in visible_files(folder, '.json')
            if is_supervisely(read_utf8(folder / name))]


class _Images:
    """The images of a project.

    Args:
        root (Path): Folder of the project.
        image_dir (str | os.PathLike, optional): Folder of the images.
    """

    def __init__(self, root: Path, image_dir: StrPath | None) -> None:
        self.root = root
        self.given = image_dir is not None
        self.names = ImageNames(image_dir or root)
        self._anywhere = ImageNames(image_dir or root, search=True)

    def name(self, file: Path) -> str:
        """Return the path of the image of a file below the project."""
        name, folder = file.name[:-len('.json')], file.parent
        if folder.name == 'ann':
            folder = folder.parent / 'img'
        if not is_image(name):  # Old exports leave out its suffix.
            name = next((one.name for one in sorted(
                folder.glob(f'{escape(name)}.*')) if is_image(one.name)), name)
        return (folder / name).relative_to(self.root).as_posix()

    def find(self, name: str, file: Path) -> Path | None:
        """Find an image by its path below the project."""
        found = self.names.find(name, file)
        if found is None and self.given:
            # The images of two data sets may have the same names.
            short = re.sub('(^|/)img/', r'\1', name)
            found = (self.names.find(short, file)
                     or self._anywhere.find(short, file))
        return found

    def missing(self, name: str, file: Path) -> str:
        """Return the message about an image that is not found."""
        return self._anywhere.missing(name, file)


def _root(folder: Path, files: Sequence[Path]) -> Path:
    """Return the folder of the project, or of the data set."""
    if any(file.parent.name == 'ann' and file.parent == folder
           for file in files):
        return folder.parent
    return folder


def _meta_of(file: Path) -> Path | None:
    """Find the classes of the project of a file."""
    return next((folder / _META for folder in list(file.parents)[:_MOST_LEVELS]
                 if (folder / _META).is_file()), None)


def _class_names(meta: Path) -> Iterator[str]:
    """Yield the names of the classes of a project, in order."""
    classes = read_json(meta).get('classes')
    for one in classes if isinstance(classes, list) else [None]:
        title = one.get('title') if isinstance(one, dict) else None
        if not isinstance(title, str):
            raise InputError(
                f'{meta}: expected the classes of a project of Supervisely, '
                f'each with a title, got {abbreviate(one)}; export it again')
        yield title


def _read(file: Path, images: _Images, boxes: bool,
          left_out: LeftOut) -> MarkedImage:
    """Read the annotations of an image."""
    data = read_json(file)
    size, figures = data.get('size'), data.get('objects')
    height, width = map(size.get, ('height', 'width')) if isinstance(
        size, dict) else (None, None)
    if not (type(height) is int and type(width) is int
            and min(height, width) > 0 and isinstance(figures, list)):
        raise InputError(
            f'{file}: expected objects and a size with height and width, got '
            f'{abbreviate(size)}; export it again')
    check_pixels((height, width), file)
    objects = []
    for number, figure in enumerate(figures, start=1):
        title = figure.get('classTitle') if isinstance(figure, dict) else None
        if not isinstance(title, str):
            raise InputError(
                f'{file}, object {number}: expected an object with a '
                f'classTitle, got {abbreviate(figure)}; correct or remove it')
        where = f'{file}, object {number} ({title})'
        encode = encoder(figure, where, boxes)
        if isinstance(encode, str):
            left_out.add(encode, where)
        else:
            objects.append(MarkedObject(title, encode, where))
    name = images.name(file)
    path = images.find(name, file)
    if path is None and images.given and objects:
        raise InputError(images.missing(name, file))
    return MarkedImage(
        images.names.stem(name, path), objects, path, (height, width), name)
