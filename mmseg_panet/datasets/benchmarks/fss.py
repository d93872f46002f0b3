"""FSS-1000: a folder a class."""
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import mmcv
import mmengine
import numpy as np
from mmengine import fileio
from mmseg.datasets import BaseSegDataset
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import DATASETS, TRANSFORMS
from PIL import Image

from ...errors import InputError

_IGNORED = 255
INSIDE = 128
"""The least grey value of a mask's inside."""


def with_ids(names: Sequence[str]) -> tuple[str, ...]:
    """Class names by class id: the first id is 1, and none is 255.

    Args:
        names (Sequence[str]): Of the classes.

    Returns:
        tuple[str, ...]: 'background' at 0, and '(ignored)' at 255 where
        there are so many.
    """
    classes = ['background', *names]
    if len(classes) > _IGNORED:
        classes.insert(_IGNORED, '(ignored)')
    return tuple(classes)


@DATASETS.register_module()
class FSSDataset(BaseSegDataset):
    """FSS-1000 (Li et al., CVPR 2020): a folder a class with 10 images.

    ``<class>/<n>.jpg`` has the binary mask ``<class>/<n>.png``. The masks
    hold no class id, so they are read by :class:`LoadFSSAnnotations`.

    Args:
        data_root (str): The folder of the classes' folders.
        ann_file (str): Below it, the list of the classes to take, one a
            line: 'trn.txt', 'val.txt' or 'test.txt'. Defaults to '': every
            folder.

    Raises:
        InputError: If the list is missing, or a class has no images.
    """

    def __init__(self, data_root: str, ann_file: str = '',
                 **kwargs: Any) -> None:
        path = Path(data_root, ann_file)
        if path.is_dir():
            names = sorted(p.name for p in path.iterdir() if p.is_dir())
        elif path.is_file():
            lines = mmengine.list_from_file(path, encoding='utf-8-sig')
            names = [line.strip() for line in lines if line.strip()]
        else:
            raise InputError(
                f'the list of classes {path} is missing; '
                '`tools/prepare_data.py fss-1000` writes it')
        super().__init__(
            data_root=data_root, ann_file=ann_file,
            metainfo=dict(classes=with_ids(names)), **kwargs)

    def load_data_list(self) -> list[dict]:
        """List the images of each class, by their numbers."""
        infos = []
        for class_id, name in enumerate(self.metainfo['classes']):
            if class_id in (0, _IGNORED):
                continue
            images = sorted(
                Path(self.data_root, name).glob(f'*{self.img_suffix}'),
                key=lambda path: (len(path.stem), path.stem))
            if not images:
                raise InputError(
                    f"class '{name}' has no images in "
                    f"{Path(self.data_root, name)}; correct data_root, or "
                    'take it off the list')
            for image in images:
                infos.append(dict(
                    img_path=str(image),
                    seg_map_path=str(image.with_suffix(self.seg_map_suffix)),
                    class_id=class_id,
                    label_map=None,
                    reduce_zero_label=False,
                    seg_fields=[]))
        return infos


@TRANSFORMS.register_module()
class LoadFSSAnnotations(LoadAnnotations):
    """Load a mask of :class:`FSSDataset` as class ids.

    A few masks of the release are of another size than their image; they are
    resized to it, by the nearest pixel.

    Required keys: ``img_path``, ``seg_map_path`` and ``class_id``.
    Added keys: ``gt_seg_map`` (H, W) int16, as ids go beyond 255, and
    ``seg_fields``.
    """

    depends_on = 'image'

    def _load_seg_map(self, results: dict) -> None:
        grey = mmcv.imfrombytes(
            fileio.get(
                results['seg_map_path'], backend_args=self.backend_args),
            flag='grayscale', backend='cv2')  # (H, W)
        with Image.open(results['img_path']) as image:
            grey = cv2.resize(
                grey, image.size, interpolation=cv2.INTER_NEAREST)
        inside = (grey >= INSIDE).astype(np.int16)
        results['gt_seg_map'] = inside * np.int16(results['class_id'])
        results['seg_fields'].append('gt_seg_map')
