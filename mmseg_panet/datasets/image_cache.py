"""Decoded images, kept as memory-mapped safetensors files."""
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
from .cache import cache_key, keeping, read_or_build

_FORMAT = 3
"""Part of the folder's name: raise it when the files or our steps change."""
_SAMPLE = 16
"""Images from which the size of the folder is estimated."""
_VALUES, _CRC = '(values)', '(crc)'
"""Tensors of a file beside the arrays; no transform sets such keys."""


@dataclass(frozen=True)
class ImageCache:
    """What the first steps of a pipeline make of every image.

    The folder holds a file for each image. Its tensors are the arrays, the
    bytes of the other values as Python's literals, and a CRC-32 of them all.

    Args:
        folder (Path): The folder.
    """

    folder: Path

    def restore(self, image: int) -> dict | None:
        """Read what was kept of an image.

        Args:
            image (int): Its index.

        Returns:
            dict | None: The keys that the steps have set, arrays as copies
            that may be written to; None where the file is gone or damaged,
            which is then removed for the folder to be made again.
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
            f'{path} is damaged: the image is loaded from its own file, and '
            'the next start keeps all images again',
            logger='current', level=logging.WARNING)
        path.unlink(missing_ok=True)
        return None


def load_image_cache(infos: Sequence[dict], steps: Sequence[Callable],
                     cache_dir: str | Path | None = None
                     ) -> ImageCache | None:
    """Find the decoded images on the disk, or decode and keep them there.

    One process does it, in parallel, while the others wait; and again when
    an image, a mask or a step changes.

    Args:
        infos (Sequence[dict]): mmseg's data infos, image by image.
        steps (Sequence[Callable]): Transforms that are not random.
        cache_dir (str | Path, optional): See :func:`cache_folder`.

    Returns:
        ImageCache | None: None where the folder cannot be written.

    Raises:
        InputError: If an image cannot be loaded, or the disk is too small.
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
    """The folder that is there, or None where a file is missing or cut."""
    try:
        for image in range(num_images):
            with safe_open(_path(folder, image), 'numpy'):
                pass
    except (OSError, SafetensorError):
        return None
    return ImageCache(folder)


@keeping('the decoded images of cache_images=True')
def _build(folder: Path, infos: Sequence[dict],
           steps: Sequence[Callable]) -> ImageCache | None:
    """Write the folder completely or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    sample = infos[::-(-len(infos) // _SAMPLE)]
    mean = sum(len(_kept(info, steps)) for info in sample) / len(sample)
    needed, free = mean * len(infos), shutil.disk_usage(folder.parent).free
    if free < needed:
        raise InputError(
            f'expected {needed / 1e9:.2f} GB free in {folder.parent} for the '
            f'decoded images of cache_images=True, got {free / 1e9:.2f} GB; '
            'make room, give another cache_dir, or leave out cache_images')
    with atomic_path(folder, exclusive=True) as part:
        part.mkdir()
        parallel_map(
            partial(_keep, folder=part, steps=steps), list(enumerate(infos)),
            f'keeping {len(infos)} decoded images in {folder.parent}, about '
            f'{needed / 1e9:.2f} GB')
    return ImageCache(folder)


def _keep(image: tuple[int, dict], folder: Path,
          steps: Sequence[Callable]) -> None:
    number, info = image
    _path(folder, number).write_bytes(_kept(info, steps))


def _kept(info: dict, steps: Sequence[Callable]) -> bytes:
    """A file of what the steps set or change."""
    with loading_context(info):
        results = Compose(steps)(copy.deepcopy(info))
        kept = {key: value for key, value in results.items()
                if key not in info or repr(info[key]) != repr(value)}
        arrays = {key: np.ascontiguousarray(kept.pop(key))
                  for key, value in list(kept.items())
                  if isinstance(value, np.ndarray)}
        # What could not be read again is an error here.
        ast.literal_eval(repr(kept))
    arrays[_VALUES] = np.frombuffer(repr(kept).encode(), np.uint8)
    return save(arrays | {_CRC: np.array([_crc(arrays)], np.uint32)})


def _crc(arrays: dict[str, np.ndarray]) -> int:
    crc = 0
    for key, array in sorted(arrays.items()):
        kind = repr((key, array.dtype.str, array.shape)).encode()
        crc = zlib.crc32(array.data, zlib.crc32(kind, crc))
    return crc
