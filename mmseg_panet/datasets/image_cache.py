"""Decoded images, kept in one memory-mapped file."""
import copy
import hashlib
import json
import logging
import math
import os
import shutil
import sys
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property, partial
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import cv2
import mmcv
import mmseg
import numpy as np
import PIL
from mmcv.transforms import Compose
from mmengine.dist import barrier, is_main_process
from mmengine.logging import print_log
from mmengine.utils import ProgressBar

from ..errors import InputError, loading
from ..files import whole_file
from .class_index import cache_folder, size_and_time

_FORMAT = 1
"""Part of the file's name: raise it when the file or our steps change."""
_BATCH = 256
"""Images in memory while the file is written."""
_SAMPLE = 16
"""Images from which the size of the file is told beforehand."""


class ImageCache:
    """What the first steps of a pipeline make of every image.

    The file holds a record an image, then the table, then its CRC-32. A
    record is a line of JSON, the plain values and the arrays' types and
    shapes, then the bytes of the arrays.

    Args:
        path (Path): The file.
        table (np.ndarray): (N, 4) int64: offset of an image's record, bytes
            of its line, of all of it, and its CRC-32.
    """

    def __init__(self, path: Path, table: np.ndarray) -> None:
        self.path = path
        self.table = table

    def __getstate__(self) -> dict:
        # A map would be pickled as the whole file: every process has its own.
        return {k: v for k, v in self.__dict__.items() if k != '_bytes'}

    @cached_property
    def _bytes(self) -> np.ndarray:
        return np.asarray(np.memmap(self.path, np.uint8, 'r'))

    def restore(self, image: int) -> dict | None:
        """Read what was kept of an image.

        Args:
            image (int): Its index.

        Returns:
            dict | None: The keys that the steps have set, arrays as copies
            that may be written to; None where the file is gone or the record
            damaged, which is then removed to be built anew.
        """
        offset, head, size, crc = self.table[image]
        try:
            record = self._bytes[offset:offset + size]
        except OSError:
            return None
        if zlib.crc32(record.data) != crc:
            print_log(
                f'{self.path} is damaged: image {image} is loaded from its '
                'own file, and the next start keeps all images anew',
                logger='current', level=logging.WARNING)
            with suppress(OSError):
                self.path.unlink()
            return None
        values, arrays = json.loads(
            record[:head].tobytes(), object_hook=_untagged)
        for key, dtype, shape in arrays:
            tail = head + np.dtype(dtype).itemsize * math.prod(shape)
            values[key] = record[head:tail].copy().view(dtype).reshape(shape)
            head = tail
        return values


def load_image_cache(infos: Sequence[dict],
                     steps: Sequence[Callable],
                     cache_dir: str | Path | None = None
                     ) -> ImageCache | None:
    """Find the decoded images on the disk, or decode and keep them there.

    The main process does it, in parallel, while the others wait; and again
    when an image, a mask or a step changes.

    Args:
        infos (Sequence[dict]): mmseg's data infos, image by image.
        steps (Sequence[Callable]): Transforms without random draws.
        cache_dir (str | Path, optional): See :func:`cache_folder`.

    Returns:
        ImageCache | None: None where the folder cannot be written.

    Raises:
        InputError: If an image cannot be loaded, or the disk is too small.
    """
    path = cache_folder(cache_dir) / 'images' / f'{_key(infos, steps)}.bin'
    if not is_main_process():
        barrier()
    cache = _read(path, len(infos))
    if cache is None:
        try:
            _build(path, infos, steps)
            cache = _read(path, len(infos))
        except OSError as error:
            print_log(
                f'the decoded images could not be kept ({error}); set '
                'cache_dir or MMSEG_PANET_CACHE to a folder that can be '
                'written, or leave out cache_images',
                logger='current', level=logging.WARNING)
    if is_main_process():
        barrier()
    return cache


def _key(infos: Sequence[dict], steps: Sequence[Callable]) -> str:
    """Hash of all that the file is made from."""
    versions = [
        module.__version__ for module in (cv2, mmcv, mmseg, PIL, np)]
    digest = hashlib.sha256(f'{_FORMAT} {versions}'.encode())
    for step in steps:
        digest.update(f'{type(step)} {sorted(vars(step).items())}'.encode())
    for info in infos:
        paths = [info['img_path'], info['seg_map_path']]
        digest.update(repr([
            [os.path.abspath(path) for path in paths],
            [size_and_time(path) for path in paths],
            sorted(info.items()),
        ]).encode())
    return digest.hexdigest()


def _read(path: Path, num_images: int) -> ImageCache | None:
    """The file that is there, or None where there is no whole one."""
    length = num_images * 4 * 8
    try:
        with path.open('rb') as file:
            start = file.seek(-length - 4, os.SEEK_END)
            table, crc = file.read(length), file.read(4)
    except (OSError, ValueError):
        return None
    rows = np.frombuffer(table, '<i8').reshape(num_images, 4)
    whole = zlib.crc32(table) == int.from_bytes(crc, 'little')
    return ImageCache(path, rows) if whole and (
        rows[:, 2].sum() == start) else None


def _build(path: Path, infos: Sequence[dict],
           steps: Sequence[Callable]) -> None:
    """Write the file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _check_space(path.parent, infos, steps)
    with whole_file(path) as part:
        _write(part, infos, steps)


def _check_space(folder: Path, infos: Sequence[dict],
                 steps: Sequence[Callable]) -> None:
    sample = infos[::-(-len(infos) // _SAMPLE)]
    mean = sum(len(_record(info, steps)[1]) for info in sample) / len(sample)
    needed, free = mean * len(infos), shutil.disk_usage(folder).free
    print(f'keeping {len(infos)} decoded images in {folder}, about '
          f'{needed / 1e9:.2f} GB', file=sys.stderr)
    if free < needed:
        raise InputError(
            f'expected {needed / 1e9:.2f} GB free in {folder} for the decoded '
            f'images of cache_images=True, got {free / 1e9:.2f} GB; make '
            'room, give another cache_dir, or leave out cache_images')


def _write(path: Path, infos: Sequence[dict],
           steps: Sequence[Callable]) -> None:
    rows = []
    bar = ProgressBar(len(infos), file=sys.stderr)
    processes = min(os.cpu_count() or 1, 16)
    with (path.open('wb') as file,
          Pool(processes, cv2.setNumThreads, (0,)) as pool):
        for first in range(0, len(infos), _BATCH):
            records = pool.imap(
                partial(_record, steps=steps), infos[first:first + _BATCH],
                chunksize=8)
            for head, record in records:
                rows.append(
                    (file.tell(), head, len(record), zlib.crc32(record)))
                file.write(record)
                bar.update()
        print(file=sys.stderr)
        table = np.array(rows, '<i8').tobytes()
        file.write(table + zlib.crc32(table).to_bytes(4, 'little'))


def _record(info: dict, steps: Sequence[Callable]) -> tuple[int, bytes]:
    """Bytes of the line, and the record, of what the steps set or change."""
    with loading(info):
        results = Compose(steps)(copy.deepcopy(info))
    kept = {key: value for key, value in results.items()
            if key not in info or repr(info[key]) != repr(value)}
    arrays = {k: v for k, v in kept.items() if isinstance(v, np.ndarray)}
    values = {k: v for k, v in kept.items() if k not in arrays}
    kinds = [(k, v.dtype.str, v.shape) for k, v in arrays.items()]
    head = json.dumps(_tagged([values, kinds])).encode() + b'\n'
    return len(head), b''.join(
        [head, *(array.tobytes() for array in arrays.values())])


def _tagged(value: Any) -> Any:
    """A value whose tuples come back from JSON as tuples."""
    if isinstance(value, dict):
        return {key: _tagged(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_tagged(item) for item in value]
        return {'tuple': items} if isinstance(value, tuple) else items
    return value


def _untagged(value: dict) -> Any:
    return tuple(value['tuple']) if value.keys() == {'tuple'} else value
