import json
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_panet.config.settings import apply_settings
from mmseg_panet.datasets import split_classes
from mmseg_panet.datasets.benchmarks.lvis import prepare_lvis_92i
from mmseg_panet.errors import InputError

CONFIG = Path(__file__).parents[3] / (
    'configs/panet/panet_r50-d8-no-align_1xb4-6k_lvis92i-473x473.py')
NUM_CLASSES = 300
BOX = [1, 1, 5, 1, 5, 4, 1, 4]
INNER = [2, 2, 4, 2, 4, 3, 2, 3]
SEEN = [*range(1, 12), *range(290, 301)]
"""Classes with two images in val, of which 20 are in a fold."""


def write_split(root, split, objects):
    """Write LVIS's file of images of 8x6 pixels: (folder, [(id, polygon)])."""
    images, annotations = [], []
    for i, (folder, of_image) in enumerate(objects, start=1):
        name = f'{folder}/{i:012d}.jpg'
        (root / folder).mkdir(exist_ok=True)
        Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(root / name)
        # LVIS has no file_name, and val has images of train2017.
        images.append(dict(
            id=i, height=6, width=8,
            coco_url=f'http://images.cocodataset.org/{name}'))
        annotations += [dict(
            id=len(annotations) + number, image_id=i, category_id=label,
            segmentation=[polygon]) for number, (label, polygon) in enumerate(
                of_image)]
    categories = [dict(id=i, name=f'thing_{i}')
                  for i in range(1, 1 + NUM_CLASSES)]
    (root / f'lvis_v1_{split}.json').write_text(json.dumps(dict(
        images=images, categories=categories, annotations=annotations)))


@pytest.fixture
def root(tmp_path):
    write_split(tmp_path, 'train', [('train2017', [(255, BOX)])])
    write_split(tmp_path, 'val', [
        ('val2017', [(label, BOX), (50, INNER)]) if label == 300
        else (folder, [(label, BOX)])
        for label in SEEN for folder in ('train2017', 'val2017')])
    return tmp_path


def test_the_config_reads_the_objects_with_ids_of_16_bits(root):
    remarks = prepare_lvis_92i(root)
    assert remarks == [
        f'lvis-92i as published has {published} {name}, this folder has '
        f'{count}' for published, name, count in (
            (100170, 'train images', 1), (19809, 'val images', 44),
            # The object of class 50 is in both images of class 300.
            (920, 'classes with two images in val', 23))]
    cfg = Config.fromfile(CONFIG)
    apply_settings(cfg, fold=9, data_root=str(root))
    dataset = cfg.test_dataloader.dataset
    assert dataset.folds == f'{root}/lvis-92i/folds.txt'
    data = DATASETS.build(dataset)
    # Every tenth class by id, without the last three classes.
    assert data.class_names == ['thing_10', 'thing_297']
    assert data.rules.class_ids == [10, 297]
    assert data.header['folds'] == [
        split_classes(dataset.folds, fold, 'novel') for fold in range(10)]
    assert sum(map(len, data.header['folds'])) == 20
    assert data.images.image_ids[:2] == [
        'train2017/000000000001.jpg', 'val2017/000000000002.jpg']
    expected = np.zeros((6, 8), int)
    expected[1:4, 1:5] = 300
    expected[2, 2:4] = 50  # the smaller object
    with Image.open(
            root / 'lvis-92i/val/masks/val2017/000000000044.png') as mask:
        assert mask.mode == 'I;16'
        assert np.array_equal(mask, expected)
    items = data[0]
    support, query = (item['data_samples'].img_path for item in items)
    assert support != query
    for item in items:
        ids = item['data_samples'].gt_sem_seg.data
        assert (ids == 1).any()


def test_a_second_call_writes_no_mask(root):
    prepare_lvis_92i(root)
    mask = root / 'lvis-92i/train/masks/train2017/000000000001.png'
    before = mask.stat().st_mtime_ns
    prepare_lvis_92i(root)
    assert mask.stat().st_mtime_ns == before


@pytest.mark.parametrize('name', ['lvis_v1_val.json', 'val2017'])
def test_what_is_missing_is_named_with_its_source(root, name):
    (root / name).rename(root / 'elsewhere')
    with pytest.raises(InputError, match=f'{name} is missing; download'):
        prepare_lvis_92i(root)


def test_a_file_of_another_data_set_is_refused(root):
    write_split(root, 'val', [('val2017', [(1, BOX)])])
    with pytest.raises(InputError, match='has 0 classes with at least 2'):
        prepare_lvis_92i(root)
