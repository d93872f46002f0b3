"""The class index: how many pixels of each class every image has."""
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar
from zipfile import BadZipFile

import numpy as np
from mmcv.transforms import LoadAnnotations, LoadImageFromFile
from mmengine.fileio import get

from ..annotations.label_type import IGNORED, ignored_of
from ..errors import InputError, raise_first
from ..files import write_arrays
from ..images.decoder import decode_image
from ..images.image_files import size_and_orientation
from ..images.orientation import is_turned, orientation_of
from ..images.pixel_limit import check_pixels, open_limited
from ..images.suffixes import suffix_of
from ..parallel import parallel_map
from .cache import (
    cache_key,
    read_or_build,
    size_and_time,
    warn_if_not_cached,
)
from .transforms.oriented_image import LoadOrientedImage

_FORMAT = 1
"""Version in the cache's key; increase it if the file or counting changes."""
T = TypeVar('T')


class Fault(NamedTuple):
    """A fault of a file or of a data set.

    Attributes:
        kind (str): Kind of the fault. That of a file is 'missing',
            'unreadable', 'format', 'size' or 'ids'.
        sentence (str): Message: what was expected, what was found, and the
            remedy.
    """

    kind: str
    sentence: str


@dataclass(frozen=True, eq=False)
class ClassIndex:
    """Numbers of pixels of every class in every image of a data set.

    Attributes:
        counts (np.ndarray): Pixels of each class, (N, num_classes) int.
        areas (np.ndarray): Pixels of each image, (N,) int.

    Example:
        >>> index = ClassIndex(np.array([[9, 0], [5, 4]]), np.array([9, 9]))
        >>> index.images_with(class_id=1, min_area=0.25)
        array([1])
    """

    counts: np.ndarray
    areas: np.ndarray

    def images_with(self, class_id: int, min_area: float = 1) -> np.ndarray:
        """Find the images that contain a class.

        Args:
            class_id (int): Id of the class.
            min_area (float): Minimum area of the class: a number of pixels
                or, below 1, a fraction of the image. Defaults to 1.

        Returns:
            np.ndarray: Indices of the images, ascending.
        """
        pixels = self.counts[:, class_id]
        least = min_area if min_area >= 1 else min_area * self.areas
        return np.flatnonzero((pixels >= least) & (pixels > 0))

    def absence_remedy(self, class_id: int, name: str) -> str:
        """Say what to do about a class that no mask shows.

        Args:
            class_id (int): Id of the class.
            name (str): Its name, for the sentence.

        Returns:
            str: The remedy; empty if a mask shows the class.
        """
        if self.counts[:, class_id].any():
            return ''
        ignored = self.areas - self.counts.sum(1)
        if not ignored.any() or self.counts.shape[1] > IGNORED:
            return 'correct the ids of the masks, or leave out the class'
        return (
            f'ignored pixels, {IGNORED}, occur in '
            f'{np.count_nonzero(ignored)} of {len(ignored)} masks: if they '
            'show the class, convert the masks by `mmseg-panet prepare-data '
            f'masks` and a class list with `{class_id} {name} 255,255,255`')


def load_class_index(infos: Sequence[dict], num_classes: int,
                     loader: LoadAnnotations,
                     cache_dir: str | Path | None = None,
                     image_loader: LoadImageFromFile | None = None
                     ) -> ClassIndex:
    """Read the class index from the cache, or build and cache it.

    The index is built in parallel, and rebuilt if an image or a mask has
    changed.

    Args:
        infos (Sequence[dict]): mmseg's data infos, with ``img_path``,
            ``seg_map_path``, ``label_map`` and ``reduce_zero_label``.
        num_classes (int): Number of classes; valid ids are
            0..num_classes - 1 and that of :func:`ignored_of`.
        loader (LoadAnnotations): Transform that reads the masks.
        cache_dir (str | Path, optional): Folder of all caches, see
            :func:`cache_folder`.
        image_loader (LoadImageFromFile, optional): Transform that reads the
            images, see :func:`count_pixels`. Defaults to None.

    Returns:
        ClassIndex: Index of the images in the order of the infos.

    Raises:
        InputError: If a file is missing or unreadable, a mask and its image
            differ in size, or an id is invalid.
    """
    # With our loader, nothing is checked that others would not check.
    other = [] if isinstance(image_loader, LoadOrientedImage) else [
        image_loader]
    key = cache_key(
        infos, _FORMAT, num_classes, loader, *filter(None, other))
    return read_or_build(
        cache_dir, f'class_index/{key}.npz',
        partial(_read, shape=(len(infos), num_classes)),
        lambda path: _build(path, infos, num_classes, loader, image_loader))


def _read(path: Path, shape: tuple[int, int]) -> ClassIndex | None:
    """Read the cached index; return None if it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            index = ClassIndex(arrays['counts'], arrays['areas'])
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
    return index if index.counts.shape == shape else None


def _build(path: Path, infos: Sequence[dict], num_classes: int,
           loader: LoadAnnotations, image_loader: LoadImageFromFile | None
           ) -> ClassIndex:
    count = partial(count_pixels, num_classes=num_classes, loader=loader,
                    image_loader=image_loader)
    rows, faults = zip(*parallel_map(
        count, infos, f'counting the classes of {len(infos)} masks'),
        strict=True)
    raise_first([of_image[0].sentence for of_image in faults if of_image])
    counts = np.stack(rows)
    # The last column counts ignored pixels.
    index = ClassIndex(counts[:, :num_classes], counts.sum(1))
    with warn_if_not_cached('the class index'):
        write_arrays(path, counts=index.counts, areas=index.areas)
    return index


def count_pixels(info: dict, num_classes: int, loader: LoadAnnotations,
                 image_loader: LoadImageFromFile | None = None
                 ) -> tuple[np.ndarray, list[Fault]]:
    """Count the pixels of every class in a mask, and collect its faults.

    Args:
        info (dict): mmseg's data info of the image.
        num_classes (int): Number of classes; valid ids are
            0..num_classes - 1 and that of :func:`ignored_of`.
        loader (LoadAnnotations): Transform that reads the mask.
        image_loader (LoadImageFromFile, optional): Transform that reads the
            image. An image with an orientation, and a TIFF, are decoded to
            see whether it shows them as a viewer does. Defaults to None: no
            such check.

    Returns:
        tuple[np.ndarray, list[Fault]]: Numbers of pixels, (num_classes + 1,)
        with that of ignored pixels at the end, and zero for a mask that
        cannot be read; and the faults of the image and its mask.
    """
    image, mask = info['img_path'], info['seg_map_path']
    size = _read_or_fault(
        image, 'image', lambda: _image_size(image, image_loader))
    labels = _read_or_fault(mask, 'mask', lambda: _labels(info, loader))
    faults = [found for found in (size, labels) if isinstance(found, Fault)]
    if isinstance(labels, Fault):
        return np.zeros(num_classes + 1, np.int32), faults
    if not isinstance(size, Fault) and labels.shape != size:
        faults.append(Fault('size', (
            f'{mask} is {labels.shape[1]}x{labels.shape[0]} but its image '
            f'{image} is {size[1]}x{size[0]}: expected the same size')))
    void = ignored_of(labels.dtype)
    counts = np.bincount(
        labels.ravel(), minlength=max(1 + void, num_classes))
    ignored, counts[void] = counts[void], 0
    strange = num_classes + np.flatnonzero(counts[num_classes:])
    if len(strange):
        faults.append(Fault('ids', (
            f'{mask} contains the ids {strange[:10].tolist()}: expected '
            f'0..{num_classes - 1}, or {void} for ignored; correct the '
            "mask or the data set's classes")))
    # Of 32 bits, as LVIS has 100,170 images and 1203 classes.
    return np.append(counts[:num_classes], ignored).astype(np.int32), faults


def _read_or_fault(path: str, what: str,
                   read: Callable[[], T | Fault]) -> T | Fault:
    """Return the contents of a file, or its fault."""
    try:
        size_and_time(path)
    except InputError as error:
        return Fault('missing', str(error))
    try:
        return read()
    except InputError as error:
        return Fault('unreadable', str(error))
    except Exception as error:  # noqa: BLE001 any backend, format or damage
        return Fault('unreadable', (
            f'{path} is not a readable {what} ({error}); replace or '
            'remove it'))


def _image_size(path: str, image_loader: LoadImageFromFile | None
                ) -> tuple[int, int] | Fault:
    """Read the (H, W) of an image with its orientation applied."""
    size, orientation = size_and_orientation(path)
    check_pixels(size, path)
    if image_loader is None or (
            orientation == 1 and suffix_of(path) not in ('.tif', '.tiff')):
        return size
    loaded = image_loader(dict(img_path=path))
    if isinstance(image_loader, LoadOrientedImage):
        return size
    if loaded is None or not np.array_equal(
            loaded['img'], decode_image(get(path), path)):
        return Fault('format', (
            f'{path} has the orientation {orientation}, which '
            f'{type(image_loader).__name__} ignores: expected the image as a '
            "viewer shows it; load it by dict(type='LoadOrientedImage') in "
            'both pipelines'))
    return size


def _labels(info: dict, loader: LoadAnnotations) -> np.ndarray | Fault:
    """Read a mask (H, W) as it is loaded for training."""
    path = info['seg_map_path']
    with open_limited(path) as picture:
        mode = picture.mode
        orientation = 1 if is_turned(picture) else orientation_of(picture)
    if orientation != 1:
        return Fault('format', (
            f'{path} has the orientation {orientation}, which '
            f'{type(loader).__name__} ignores: expected a mask without one; '
            'write it again by `mmseg-panet prepare-data masks`'))
    labels = loader(dict(info, seg_fields=[]))['gt_seg_map']
    # mmseg's loader truncates ids to 8 bits.
    if mode.startswith('I') and labels.dtype == np.uint8:
        return Fault('format', (
            f'{path} is a {mode} image: expected 8 bits per pixel; save '
            'the mask as an 8-bit PNG, or load more than 254 classes by '
            "dict(type='LoadWideAnnotations') in both pipelines"))
    if labels.ndim != 2:
        return Fault('format', (
            f'{path} has shape {labels.shape}: expected one channel of class '
            'ids; convert colours to ids first'))
    return labels
