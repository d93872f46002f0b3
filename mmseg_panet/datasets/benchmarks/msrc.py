"""Microsoft Research Cambridge object recognition images, version 2."""
from typing import Any

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS


@DATASETS.register_module()
class MSRCDataset(BaseSegDataset):
    """MSRC v2: 591 photographs, 23 classes, void 255, in VOC layout.

    Ids are 1..23; there is no background, and id 0 is not used.
    """

    METAINFO = dict(
        classes=(
            'background', 'building', 'grass', 'tree', 'cow', 'horse',
            'sheep', 'sky', 'mountain', 'aeroplane', 'water', 'face', 'car',
            'bicycle', 'flower', 'sign', 'bird', 'book', 'chair', 'road',
            'cat', 'dog', 'body', 'boat'),
        # The colours of the data set's own palette files.
        palette=[
            [0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128],
            [128, 0, 128], [0, 128, 128], [128, 128, 128], [64, 0, 0],
            [192, 0, 0], [64, 128, 0], [192, 128, 0], [64, 0, 128],
            [192, 0, 128], [64, 128, 128], [192, 128, 128], [0, 64, 0],
            [128, 64, 0], [0, 192, 0], [128, 192, 0], [0, 64, 128],
            [128, 64, 128], [0, 192, 128], [128, 192, 128]])

    def __init__(self, img_suffix: str = '.jpg', seg_map_suffix: str = '.png',
                 reduce_zero_label: bool = False, **kwargs: Any) -> None:
        super().__init__(
            img_suffix=img_suffix, seg_map_suffix=seg_map_suffix,
            reduce_zero_label=reduce_zero_label, **kwargs)
