"""LVIS-92i, the classes of LVIS v1 with at least two validation images."""
from collections import Counter
from pathlib import Path

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from ...annotations.formats.coco import read_coco
from ...annotations.mask_folder import write_masks
from ...errors import InputError
from ...files import StrPath, write_lines
from ..folder import FolderDataset
from .published import differences

_NUM_FOLDS = 10
_LEAST = 2
"""Images of a class, as many as a support and a query need."""


@DATASETS.register_module()
class LVIS92iDataset(FolderDataset):
    """The data set that ``mmseg-panet prepare-data lvis-92i`` writes.

    Its masks have 16 bits, see :class:`LoadWideAnnotations`, as there are
    1203 classes.
    """

    benchmark = 'lvis-92i'

    def load_data_list(self) -> list[dict]:
        """List the images of ``ann_file`` without a search of the folder."""
        return BaseSegDataset.load_data_list(self)


def prepare_lvis_92i(root: StrPath) -> list[str]:
    """Rasterize LVIS's objects into label maps, and write the folds.

    The objects of ``root/lvis_v1_{train,val}.json``, with the images in
    ``root/{train,val}2017``, are rasterized into
    ``root/lvis-92i/{train,val}/masks``. Beside the masks are ``classes.txt``
    and ``images.txt``. ``root/lvis-92i/folds.txt`` has the folds of Matcher
    (Liu et al., ICLR 2024): of the classes with at least two images in val,
    every tenth one. A later call resumes after an interruption.

    Matcher's code takes the classes in the order of its own file, and here
    they are in the order of their ids. It has a mask for each class, and here
    a pixel has one class: that of the smallest object.

    Args:
        root (str | os.PathLike): Folder of LVIS and of COCO's images.

    Returns:
        list[str]: A sentence for each count that is not the published one.

    Raises:
        InputError: If a file or an image is missing, if there are too few
            classes, or as for :func:`convert_coco`.
    """
    # A relative path could not be resumed from another working directory.
    root = Path(root).absolute()
    ann_files = {
        split: root / f'lvis_v1_{split}.json' for split in ('train', 'val')}
    for split, path in ann_files.items():
        if not path.exists():
            raise InputError(
                f'{path} is missing; download lvis_v1_{split}.json.zip of '
                f'https://www.lvisdataset.org/dataset and unpack it in {root}')
        if not (root / f'{split}2017').is_dir():
            raise InputError(
                f"{root / f'{split}2017'} is missing; download http://images."
                f'cocodataset.org/zips/{split}2017.zip and unpack it in '
                f'{root}')
    counts = {}
    for split, path in ann_files.items():
        annotations = read_coco(path, root)
        write_masks(root / 'lvis-92i' / split, annotations)
        counts[f'{split} images'] = len(annotations.tasks)
    times = Counter(i for task in annotations.tasks for i in task.ids or ())
    names = [name for i, name in enumerate(annotations.classes.names)
             if times[i] >= _LEAST]
    counts['classes with two images in val'] = len(names)
    # The last ones are left out, so that all folds have as many.
    used = names[:len(names) // _NUM_FOLDS * _NUM_FOLDS]
    if not used:
        raise InputError(
            f"{ann_files['val']} has {len(names)} classes with at least "
            f'{_LEAST} images, expected {_NUM_FOLDS} or more; it is not that '
            'of LVIS v1: download it again')
    write_lines(root / 'lvis-92i/folds.txt', [
        f'{i % _NUM_FOLDS} {name}' for i, name in enumerate(used)])
    return differences('lvis-92i', counts)
