"""COCO-20i: label maps from COCO's objects."""
import os
from pathlib import Path

from ...annotations import convert_coco
from ...errors import InputError
from ...files import read_names
from .coco import COCO_CLASSES
from .published import differences

_URL = 'http://images.cocodataset.org'


def prepare_coco_20i(root: str | os.PathLike, year: int = 2014) -> list[str]:
    """Draw COCO's objects into label maps of the ids 1..80.

    From ``root/annotations/instances_{train,val}YEAR.json``, with the images
    in ``root/{train,val}YEAR``, into ``root/coco-20i/{train,val}YEAR``, where
    ``images.txt`` lists the images of ``masks``. Taken up again after an
    interruption.

    Args:
        root (str | os.PathLike): The folder of COCO.
        year (int): 2014 or 2017. Defaults to 2014.

    Returns:
        list[str]: A sentence for each count that is not the published one.

    Raises:
        InputError: If a file or an image is missing or not as in COCO, see
            :func:`convert_coco`.
    """
    root = Path(root).absolute()  # the same work from whatever folder
    splits = [f'{split}{year}' for split in ('train', 'val')]
    for split in splits:
        for path, archive in (
                (_ann_file(root, split),
                 f'annotations/annotations_trainval{year}.zip'),
                (root / split, f'zips/{split}.zip')):
            if not path.exists():
                raise InputError(
                    f'{path} is missing; download {_URL}/{archive} and '
                    f'unpack it in {root}')
    counts = {}
    for split in splits:
        out_dir = root / 'coco-20i' / split
        convert_coco(
            _ann_file(root, split), out_dir, root / split, COCO_CLASSES)
        counts[f'{split} images'] = len(read_names(out_dir / 'images.txt'))
    return differences('coco-20i', counts)


def _ann_file(root: Path, split: str) -> Path:
    return root / f'annotations/instances_{split}.json'
