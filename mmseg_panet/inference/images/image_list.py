"""The images to segment: their names, and how they are read."""
import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import cv2
import mmcv
import numpy as np
from mmengine import fileio

from ...annotations.mask_folder import is_image, stem_of
from ...errors import InputError
from .video import VIDEO_SUFFIXES, Video, VideoFrame

Source = str | np.ndarray | VideoFrame
Input = str | os.PathLike | np.ndarray


class ImageItem(NamedTuple):
    """An image to segment.

    Attributes:
        name (str): Of its outputs: relative, with ``/``, without suffix, and
            no other of its list has it.
        source (str | np.ndarray | VideoFrame): What :func:`read_image`
            takes.
    """

    name: str
    source: Source


class _Found(NamedTuple):
    name: str
    full_name: str
    """With the file's suffix."""
    source: Source


def list_images(inputs: Input | Sequence[Input],
                leave_out: str | os.PathLike | None = None,
                first_array: int = 0) -> list[ImageItem]:
    """Find images, each with a name of its own.

    Images of a folder, and of a glob pattern, are named by their path below
    it (below its part without wildcards), others by their file; a frame of a
    video by the video and its number, ``clip/000012``; an array by its place
    among all images, ``00000003``. Images that would share a name keep their
    suffix, and get a number where that is not enough.

    Args:
        inputs (str | os.PathLike | np.ndarray | Sequence): An image file, a
            folder, which is searched with all its folders, a glob pattern, a
            video file, an array (H, W, 3) BGR or (H, W), uint8, or a list of
            such.
        leave_out (str | os.PathLike, optional): Folder of results; its
            ``masks`` and ``overlays`` are no images, should it lie among
            them.
        first_array (int): Place from which arrays are named. Defaults to 0.

    Returns:
        list[ImageItem]: In the order of the inputs, those of a folder or
        pattern sorted by path, without hidden ones.

    Raises:
        InputError: If there is no such file, no image in a folder or of a
            pattern, or something is none of these.
    """
    if not isinstance(inputs, (list, tuple)):
        inputs = [inputs]  # type: ignore[list-item]
    found: list[_Found] = []
    for one in inputs:
        if isinstance(one, np.ndarray):
            found.append(_from_array(one, first_array + len(found)))
        elif isinstance(one, (str, os.PathLike)):
            found += _from_path(os.fspath(one))
        else:
            raise InputError(
                'expected images as paths, folders, glob patterns, videos or '
                f'arrays, got {type(one).__name__}; convert it to an array')
    if leave_out is not None:
        found = _without_results(found, leave_out)
    if not found:
        raise InputError('expected at least one image, got none')
    return _named(found)


def check_array(array: np.ndarray) -> None:
    """Refuse an array that is no image.

    Raises:
        InputError: If it is not (H, W, 3) or (H, W) of uint8.
    """
    if (not isinstance(array, np.ndarray) or array.dtype != np.uint8
            or not array.size or array.ndim not in (2, 3)
            or array.shape[2:] not in ((), (3,))):
        got = f'{array.shape} of {array.dtype}' if isinstance(
            array, np.ndarray) else type(array).__name__
        raise InputError(
            f'expected an array (H, W, 3) or (H, W) of uint8, got {got}; '
            'images have the channels last, in the order BGR, and values '
            '0..255')


def read_image(source: Source) -> np.ndarray:
    """Read an image as a person sees it.

    The camera's orientation is applied, transparency left out, 16 bits are
    scaled to 8 and grey is repeated. OpenCV gives nothing for a file that is
    cut short, whatever its format, so that no half image passes.

    Args:
        source (str | np.ndarray | VideoFrame): Of an :class:`ImageItem`.

    Returns:
        np.ndarray: (H, W, 3) uint8 BGR.

    Raises:
        InputError: If it cannot be read; names the file.
    """
    if isinstance(source, VideoFrame):
        return source.video.read(source.number)
    if isinstance(source, np.ndarray):
        return source if source.ndim == 3 else np.stack([source] * 3, axis=2)
    if _is_video(source):
        return Video(source).read(0)
    try:
        image = mmcv.imfrombytes(
            fileio.get(source), flag='color', backend='cv2')
    except (OSError, cv2.error) as error:
        raise InputError(
            f'{source} could not be read ({_reason(error)}); replace the '
            'file or leave it out') from error
    if image is None:
        raise InputError(
            f'{source} is no whole image: cut short, damaged, or of a format '
            'that OpenCV does not know; replace the file or leave it out')
    return image


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return 'it is empty, or larger than OpenCV allows'


def _from_array(array: np.ndarray, place: int) -> _Found:
    check_array(array)
    name = f'{place:08d}'
    return _Found(name, name, array)


def _without_results(found: Sequence[_Found],
                     out_dir: str | os.PathLike) -> list[_Found]:
    results = tuple(
        os.path.join(os.path.realpath(out_dir), folder, '')
        for folder in ('masks', 'overlays'))
    return [
        one for one in found if not isinstance(one.source, str)
        or not os.path.realpath(one.source).startswith(results)]


def _from_path(path: str) -> list[_Found]:
    if os.path.isdir(path):
        return list(_from_files(path, _files_below(path)))
    if os.path.isfile(path):
        return list(_from_files(os.path.dirname(path), [path]))
    if not glob.has_magic(path):
        raise InputError(
            f'{path} does not exist; expected an image, a video, a folder of '
            'images or a glob pattern')
    files = sorted(
        file for file in glob.glob(path, recursive=True)
        if os.path.isfile(file) and (is_image(file) or _is_video(file)))
    if not files:
        raise InputError(
            f'no image has a path like {path}; a pattern that goes into '
            "folders is written with two stars, 'photos/**/*.jpg'")
    return list(_from_files(_fixed_part(path), files))


def _files_below(folder: str) -> list[str]:
    """All images, also links that lead nowhere: reading them will fail."""
    files: list[str] = []
    entered: set[str] = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        # A link may lead back to a folder that holds it.
        real = os.path.realpath(root)
        if real in entered:
            folders.clear()
            continue
        entered.add(real)
        folders[:] = [name for name in folders if not name.startswith('.')]
        files += [
            os.path.join(root, name) for name in names
            if is_image(name) and not name.startswith('.')]
    if not files:
        raise InputError(
            f'{folder} has no image with a suffix such as .jpg, .png, .webp, '
            '.bmp or .tif; name another folder')
    return sorted(files)


def _from_files(root: str, files: Iterable[str]) -> Iterator[_Found]:
    for file in files:
        full = Path(os.path.relpath(file, root or '.')).as_posix()
        if not _is_video(file):
            yield _Found(stem_of(full), full, file)
            continue
        try:
            video = Video(file)
        except InputError:  # a failure among the others, when it is read
            yield _Found(stem_of(full), full, file)
            continue
        stem = PurePosixPath(full).with_suffix('')
        for i in range(len(video)):
            yield _Found(
                f'{stem}/{i:06d}', f'{full}/{i:06d}', VideoFrame(video, i))


def _fixed_part(pattern: str) -> str:
    """The folders of a pattern before its first wildcard."""
    folder = os.path.dirname(pattern)
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)
    return folder


def _named(found: Sequence[_Found]) -> list[ImageItem]:
    sharing = Counter(one.name for one in found)
    taken: set[str] = set()
    times: Counter[str] = Counter()
    items = []
    for one in found:
        first = name = one.name if sharing[one.name] == 1 else one.full_name
        times[first] += 1
        while name in taken:
            name = f'{first}_{times[first]}'
            times[first] += name in taken
        taken.add(name)
        items.append(ImageItem(name, one.source))
    return items


def _is_video(path: str) -> bool:
    return Path(path).suffix.lower() in VIDEO_SUFFIXES
