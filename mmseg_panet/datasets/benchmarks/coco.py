"""COCO's 80 objects as label maps."""
from typing import Any

from mmseg.datasets import BaseSegDataset, COCOStuffDataset
from mmseg.registry import DATASETS

COCO_CLASSES = tuple(COCOStuffDataset.METAINFO['classes'][:80])
"""Names in the order of COCO's category ids; COCO-Stuff begins with them."""


@DATASETS.register_module()
class COCO20iDataset(BaseSegDataset):
    """What ``tools/prepare_data.py coco-20i`` writes.

    Id 0 is background, id i the class ``COCO_CLASSES[i - 1]``.
    """

    METAINFO = dict(
        classes=('background', *COCO_CLASSES),
        palette=[[0, 0, 0], *COCOStuffDataset.METAINFO['palette'][:80]])

    def __init__(self, img_suffix: str = '.jpg', seg_map_suffix: str = '.png',
                 reduce_zero_label: bool = False, **kwargs: Any) -> None:
        super().__init__(
            img_suffix=img_suffix, seg_map_suffix=seg_map_suffix,
            reduce_zero_label=reduce_zero_label, **kwargs)
