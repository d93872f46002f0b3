"""Microsoft Research Cambridge object recognition images, version 2."""
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from ...annotations.class_list import ClassList

_CLASSES = [
    'background', 'building', 'grass', 'tree', 'cow', 'horse', 'sheep', 'sky',
    'mountain', 'aeroplane', 'water', 'face', 'car', 'bicycle', 'flower',
    'sign', 'bird', 'book', 'chair', 'road', 'cat', 'dog', 'body', 'boat']


@DATASETS.register_module()
class MSRCDataset(BaseSegDataset):
    """MSRC v2: 591 photographs, 23 classes, void 255, in VOC layout.

    Ids are 1..23; there is no background, and id 0 is not used.
    """

    METAINFO = dict(
        classes=tuple(_CLASSES),
        # The colours of the data set's palette files are VOC's.
        palette=ClassList(_CLASSES, {}).palette()[:len(_CLASSES)].tolist())
