"""One JSON file of labelme: its shapes, and its image with its size."""
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import InputError, abbreviate
from ...files import StrPath, check_inside
from ...images.embedded_image import EmbeddedImage, read_embedded, write_once
from ...images.image_files import (
    check_file_name,
    is_image,
    size_and_orientation,
    stem_of,
)
from ...images.image_names import ImageNames, is_below, is_foreign, posix_name
from ...images.pixel_limit import check_pixels
from ...json_text import read_json
from ..class_list import check_name

Size = tuple[int, int]
"""H and W of an image in pixels."""


class LabelmeFile(NamedTuple):
    """A file of labelme."""

    file: Path
    """Path of the file."""
    stem: str
    """Path of the image below the folder of images, without suffix."""
    name: str
    """Name of the image, for messages."""
    image: Path | None
    """Path of the image, if it exists."""
    embedded: bool
    """Whether the image was written from the file."""
    size: Size
    """H and W of the annotations."""
    shapes: list[tuple[int, str, dict[str, Any]]]
    """Numbers, labels and contents of the shapes."""


class LabelmeImages:
    """The images of labelme's files.

    Args:
        root (Path): Folder of the files.
        image_dir (str | os.PathLike, optional): Folder of the images.
            Defaults to the folder of each file.
        embedded_dir (str | os.PathLike, optional): Folder to which images
            are written that only the files hold. Defaults to nowhere.
    """

    def __init__(self, root: Path, image_dir: StrPath | None,
                 embedded_dir: StrPath | None) -> None:
        self.image_dir = image_dir
        self._root = root
        self._all = image_dir and ImageNames(image_dir, search=True)
        self._beside: dict[Path, ImageNames] = {}
        self._embedded_dir = embedded_dir and Path(embedded_dir)

    def find(self, name: str, file: Path) -> Path | None:
        """Find the image that a file names."""
        if file.parent not in self._beside:
            self._beside[file.parent] = ImageNames(file.parent)
        where = f'{file}: imagePath'
        if self._all:
            # labelme's paths start from the file.
            beside = file.parent / posix_name(name)
            if is_below(beside, self.image_dir or '') and os.path.isfile(
                    beside):
                return beside
        return (self._all or self._beside[file.parent]).find(name, where)

    def stem(self, name: str, file: Path, image: Path | None) -> str:
        """Return what the mask of an image is called."""
        if self._all:
            return self._all.stem(name, image)
        if image is None and is_foreign(name):
            return stem_of(posix_name(name))
        return stem_of(os.path.relpath(
            image or file.parent / posix_name(name), self._root))

    def missing(self, one: LabelmeFile) -> str:
        """Return the message about a missing image."""
        assert self._all
        return self._all.missing(one.name, one.file)

    def write(self, file: Path, image: EmbeddedImage
              ) -> tuple[str, Path | None]:
        """Write the image that a file holds; return its stem and its path."""
        name = Path(os.path.relpath(file, self._root)).with_suffix('')
        stem = stem_of(name.as_posix())
        if not self._embedded_dir:
            return stem, None
        path = self._embedded_dir / f'{stem}{image.suffix}'
        check_inside(self._embedded_dir.parent, [path.parent])
        write_once(path, image.content)
        return stem, path


def read_labelme_file(file: Path, images: LabelmeImages) -> LabelmeFile:
    """Read a file of labelme.

    The size of its image is ``imageHeight`` and ``imageWidth``, which the
    first versions lack, or that of ``imageData``, or of the file of the
    image. An image that is missing is taken from ``imageData``.

    Args:
        file (Path): Path of the JSON file.
        images (LabelmeImages): Images, among which its image is found.

    Raises:
        InputError: If the file was not written by labelme, a label is
            invalid for :func:`check_name`, the size of the image is unknown
            or has too many pixels, or as for :func:`read_embedded` and
            :meth:`ImageNames.find`.
    """
    data = read_json(file)
    given = name = data.get('imagePath')
    shapes = data.get('shapes')
    if 'annotations' in data and shapes is None:
        raise InputError(
            f'{file} is a file of COCO, not of labelme; convert it with '
            'prepare-data coco, or give the folder of the files that labelme '
            'saves')
    if not isinstance(shapes, list) or not isinstance(given, str | None):
        raise InputError(
            f'{file} is not a file of labelme: expected imagePath and a list '
            'of shapes; remove it, or save it in labelme again')
    labelled = [
        (number, _label_of(shape, f'{file}, shape {number}'), shape)
        for number, shape in enumerate(shapes, start=1)]
    if not name or name.lower().endswith('.json'):  # some name themselves
        name = ''
    if not name and not data.get('imageData'):
        check_file_name(given or '', f'{file}: imagePath')
        raise InputError(
            f'{file}: expected imagePath as the name of an image, got '
            f'{given!r}, and no imageData; correct it')
    image = images.find(name, file) if name else None
    if image and data.get('imageData') and not is_image(image):
        image = None  # such as HEIC, of which imageData is a JPEG
    size = _stated_size(data, file)
    embedded = None
    if data.get('imageData') and not (image and size):
        embedded = read_embedded(data['imageData'], f'{file}: imageData')
        size = size or embedded.size
    elif image and not size:
        size, _ = size_and_orientation(image)
    shown = name if images.image_dir or is_foreign(name) else str(
        image or file.parent / posix_name(name))
    if not size:
        raise InputError(
            f'{file}: expected imageHeight and imageWidth, imageData or the '
            f'image {shown}, got none of them; put the image there, or give '
            'its folder as image_dir (--image-dir)')
    check_pixels(size, file)
    if embedded and not image:
        stem, image = images.write(file, embedded)
        return LabelmeFile(
            file, stem, f'{file}: imageData', image, True, size, labelled)
    return LabelmeFile(
        file, images.stem(name, file, image), shown, image, False, size,
        labelled)


def _label_of(shape: Any, where: str) -> str:
    label = shape.get('label') if isinstance(shape, dict) else None
    # Scripts write numbers, which labelme itself does not.
    label = str(label) if type(label) is int else label
    check_name(label, where)
    assert isinstance(label, str)
    return label


def _stated_size(data: Mapping[str, Any], file: Path) -> Size | None:
    """Return the size in a file; None if it has none, or -1."""
    found = []
    for key in ('imageHeight', 'imageWidth'):
        value = data.get(key)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if value is not None and type(value) is not int:
            raise InputError(
                f'{file}: expected {key} in pixels, got '
                f'{abbreviate(value)}; correct it, or remove it if the image '
                'is there')
        found.append(value)
    height, width = found
    if not height or not width or min(height, width) < 1:
        return None
    return height, width
