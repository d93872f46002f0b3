import json
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_panet.datasets.benchmarks.coco import (
    COCO_CLASSES,
    prepare_coco_20i,
)
from mmseg_panet.errors import InputError

CONFIGS = Path(__file__).parents[3] / 'configs'
# COCO's category ids are 1..90 without these.
GAPS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
IDS = [i for i in range(1, 91) if i not in GAPS]


def square(x, y, size):
    return [x, y, x + size, y, x + size, y + size, x, y + size]


def write_split(root, split, annotations):
    """Write two photographs of 8x6 pixels, the first with annotations."""
    names = [f'COCO_{split}_{i:012d}.jpg' for i in (9, 25)]
    (root / split).mkdir(parents=True)
    for name in names:
        Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(
            root / split / name)
    (root / 'annotations').mkdir(exist_ok=True)
    (root / f'annotations/instances_{split}.json').write_text(json.dumps({
        'images': [
            dict(id=i, file_name=name, height=6, width=8)
            for i, name in zip((9, 25), names, strict=True)],
        'categories': [
            dict(id=i, name=name)
            for i, name in zip(IDS, COCO_CLASSES, strict=True)],
        'annotations': [
            dict(id=i, image_id=9, **annotation)
            for i, annotation in enumerate(annotations, start=1)]}))


@pytest.fixture
def root(tmp_path):
    # Category 90 is the eightieth, the toothbrush.
    write_split(tmp_path, 'train2014', [
        dict(category_id=90, iscrowd=0, segmentation=[square(1, 2, 3)])])
    # A crowd of persons: 12 pixels off, 6 on, 30 off, column by column.
    write_split(tmp_path, 'val2014', [
        dict(category_id=1, iscrowd=1,
             segmentation=dict(size=[6, 8], counts=[12, 6, 30]))])
    return tmp_path


def test_the_config_reads_the_objects_with_their_class_ids(root):
    prepare_coco_20i(root)
    toothbrush = np.zeros((6, 8))
    toothbrush[2:5, 1:4] = 80
    person = np.zeros((6, 8))
    person[:, 2] = 1
    empty = np.zeros((6, 8))
    cfg = Config.fromfile(CONFIGS / '_base_/datasets/coco20i.py')
    for pool, expected in (
            ('train', [toothbrush, empty]), ('val', [person, empty])):
        dataset = DATASETS.build(
            cfg.test_dataloader.dataset.pools[pool]
            | dict(data_root=str(root)))
        assert len(dataset) == 2
        for i, labels in enumerate(expected):
            np.testing.assert_array_equal(
                LoadAnnotations()(dataset.get_data_info(i))['gt_seg_map'],
                labels)


def test_other_counts_are_reported(root):
    assert prepare_coco_20i(root) == [
        f'coco-20i as published has {published} {split}2014 images, '
        'this folder has 2'
        for split, published in (('train', 82783), ('val', 40504))]


def test_a_second_call_rasterizes_nothing(root, monkeypatch):
    prepare_coco_20i(root)
    files = [*root.glob('coco-20i/*/masks/*.png')]
    times = [path.stat().st_mtime_ns for path in files]
    assert len(files) == 4
    monkeypatch.chdir(root)
    prepare_coco_20i('.')
    assert [path.stat().st_mtime_ns for path in files] == times


@pytest.mark.parametrize(('path', 'url'), [
    ('annotations/instances_val2014.json',
     'annotations/annotations_trainval2014.zip'),
    ('train2014', 'zips/train2014.zip')])
def test_the_error_of_a_missing_file_contains_its_address(root, path, url):
    (root / path).rename(root / 'elsewhere')
    with pytest.raises(InputError) as caught:
        prepare_coco_20i(root)
    assert str(caught.value) == (
        f'{root / path} is missing; download '
        f'http://images.cocodataset.org/{url} and unpack it in {root}')


def test_the_other_year_has_other_files(root):
    with pytest.raises(InputError, match='annotations_trainval2017.zip'):
        prepare_coco_20i(root, year=2017)


def test_the_classes_are_the_eighty_in_the_order_of_their_ids():
    assert len(set(COCO_CLASSES)) == 80
    # The ids have gaps: 13 comes after 11, and the eightieth is 90.
    assert [COCO_CLASSES[i] for i in (0, 10, 11, 79)] == [
        'person', 'fire hydrant', 'stop sign', 'toothbrush']


def test_label_i_is_class_i_and_zero_is_background(tmp_path):
    labels = np.array([[0, 1, 80], [255, 12, 0]], np.uint8)
    for folder in ('train2014', 'masks'):
        (tmp_path / folder).mkdir()
    Image.fromarray(np.zeros((2, 3, 3), np.uint8)).save(
        tmp_path / 'train2014/COCO_train2014_000000000009.jpg')
    Image.fromarray(labels).save(
        tmp_path / 'masks/COCO_train2014_000000000009.png')
    dataset = DATASETS.build(dict(
        type='COCO20iDataset', data_root=str(tmp_path),
        data_prefix=dict(img_path='train2014', seg_map_path='masks')))
    loaded = LoadAnnotations()(dataset.get_data_info(0))['gt_seg_map']
    np.testing.assert_array_equal(loaded, labels)
    classes = dataset.metainfo['classes']
    assert [classes[i] for i in (0, 1, 80, 12)] == [
        'background', 'person', 'toothbrush', 'stop sign']
    assert len(dataset.metainfo['palette']) == 81
