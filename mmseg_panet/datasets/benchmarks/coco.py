"""COCO-20i, the 80 object classes of COCO as label maps."""
from pathlib import Path

from mmseg.datasets import BaseSegDataset, COCOStuffDataset
from mmseg.registry import DATASETS

from ...annotations import convert_coco
from ...errors import InputError
from ...files import StrPath, read_names
from .published import differences

COCO_CLASSES = tuple(COCOStuffDataset.METAINFO['classes'][:80])
"""Names in the order of COCO's category ids, as COCO-Stuff lists them."""


@DATASETS.register_module()
class COCO20iDataset(BaseSegDataset):
    """The data set that ``mmseg-panet prepare-data coco-20i`` writes.

    Id 0 is the background, and id i is the class ``COCO_CLASSES[i - 1]``.
    """

    METAINFO = dict(
        classes=('background', *COCO_CLASSES),
        palette=[[0, 0, 0], *COCOStuffDataset.METAINFO['palette'][:80]])


def prepare_coco_20i(root: StrPath, year: int = 2014) -> list[str]:
    """Rasterize COCO's objects into label maps with the ids 1..80.

    The objects of ``root/annotations/instances_{train,val}YEAR.json``, with
    the images in ``root/{train,val}YEAR``, are rasterized into
    ``root/coco-20i/{train,val}YEAR/masks``. An ``images.txt`` beside the
    masks lists their images. A later call resumes after an interruption.

    Args:
        root (str | os.PathLike): Folder of COCO.
        year (int): 2014 or 2017. Defaults to 2014.

    Returns:
        list[str]: A sentence for each count that is not the published one.

    Raises:
        InputError: If a file or an image is missing, or as for
            :func:`convert_coco`.
    """
    # A relative path could not be resumed from another working directory.
    root = Path(root).absolute()
    ann_files = {split: root / f'annotations/instances_{split}.json'
                 for split in (f'train{year}', f'val{year}')}
    for split, ann_file in ann_files.items():
        for path, archive in (
                (ann_file, f'annotations/annotations_trainval{year}.zip'),
                (root / split, f'zips/{split}.zip')):
            if not path.exists():
                raise InputError(
                    f'{path} is missing; download '
                    f'http://images.cocodataset.org/{archive} and unpack it '
                    f'in {root}')
    counts = {}
    for split, ann_file in ann_files.items():
        masks = root / 'coco-20i' / split
        convert_coco(ann_file, masks, root / split, COCO_CLASSES)
        counts[f'{split} images'] = len(read_names(masks / 'images.txt'))
    return differences('coco-20i', counts)
