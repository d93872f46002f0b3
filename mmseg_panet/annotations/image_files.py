"""Files of images and masks: their names, and how they are opened."""
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path, PurePosixPath

import numpy as np
from mmengine.fileio import list_dir_or_file
from PIL import ExifTags, Image, ImageOps

from ..errors import InputError, error_context
from ..files import StrPath

_SUFFIXES = ('.jpg', '.jpeg', '.png', '.webp', '.bmp', '.tif', '.tiff')


def is_image(name: StrPath) -> bool:
    """Tell whether a file has the suffix of an image that can be read."""
    return PurePosixPath(name).suffix.lower() in _SUFFIXES


def stem_of(image: str) -> str:
    """Give the path of an image without suffix, with ``/`` on every system.

    A suffix that no image has is part of the name.
    """
    path = PurePosixPath(Path(image).as_posix())
    return str(path.with_suffix('') if is_image(path.name) else path)


def images_by_stem(folder: StrPath,
                   suffixes: Sequence[str] = _SUFFIXES) -> dict[str, str]:
    """Find every image below a folder, by its path without suffix.

    Args:
        folder (str | os.PathLike): Searched with all its folders.
        suffixes (Sequence[str]): Suffixes of images, in lower case. Defaults
            to all that can be read.

    Returns:
        dict[str, str]: Path below the folder without suffix, to the path
        with the folder, sorted.

    Raises:
        InputError: If there is no folder, or two images differ in their
            suffix only.
    """
    if not os.path.isdir(folder):
        raise InputError(
            f'{folder} is no folder; expected the one that holds the images')
    images: dict[str, str] = {}
    for path in sorted(list_dir_or_file(
            str(folder), list_dir=False, recursive=True)):
        if Path(path).suffix.lower() in suffixes:
            other = images.setdefault(stem_of(path), path)
            if other != path:
                raise InputError(
                    f'{path} and {other} in {folder} would share one mask; '
                    'rename or remove one')
    return {stem: os.path.join(folder, path) for stem, path in images.items()}


def existing(path: StrPath, where: str) -> str:
    """Refuse the path of a file that is not there.

    Args:
        path (str | os.PathLike): Path of an image or a mask.
        where (str): Begins the sentence: whose image or mask it is.

    Returns:
        str: The path.

    Raises:
        InputError: If there is no such file.
    """
    if not Path(path).is_file():
        raise InputError(f'{where}: found no file {path}; correct its path')
    return str(path)


@contextmanager
def opened(path: StrPath) -> Iterator[Image.Image]:
    """Open an image or a mask; its pixels are decoded when they are used.

    Args:
        path (str | os.PathLike): Path of the file.

    Yields:
        Image.Image: The picture.

    Raises:
        InputError: If it cannot be read, as far as it is used.
    """
    # Pillow raises a SyntaxError for a broken PNG.
    with (error_context(f'{path} is not a readable image',
                        'replace or remove it', (OSError, SyntaxError)),
          Image.open(path) as picture):
        yield picture


def seen_size(picture: Image.Image) -> tuple[int, int]:
    """(H, W) of an image as it is decoded, its EXIF orientation applied."""
    orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
    return picture.size if orientation in range(5, 9) else picture.size[::-1]


def seen_as(labels: np.ndarray, image: Path | Image.Image) -> np.ndarray:
    """Turn labels as the camera's orientation turns the photograph.

    Images are decoded with their EXIF orientation applied. Labels that have
    the size of the image as it is seen are left alone, those of its size as
    stored are turned. Where both sizes are the same, labels are taken to be
    of the image as it is seen, which is what annotation tools show.

    Args:
        labels (np.ndarray): (H, W), uint8.
        image (Path | Image.Image): Path of the image, or one of Pillow.

    Returns:
        np.ndarray: (H, W) of the decoded image.

    Raises:
        InputError: If the image cannot be read or neither size fits.
    """
    with (nullcontext(image) if isinstance(image, Image.Image)
          else opened(image)) as picture:
        stored, seen = picture.size[::-1], seen_size(picture)
        orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
    if labels.shape == seen:
        return labels
    if labels.shape == stored:
        mask = Image.fromarray(labels)
        mask.getexif()[ExifTags.Base.Orientation] = orientation
        return np.asarray(ImageOps.exif_transpose(mask))
    raise InputError(
        f'{image} is {seen[1]}x{seen[0]}, but it was annotated as '
        f'{labels.shape[1]}x{labels.shape[0]}; annotate this image again')
