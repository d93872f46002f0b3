"""The toy data set in the layout of VOC, and toy examples of classes."""
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS
from mmseg.utils import voc_palette
from PIL import Image

from ...annotations.class_list import (
    BACKGROUND,
    ClassList,
    write_class_list,
)
from ...errors import InputError
from ...files import atomic_path, remove_partial, write_lines, write_mask
from ...json_text import parse_json
from ...locks import LOCK, folder_lock, is_locked
from ...progress import track
from .toy_image import TOY_CLASSES, VOID, render_toy_image

__all__ = [
    'TOY_CLASSES', 'ToyDataset', 'make_toy_dataset', 'make_toy_examples']

_PALETTE = voc_palette()[:1 + len(TOY_CLASSES)]
_FORMAT = 1
"""Version in the record; increase it if images are rendered differently."""
_NOVEL = 3
"""Number of novel classes of fold 0 of toy-3i, which are the first ones."""
_FIRST = 1200000
"""Index of the first example, beyond the images of any data set.

Image i has the class i modulo 12 in front.
"""


@DATASETS.register_module()
class ToyDataset(BaseSegDataset):
    """The data set that ``mmseg-panet make-toy-data`` renders.

    Args:
        data_prefix (dict, optional): Folders of images and masks. Defaults
            to those of the command.
        **kwargs: Other arguments of ``BaseSegDataset``.
    """

    METAINFO = dict(
        classes=('background', *TOY_CLASSES), palette=_PALETTE)

    def __init__(self, data_prefix: dict[str, str] | None = None,
                 **kwargs: Any) -> None:
        super().__init__(data_prefix=data_prefix or dict(
            img_path='JPEGImages', seg_map_path='SegmentationClass'), **kwargs)


def make_toy_dataset(out_dir: str | os.PathLike, num_images: int, size: int,
                     seed: int) -> Path:
    """Write the toy data set in the layout of VOC.

    The folder contains ``JPEGImages/*.jpg``, ``SegmentationClass/*.png``,
    ``ImageSets/Segmentation/{train,val}.txt`` with the first 70 percent of
    the images and the rest, and ``classes.txt`` with ``id name`` lines. The
    same arguments give the same bytes. A complete folder with the same
    arguments is not changed; one with other arguments, or one that is
    incomplete after an interruption, is rendered again.

    Args:
        out_dir (str | os.PathLike): Folder that is empty, does not exist, or
            was written by this function.
        num_images (int): Number of images, at least 1.
        size (int): Height and width of the images in pixels, at least 32.
        seed (int): Seed of the images, at least 0.

    Returns:
        Path: ``out_dir``.

    Raises:
        InputError: If an argument is out of its range, if ``out_dir`` is a
            file or contains other files, or if another process writes to it.
    """
    for name, value, minimum in (('num_images', num_images, 1),
                                 ('size', size, 32), ('seed', seed, 0)):
        if value < minimum:
            raise InputError(
                f'expected {name} to be at least {minimum}, got {value}')
    with folder_lock(out_dir):
        return _make_dataset(Path(out_dir), num_images, size, seed)


def _make_dataset(out_dir: Path, num_images: int, size: int,
                  seed: int) -> Path:
    record_path = out_dir / 'toy.json'
    record = dict(
        made_by='make_toy_dataset', drawing=_FORMAT, num_images=num_images,
        size=size, seed=seed, complete=True)
    if _read_record(record_path) == record:
        return out_dir

    # The record is incomplete until the last line of this function.
    remove_partial(out_dir, exclusive=is_locked(out_dir))
    write_lines(record_path, [json.dumps(record | {'complete': False})])
    for name in ('JPEGImages', 'SegmentationClass', 'ImageSets'):
        shutil.rmtree(out_dir / name, ignore_errors=True)
    palette = np.zeros((256, 3), np.uint8)
    palette[:len(_PALETTE)] = _PALETTE
    palette[VOID] = (224, 224, 192)  # as in VOC
    names = [f'{index:06d}' for index in range(num_images)]
    for index, name in enumerate(track(
            names, num_images, f'rendering {num_images} images')):
        labels = _write_image(
            out_dir / f'JPEGImages/{name}.jpg', seed, index, size)
        write_mask(out_dir / f'SegmentationClass/{name}.png', labels,
                   palette.tobytes())
    num_train = round(0.7 * num_images)
    lists = out_dir / 'ImageSets/Segmentation'
    write_lines(lists / 'train.txt', names[:num_train])
    write_lines(lists / 'val.txt', names[num_train:])
    write_class_list(out_dir, ClassList([BACKGROUND, *TOY_CLASSES], {}))
    write_lines(record_path, [json.dumps(record)])
    return out_dir


def _read_record(path: Path) -> dict[str, Any] | None:
    """Read the record of a toy data set; return None for an empty folder."""
    folder = path.parent
    if folder.exists() and not folder.is_dir():
        raise InputError(f"expected '{folder}' to be a folder, got a file")
    with suppress(OSError, ValueError, TypeError, KeyError):
        record = parse_json(path.read_bytes())
        if record['made_by'] == 'make_toy_dataset':
            return record
    if folder.exists() and any(
            one.name != LOCK for one in folder.iterdir()):
        raise InputError(
            f"'{folder}' contains other files than the toy data set; choose "
            'a folder that is empty or does not exist')
    return None


def make_toy_examples(out_dir: str | os.PathLike, num_shots: int = 5,
                      num_photos: int = 12, size: int = 128,
                      seed: int = 0) -> None:
    """Render supports of fold 0's three novel classes, and other images.

    The supports are ``examples/<class>/*.jpg``, each with a PNG mask of the
    same name, in which 1 is the class and 255 a border of one pixel, and with
    a ``classes.txt`` for each class. The images ``photos/*.jpg`` show the
    classes in turn. Existing files of these names are overwritten.

    Args:
        out_dir (str | os.PathLike): Folder to write to.
        num_shots (int): Number of supports per class. Defaults to 5.
        num_photos (int): Number of images. Defaults to 12.
        size (int): Height and width of the images in pixels. Defaults to
            128.
        seed (int): Seed of the images. Defaults to 0.
    """
    classes, out_dir = len(TOY_CLASSES), Path(out_dir)
    for way, name in enumerate(TOY_CLASSES[:_NOVEL]):
        write_class_list(
            out_dir / 'examples' / name, ClassList([BACKGROUND, name], {}))
        for shot in range(num_shots):
            path = out_dir / 'examples' / name / f'{shot}.jpg'
            labels = _write_image(
                path, seed, _FIRST + classes * shot + way, size)
            labels[labels != 255] = labels[labels != 255] == 1 + way
            _save(labels, path.with_suffix('.png'), 'PNG')
    for number in range(num_photos):
        round_, way = divmod(number, _NOVEL)
        _write_image(
            out_dir / f'photos/{number:02}.jpg', seed,
            _FIRST + classes * (num_shots + round_) + way, size)


def _write_image(path: Path, seed: int, index: int, size: int) -> np.ndarray:
    """Render a toy image into a JPEG file, and create its folder.

    Returns:
        np.ndarray: Labels of the image, (H, W) uint8.
    """
    image, labels = render_toy_image(seed, index, size)
    _save(image, path, 'JPEG', quality=95)
    return labels


def _save(pixels: np.ndarray, path: Path, kind: str, **settings: Any) -> None:
    with atomic_path(path) as part:
        Image.fromarray(pixels).save(part, kind, **settings)
