"""A cache of decoded images in memory-mapped safetensors files."""
import ast
import copy
import logging
import shutil
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import mmcv
import mmseg
import numpy as np
import PIL
from mmcv.transforms import Compose
from mmengine.logging import print_log
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save

from ..errors import InputError, loading_context
from ..files import atomic_path
from ..parallel import parallel_map
from .cache import cache_key, read_or_build, warn_if_not_cached

_FORMAT = 3
"""Version in the folder's name; increase it if files or our steps change."""
_SAMPLE = 16
"""Number of images from which the size of the folder is estimated."""
_VALUES, _CRC = '(values)', '(crc)'
"""Names of a file's additional tensors; no transform uses such keys."""


@dataclass(frozen=True)
class ImageCache:
    """The cached results of a pipeline's first steps for every image.

    The folder contains one file per image. Its tensors are the arrays, the
    bytes of the other values as Python literals, and a CRC-32 of both.

    Args:
        folder (Path): Path of the folder.
    """

    folder: Path

    def restore(self, image: int) -> dict | None:
        """Read the cached result of an image.

        Args:
            image (int): Index of the image.

        Returns:
            dict | None: The keys that the steps have set, with arrays as
            writable copies; None if the file is missing or damaged. A
            damaged file is removed, so that the next start rebuilds the
            folder.
        """
        path = _path(self.folder, image)
        try:
            arrays = load_file(path)
            if arrays.pop(_CRC)[0] == _crc(arrays):
                values = arrays.pop(_VALUES).tobytes().decode()
                return ast.literal_eval(values) | arrays
        except OSError:
            return None
        except (SafetensorError, KeyError, IndexError):
            pass
        print_log(
            f'{path} is damaged: the image is loaded from its original file, '
            'and the next start rebuilds the cache',
            logger='current', level=logging.WARNING)
        path.unlink(missing_ok=True)
        return None


def load_image_cache(infos: Sequence[dict], steps: Sequence[Callable],
                     cache_dir: str | Path | None = None
                     ) -> ImageCache | None:
    """Find the cache of decoded images, or decode the images and write it.

    The images are decoded in parallel, while other processes that need them
    wait; and again if an image, a mask or a step has changed.

    Args:
        infos (Sequence[dict]): mmseg's data infos of all images.
        steps (Sequence[Callable]): Transforms that are not random.
        cache_dir (str | Path, optional): Folder of all caches, see
            :func:`cache_folder`.

    Returns:
        ImageCache | None: The cache; None if the folder cannot be written.

    Raises:
        InputError: If an image cannot be loaded, or if the disk has too
            little free space.
    """
    versions = [
        module.__version__ for module in (cv2, mmcv, mmseg, PIL, np)]
    key = cache_key(
        infos, _FORMAT, versions,
        [(type(step), sorted(vars(step).items())) for step in steps])
    return read_or_build(
        cache_dir, f'images/{key}', partial(_read, num_images=len(infos)),
        lambda folder: _build(folder, infos, steps))


def _path(folder: Path, image: int) -> Path:
    return folder / f'{image}.safetensors'


def _read(folder: Path, num_images: int) -> ImageCache | None:
    """Open the folder; return None if a file is missing or truncated."""
    try:
        for image in range(num_images):
            with safe_open(_path(folder, image), 'numpy'):
                pass
    except (OSError, SafetensorError):
        return None
    return ImageCache(folder)


@warn_if_not_cached('the decoded images of cache_images=True')
def _build(folder: Path, infos: Sequence[dict],
           steps: Sequence[Callable]) -> ImageCache | None:
    """Decode all images and write the folder atomically."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    sample = infos[::-(-len(infos) // _SAMPLE)]
    mean = sum(len(_serialize(info, steps)) for info in sample) / len(sample)
    needed, free = mean * len(infos), shutil.disk_usage(folder.parent).free
    if free < needed:
        raise InputError(
            f'expected {needed / 1e9:.2f} GB free in {folder.parent} for the '
            f'decoded images of cache_images=True, got {free / 1e9:.2f} GB; '
            'free some space, set another cache_dir, or remove cache_images')
    with atomic_path(folder, exclusive=True) as part:
        part.mkdir()
        parallel_map(
            partial(_write, folder=part, steps=steps), list(enumerate(infos)),
            f'caching {len(infos)} decoded images in {folder.parent}, about '
            f'{needed / 1e9:.2f} GB')
    return ImageCache(folder)


def _write(image: tuple[int, dict], folder: Path,
           steps: Sequence[Callable]) -> None:
    number, info = image
    _path(folder, number).write_bytes(_serialize(info, steps))


def _serialize(info: dict, steps: Sequence[Callable]) -> bytes:
    """Serialize the keys that the steps set or change."""
    with loading_context(info):
        results = Compose(steps)(copy.deepcopy(info))
        values = {key: value for key, value in results.items()
                  if key not in info or repr(info[key]) != repr(value)}
        arrays = {key: np.ascontiguousarray(values.pop(key))
                  for key, value in list(values.items())
                  if isinstance(value, np.ndarray)}
        # Values that restore() could not read raise an error here.
        ast.literal_eval(repr(values))
    arrays[_VALUES] = np.frombuffer(repr(values).encode(), np.uint8)
    return save(arrays | {_CRC: np.array([_crc(arrays)], np.uint32)})


def _crc(arrays: dict[str, np.ndarray]) -> int:
    crc = 0
    for key, array in sorted(arrays.items()):
        kind = repr((key, array.dtype.str, array.shape)).encode()
        crc = zlib.crc32(array.data, zlib.crc32(kind, crc))
    return crc
