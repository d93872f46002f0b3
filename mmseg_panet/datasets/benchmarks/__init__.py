"""Benchmarks built from their official archives, once."""
from .coco_preparation import prepare_coco_20i
from .fss_preparation import prepare_fss_1000
from .pascal import merge_lists, prepare_pascal_5i
from .published import PUBLISHED, differences

__all__ = [
    'PUBLISHED',
    'differences',
    'merge_lists',
    'prepare_coco_20i',
    'prepare_fss_1000',
    'prepare_pascal_5i',
]
