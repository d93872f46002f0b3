"""The list of images to segment, each with a unique name."""
import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from PIL import Image

from ...errors import InputError, check_number
from ...images.decoder import PLAIN
from ...images.file_bytes import is_url, url_name
from ...images.reading import ImageReading
from ...images.suffixes import is_image, unread_note
from ...notices import warn_once
from ..results.record import PICTURES, holds_results, is_result
from .image_array import check_channel_order, image_array, is_in_memory
from .image_source import (
    Source,
    Video,
    VideoFrame,
    is_video,
    name_and_sha256,
    read_image,
)
from .item_names import unique_names

Input = str | os.PathLike | np.ndarray | Image.Image


class ImageItem(NamedTuple):
    """An image to segment.

    Attributes:
        name (str): Name of its outputs: relative, with ``/``, without
            suffix, and unique in its list.
        source (str | np.ndarray | VideoFrame): What :func:`read_image`
            takes.
    """

    name: str
    source: Source

    @property
    def path(self) -> str | None:
        """Path of the file that it comes from; None in memory."""
        if isinstance(self.source, VideoFrame):
            return self.source.video.path
        return self.source if isinstance(self.source, str) else None

    @property
    def file_name(self) -> str:
        """Its name with the suffix of its file, if it is one."""
        if not isinstance(self.source, str):
            return self.name
        return str(PurePosixPath(self.name).with_name(Path(self.source).name))


def read_named(item: ImageItem, reading: ImageReading = PLAIN
               ) -> tuple[np.ndarray, str, str]:
    """Read an image, and return its name and its hash too.

    Args:
        item (ImageItem): An item of :func:`list_images`.
        reading (ImageReading): See :func:`read_image`.

    Returns:
        tuple[np.ndarray, str, str]: (H, W, 3) uint8 BGR, its name in
        messages, and its hash, see :func:`name_and_sha256`. The hash of a
        frame is that of its pixels.

    Raises:
        InputError: See :func:`read_image`.
    """
    source = item.source
    image = read_image(source, reading)
    name, sha256 = name_and_sha256(
        source if isinstance(source, str) else image)
    return (
        image, item.name if isinstance(source, VideoFrame) else name, sha256)


def list_images(inputs: Input | Sequence[Input],
                leave_out: str | os.PathLike | None = None,
                first_array: int = 0,
                channel_order: str = 'bgr',
                frame_step: int = 1) -> list[ImageItem]:
    """Find images, and give each a unique name.

    Images of a folder, and of a glob pattern, are named by their path below
    it (below its part without wildcards), others by their file; a frame of a
    video by the video and its number, ``clip/000012``; an image in memory by
    its place among all images, ``00000003``. Images that would share a name
    keep their suffix, and get a number where that is not enough.

    Args:
        inputs (str | os.PathLike | np.ndarray | Image.Image | Sequence): An
            image file, a folder, which is searched with all its folders, a
            glob pattern, a video file, the URL of an image, see
            :func:`read_bytes`, an array (H, W, 3) or (H, W) of uint8, a
            Pillow image, or a list of such.
        leave_out (str | os.PathLike, optional): Folder of results, whose
            :data:`PICTURES` are left out if they are among the
            images.
        first_array (int): Place from which arrays are named. Defaults to 0.
        channel_order (str): 'bgr' or 'rgb', see :func:`image_array`.
            Defaults to 'bgr'.
        frame_step (int): Every how many frames of a video one is taken,
            from the first one. Defaults to 1: all frames.

    Returns:
        list[ImageItem]: The images in the order of the inputs. Those of a
        folder or a pattern are sorted by path, without hidden ones and
        without the :data:`PICTURES` of any folder of results, see
        :func:`is_result`. A warning counts photographs of formats that are
        not read, such as HEIC.

    Raises:
        InputError: If a file does not exist, a folder or a pattern has no
            image, or an input is of another type.
    """
    check_channel_order(channel_order)
    check_number('frame_step (--frame-step)', frame_step, least=1,
                 integer=True)
    if not isinstance(inputs, (list, tuple)):
        inputs = [inputs]  # type: ignore[list-item]
    found: list[ImageItem] = []
    for one in inputs:
        if is_in_memory(one):
            found.append(ImageItem(
                f'{first_array + len(found):08d}',
                image_array(one, channel_order)))  # type: ignore[arg-type]
        elif isinstance(one, (str, os.PathLike)):
            found += _from_path(os.fspath(one), frame_step)
        else:
            raise InputError(
                'expected images as paths, folders, glob patterns, videos, '
                f'arrays or Pillow images, got {type(one).__name__}; '
                + ('put all images in one list, list(images)'
                   if isinstance(one, Iterable) and not hasattr(
                       one, '__array__') else 'convert it to an array'))
    if leave_out is not None:
        results = tuple(
            os.path.join(os.path.realpath(leave_out), folder, '')
            for folder in PICTURES)
        found = [
            one for one in found if one.path is None
            or not os.path.realpath(one.path).startswith(results)]
    if not found:
        raise InputError('expected at least one image, got none')
    return [
        item._replace(name=name)
        for item, name in zip(found, unique_names(found), strict=True)]


def is_single(inputs: Input | Sequence[Input]) -> bool:
    """Tell whether inputs mean one image, however many there are.

    Args:
        inputs (str | os.PathLike | np.ndarray | Image.Image | Sequence): See
            :func:`list_images`.

    Returns:
        bool: True for the path of an image, and for an image in memory; False
        for a folder, a glob pattern, a video and a list, even of one image.
    """
    if isinstance(inputs, (str, os.PathLike)):
        path = os.fspath(inputs)
        return is_url(path) or os.path.isfile(path) and not is_video(path)
    return is_in_memory(inputs)


def _from_path(path: str, frame_step: int) -> Iterator[ImageItem]:
    """Find the images of a path; their names keep the suffixes."""
    if is_url(path):
        if is_video(path):
            read_image(path)  # it is refused
        yield ImageItem(url_name(path), path)
        return
    root, files = _search(path)
    for file in files:
        name = Path(os.path.relpath(file, root or '.')).as_posix()
        try:
            video = Video(file) if is_video(file) else None
        except InputError:  # reading it will fail, as for a damaged image
            video = None
        if video is None:
            yield ImageItem(name, file)
            continue
        for i in range(0, len(video), frame_step):
            yield ImageItem(f'{name}/{i:06d}', VideoFrame(video, i))


def _search(path: str) -> tuple[str, list[str]]:
    """Find the files that a path means, and the folder above them."""
    if os.path.isdir(path):
        return path, _files_below(path)
    if os.path.isfile(path):
        return os.path.dirname(path), [path]
    if not glob.has_magic(path):
        raise InputError(
            f'{path} does not exist; expected an image, a video, a folder of '
            'images or a glob pattern')
    root = path
    while glob.has_magic(root):
        root = os.path.dirname(root)
    matches = glob.glob(path, recursive=True)
    files = sorted(
        file for file in matches
        if os.path.isfile(file) and (is_image(file) or is_video(file))
        and not is_result(Path(file), Path(root)))
    note = unread_note(matches, path)
    if not files:
        raise InputError(
            note or f'no image has a path like {path}; a pattern that goes '
            "into folders is written with two stars, 'photos/**/*.jpg'")
    if note:
        warn_once(note)
    return root, files


def _files_below(folder: str) -> list[str]:
    """Find all images, and broken links, which fail when they are read."""
    entered: dict[str, list[str]] = {}
    unread: dict[str, list[str]] = {}
    for root, folders, names in os.walk(folder, followlinks=True):
        # A link may point to a folder that contains it.
        real = os.path.realpath(root)
        results = PICTURES if holds_results(Path(root)) else ()
        folders[:] = [one for one in folders
                      if real not in entered and not one.startswith('.')
                      and one not in results]
        unread.setdefault(
            real, [os.path.join(root, name) for name in names])
        entered.setdefault(real, [
            os.path.join(root, name) for name in names
            if is_image(name) and not name.startswith('.')])
    files = sorted(chain(*entered.values()))
    note = unread_note(chain(*unread.values()), folder)
    if not files:
        raise InputError(
            f'{folder} has no image with a suffix such as .jpg, .png, .webp, '
            f".bmp or .tif; {note or 'name another folder'}")
    if note:
        warn_once(note)
    return files
