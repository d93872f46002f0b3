"""Published counts of the benchmarks, and their comparison with a folder."""
from collections.abc import Mapping

PUBLISHED: dict[str, dict[str, int]] = {
    # OSLSM (Shaban et al., BMVC 2017) and all papers that use its lists. The
    # pairs are those of VOC val with the classes of the fold.
    'pascal-5i': {
        'training images': 5953, 'validation images': 1449,
        'image-class pairs of fold 0': 346, 'image-class pairs of fold 1': 451,
        'image-class pairs of fold 2': 725, 'image-class pairs of fold 3': 346,
    },
    # https://cocodataset.org, including images without any of the classes.
    'coco-20i': {
        'train2014 images': 82783, 'val2014 images': 40504,
        'train2017 images': 118287, 'val2017 images': 5000,
    },
    # https://www.lvisdataset.org and, for the classes, Liu et al., ICLR 2024.
    'lvis-92i': {
        'train images': 100170, 'val images': 19809,
        'classes with two images in val': 920,
    },
    # Li et al., CVPR 2020.
    'fss-1000': {
        'classes': 1000, 'images of a class': 10, 'classes in trn.txt': 520,
        'classes in val.txt': 240, 'classes in test.txt': 240,
    },
}
"""The published counts of each benchmark."""


def differences(benchmark: str, counts: Mapping[str, int]) -> list[str]:
    """Compare counts with the published ones.

    Args:
        benchmark (str): A key of :data:`PUBLISHED`.
        counts (Mapping[str, int]): Counts of the folder, by the same names.

    Returns:
        list[str]: A sentence for each count that differs.
    """
    return [
        f'{benchmark} as published has {PUBLISHED[benchmark][name]} {name}, '
        f'this folder has {count}'
        for name, count in counts.items()
        if count != PUBLISHED[benchmark][name]]
