"""The Microsoft Research Cambridge object recognition data set, version 2."""
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from ...annotations.class_list import ClassList

_CLASSES = [
    'background', 'building', 'grass', 'tree', 'cow', 'horse', 'sheep', 'sky',
    'mountain', 'aeroplane', 'water', 'face', 'car', 'bicycle', 'flower',
    'sign', 'bird', 'book', 'chair', 'road', 'cat', 'dog', 'body', 'boat']


@DATASETS.register_module()
class MSRCDataset(BaseSegDataset):
    """The MSRC v2 data set in the layout of VOC.

    It has 591 photographs of 23 classes. The ids are 1..23, and 255 is void.
    There is no background, so id 0 is not used.
    """

    METAINFO = dict(
        classes=tuple(_CLASSES),
        # The masks of the data set have VOC's palette.
        palette=ClassList(_CLASSES, {}).palette()[:len(_CLASSES)].tolist())
