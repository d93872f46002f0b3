"""Detection of the format of a user's annotations."""
import atexit
import re
import tempfile
from collections.abc import Callable
from functools import cached_property
from glob import escape
from pathlib import Path
from typing import NamedTuple, NoReturn

from ..errors import InputError
from ..files import StrPath
from ..images.image_files import is_hidden, visible_files
from ..images.suffixes import is_image
from ..json_text import read_utf8
from ..notices import warn
from .class_list import BACKGROUND, CLASS_LIST
from .colour_list import COLOUR_LISTS
from .export_folder import content_folder, export_folder
from .formats.coco import may_be_coco, read_coco_files
from .formats.cvat import is_cvat, read_cvat
from .formats.labelme import is_labelme, read_labelme
from .formats.labelstudio import brush_refusal, read_labelstudio
from .formats.labelstudio_tasks import is_labelstudio
from .formats.mask_pairs import PairDirs, pair_dirs, read_mask_pairs
from .formats.roboflow_masks import is_roboflow, read_roboflow
from .formats.supervisely import is_supervisely, read_supervisely
from .formats.voc import is_voc, read_voc
from .formats.yolo import is_yolo, read_yolo
from .formats.yolo_files import has_label_files
from .formats.yolo_yaml import YAML
from .mask_folder import Annotations

SUFFIXES = ('.json', '.xml', '.zip', *YAML)
"""Suffixes of the files that :func:`read_any` reads."""
_JSON_KINDS: dict[str, Callable[[bytes], bool]] = {
    'labelme': is_labelme, 'Label Studio': is_labelstudio,
    'COCO': may_be_coco, 'Supervisely': is_supervisely}
"""Functions that check the text of a JSON file; the first True decides."""
_TABLE = re.compile(rb'"(?:annotations|images)"\s*:\s*[\[{]')
"""What a file of COCO has, and a note about the data set lacks."""


class Source:
    """A file or a folder whose format is unknown.

    Args:
        path (Path): The file or the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def json_files(self) -> dict[str, list[Path]]:
        """The JSON files of each format of :data:`_JSON_KINDS`, sorted.

        Other files, and hidden ones below a folder, are left out.
        """
        files = [self.path] if self.path.suffix.lower() == '.json' else []
        if self.path.is_dir():
            files = [self.path / name
                     for name in visible_files(self.path, '.json')]
        found: dict[str, list[Path]] = {}
        for file in files:
            text = read_utf8(file)
            kind = next(
                (kind for kind, is_kind in _JSON_KINDS.items()
                 if is_kind(text)), '')
            is_note = kind == 'COCO' and self.path.is_dir() and (
                not _TABLE.search(text))
            if kind and not is_note:
                found.setdefault(kind, []).append(file)
        return found


class Format(NamedTuple):
    """A format of annotations."""

    matches: Callable[[Source], bool]
    """Whether a file or a folder is of this format."""
    read: Callable[[Source, Path | None], Annotations]
    """Function of the source and of the folder of the images, or None."""


def read_any(path: StrPath, image_dir: StrPath | None) -> Annotations | None:
    """Read a file of an annotation tool, a folder of them or a mask folder.

    Args:
        path (str | os.PathLike): A file or a folder. A .zip is unpacked into
            a folder that stays until the process ends.
        image_dir (str | os.PathLike, optional): Folder of the images.

    Returns:
        Annotations | None: None for a folder without annotations.

    Raises:
        InputError: If a file is missing or malformed, or the format is
            unclear.
    """
    source = Source(unpacked(Path(path)))
    images = None if image_dir is None else Path(image_dir)
    for one in FORMATS:
        if one.matches(source):
            if one is not _YOLO:
                _warn_of_labels(source.path)
            return one.read(source, images)
    if source.path.is_file():
        raise InputError(
            f'{path}: expected a file of COCO, labelme, CVAT, Label Studio or '
            'Supervisely, got another one; correct the path, or export again')
    return None


def _warn_of_labels(path: Path) -> None:
    """Warn of labels of YOLO beside other annotations, which are read."""
    if path.is_dir() and has_label_files(content_folder(path)):
        warn(f'{path}: the labels of YOLO are left out, as there are other '
             'annotations beside them; to read the labels, give data.yaml, '
             'or a folder with the images and the labels only')


def unpacked(path: Path) -> Path:
    """Unpack a .zip into a folder that stays until the process ends.

    Args:
        path (Path): Any path; others than a .zip are returned unchanged.

    Returns:
        Path: The folder.

    Raises:
        InputError: As for :func:`export_folder`.
    """
    if path.suffix.lower() != '.zip' or path.is_dir():
        return path
    with export_folder(path, _temporary_folder() / 'export') as folder:
        return folder


def _temporary_folder() -> Path:
    """Make a folder that stays until the process ends."""
    temporary = tempfile.TemporaryDirectory(
        prefix='supports-', ignore_cleanup_errors=True)
    atexit.register(temporary.cleanup)
    return Path(temporary.name)


def _is_mask_folder(source: Source) -> bool:
    file = _class_list(source.path)
    # Data sets of YOLO may have a list of that name.
    return file is not None and (bool(pair_dirs(content_folder(
        source.path))) or file.name == CLASS_LIST and not is_yolo(
            source.path))


def _class_list(path: Path) -> Path | None:
    """Find the class list of a mask folder."""
    folder = content_folder(path)
    return next((folder / name for name in (CLASS_LIST, *COLOUR_LISTS)
                 if (folder / name).is_file()), None)


def _read_mask_folder(source: Source, image_dir: Path | None) -> Annotations:
    folder, file = content_folder(source.path), _class_list(source.path)
    assert file is not None
    dirs = pair_dirs(folder) or [
        PairDirs(folder / 'images', folder / 'masks')]
    if image_dir:
        dirs = [PairDirs(image_dir, one.masks) for one in dirs]
    for part in (dirs[0].masks, dirs[0].images):
        if not part.is_dir():
            raise InputError(
                f'{folder}: expected images/ and masks/ beside classes.txt, '
                f'got no folder {part}; add it, or give the folder of the '
                'images as image_dir (--image-dir)')
    annotations = read_mask_pairs(dirs, file)
    first = annotations.classes.names[0]
    if first != BACKGROUND:
        raise InputError(
            f'{file}: expected {BACKGROUND!r} as the class '
            f'0, got {first!r}; rename it, or number the classes from 1 in '
            'the list and the masks')
    return annotations


def _read_cvat(source: Source, image_dir: Path | None) -> Annotations:
    return read_cvat(
        source.path, source.path, image_dir, boxes=True, only_marked=True)


def _read_json(source: Source, image_dir: Path | None) -> Annotations:
    """Read the JSON files of one format."""
    (kind, files), *others = source.json_files.items()
    for other, (file, *_) in others:
        raise InputError(
            f'{source.path}: expected annotations of one format, got '
            f'{files[0]} of {kind} and {file} of {other}; give one of them, '
            'or remove the others')
    if source.path.is_dir():
        _refuse_pairs(source.path, files[0])
    if kind == 'labelme':
        return read_labelme(
            source.path, image_dir=image_dir,
            embedded_dir=_temporary_folder() / 'images')
    if kind == 'Label Studio':
        return read_labelstudio(files, image_dir, boxes=True)
    if kind == 'Supervisely':
        folder = source.path if source.path.is_dir() else files[0].parent
        return read_supervisely(folder, files, image_dir, boxes=True)
    return read_coco_files(
        files, source.path if source.path.is_dir() else files[0], image_dir,
        boxes=True, only_marked=True)


def _is_brush_export(source: Source) -> bool:
    return source.path.is_dir() and bool(brush_refusal(source.path))


def _refuse_brush_export(source: Source, _: Path | None) -> NoReturn:
    raise InputError(brush_refusal(source.path))


def _refuse_pairs(folder: Path, file: Path) -> None:
    """Refuse annotations beside masks, as one of them would be ignored."""
    for mask in folder.glob('*/*.png'):
        for image in mask.parent.glob(f'{escape(mask.stem)}.*'):
            if (image != mask and is_image(image.name)
                    and not is_hidden(image.relative_to(folder))):
                raise InputError(
                    f'{folder}: expected either masks or annotations, got '
                    f'{image} with its mask and also {file}; remove one of '
                    'them')


_YOLO = Format(
    lambda source: is_yolo(source.path),
    lambda source, image_dir: read_yolo(source.path, image_dir, boxes=True))
FORMATS = [
    Format(lambda source: is_voc(source.path),
           lambda source, image_dir: read_voc(source.path, image_dir)),
    Format(lambda source: is_roboflow(source.path),
           lambda source, image_dir: read_roboflow(source.path, image_dir)),
    Format(_is_mask_folder, _read_mask_folder),
    Format(lambda source: is_cvat(source.path), _read_cvat),
    Format(lambda source: bool(source.json_files), _read_json),
    Format(_is_brush_export, _refuse_brush_export),
    _YOLO,
]
"""All formats. The first that matches is read."""
