"""The toy data set: rendered by the project, in the layout of VOC."""
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS
from mmseg.utils import voc_palette
from PIL import Image

from ...errors import InputError
from ...files import write_lines, write_mask
from ...progress import track
from .toy_image import TOY_CLASSES, VOID, render_toy_image

__all__ = ['TOY_CLASSES', 'ToyDataset', 'render_toy_image', 'make_toy_dataset']

_PALETTE = voc_palette()[:1 + len(TOY_CLASSES)]
_MIN_SIZE = 32
_TRAIN_SHARE = 0.7
_FORMAT = 1
"""Part of the record: raise it when images are rendered differently."""


@DATASETS.register_module()
class ToyDataset(BaseSegDataset):
    """What ``tools/make_toy_dataset.py`` renders.

    Args:
        data_prefix (dict, optional): Defaults to the folders that the tool
            writes.
        **kwargs: Of ``BaseSegDataset``.
    """

    METAINFO = dict(
        classes=('background', *TOY_CLASSES), palette=_PALETTE)

    def __init__(self, data_prefix: dict[str, str] | None = None,
                 **kwargs: Any) -> None:
        if data_prefix is None:
            data_prefix = dict(
                img_path='JPEGImages', seg_map_path='SegmentationClass')
        super().__init__(data_prefix=data_prefix, **kwargs)


def make_toy_dataset(out_dir: str | os.PathLike, num_images: int, size: int,
                     seed: int) -> Path:
    """Write the toy data set in the layout of VOC.

    ``JPEGImages/*.jpg``, ``SegmentationClass/*.png``,
    ``ImageSets/Segmentation/{train,val}.txt`` with the first 70 percent of
    the images and the rest, and ``classes.txt`` with ``id name`` lines. The
    same arguments give the same bytes. A finished folder of the same
    arguments is left alone, one of other arguments or one that an
    interruption left unfinished is rendered again.

    Args:
        out_dir (str | os.PathLike): A folder that is empty, does not exist,
            or was made by this function.
        num_images (int): At least 1.
        size (int): Height and width of the images in pixels, at least 32.
        seed (int): At least 0.

    Returns:
        Path: ``out_dir``.

    Raises:
        InputError: If an argument is out of its range, or ``out_dir`` is a
            file or holds anything else.
    """
    for name, value, minimum in (('num_images', num_images, 1),
                                 ('size', size, _MIN_SIZE), ('seed', seed, 0)):
        if value < minimum:
            raise InputError(
                f'expected {name} to be at least {minimum}, got {value}')
    out_dir = Path(out_dir)
    record_path = out_dir / 'toy.json'
    record = dict(
        made_by='make_toy_dataset',
        format=_FORMAT,
        num_images=num_images,
        size=size,
        seed=seed,
        complete=True)
    if _read_record(out_dir, record_path) == record:
        return out_dir

    # From here to the last line an interruption leaves an incomplete record.
    write_lines(record_path, [json.dumps(record | {'complete': False})])
    for name in ('JPEGImages', 'SegmentationClass', 'ImageSets'):
        shutil.rmtree(out_dir / name, ignore_errors=True)
    _write_images(out_dir, num_images, size, seed)
    _write_lists(out_dir, num_images)
    write_lines(record_path, [json.dumps(record)])
    return out_dir


def _read_record(out_dir: Path, record_path: Path) -> dict[str, Any] | None:
    """The record of a folder that we made, None for an empty one."""
    if not out_dir.exists():
        return None
    if not out_dir.is_dir():
        raise InputError(f"expected '{out_dir}' to be a folder, got a file")
    if not any(out_dir.iterdir()):
        return None
    try:
        record = json.loads(record_path.read_text())
        if record['made_by'] == 'make_toy_dataset':
            return record
    except (OSError, ValueError, TypeError, KeyError):
        pass
    raise InputError(
        f"'{out_dir}' holds other files than the toy data set; name a folder "
        'that is empty or does not exist')


def _write_images(out_dir: Path, num_images: int, size: int,
                  seed: int) -> None:
    palette = np.zeros((256, 3), np.uint8)
    palette[:len(_PALETTE)] = _PALETTE
    palette[VOID] = (224, 224, 192)  # as in VOC
    for index in track(range(num_images), num_images,
                       f'rendering {num_images} images'):
        labels = write_toy_image(
            out_dir / f'JPEGImages/{index:06d}.jpg', seed, index, size)
        write_mask(out_dir / f'SegmentationClass/{index:06d}.png', labels,
                   palette.tobytes())


def write_toy_image(path: Path, seed: int, index: int,
                    size: int) -> np.ndarray:
    """Render a toy image into a file, as :func:`render_toy_image` says.

    Args:
        path (Path): A JPEG; its folder is made.
        seed (int): Names the data set.
        index (int): Number of the image within it.
        size (int): Height and width in pixels.

    Returns:
        np.ndarray: (H, W) uint8, its labels.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    image, labels = render_toy_image(seed, index, size)
    Image.fromarray(image).save(path, quality=95)
    return labels


def _write_lists(out_dir: Path, num_images: int) -> None:
    num_train = round(_TRAIN_SHARE * num_images)
    for split, indices in (('train', range(num_train)),
                           ('val', range(num_train, num_images))):
        write_lines(out_dir / f'ImageSets/Segmentation/{split}.txt',
                    [f'{index:06d}' for index in indices])
    names = ToyDataset.METAINFO['classes']
    write_lines(out_dir / 'classes.txt', [
        f'{i} {name}' for i, name in enumerate(names)])
