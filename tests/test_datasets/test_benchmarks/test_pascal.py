import hashlib
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import DATASETS
from PIL import Image
from scipy.io import savemat
from torchvision.datasets import SBDataset
from torchvision.datasets.voc import DATASET_YEAR_DICT

from mmseg_panet.annotations.class_list import read_class_list
from mmseg_panet.datasets.benchmarks import pascal as module
from mmseg_panet.datasets.benchmarks.pascal import (
    merge_lists,
    prepare_pascal_5i,
)
from mmseg_panet.errors import InputError

CONFIGS = Path(__file__).parents[3] / 'configs'
VOC = 'VOCdevkit/VOC2012'
LISTS = f'{VOC}/ImageSets/Segmentation'
CLOSED = 'http://127.0.0.1:9/'  # nothing is downloaded in a test
# One row of each mask, which is twice in the file; 255 is VOC's boundary.
VOC_MASKS = {
    '2007_000001': [1, 255, 0, 0],
    '2007_000002': [0, 255, 20, 20],
    '2007_000003': [6, 11, 12, 255],
}
SBD_MASKS = {
    '2007_000002': [0, 20, 20, 20],
    '2008_000004': [5, 5, 0, 0],
}


def write_mask(path, row):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.array([row, row], np.uint8))
    picture.putpalette([value for i in range(256) for value in (i, 0, i)])
    picture.save(path)


def write_mat(path, row):
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {'GTcls': {
        'Boundaries': np.zeros((20, 1), object),
        'Segmentation': np.array([row, row], np.uint8),
        'CategoriesPresent': np.unique(row)}}, do_compression=True)


def write_image(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((2, 4, 3), np.uint8)).save(path)


def write_list(path, names):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join(names) + '\n')


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setitem(DATASET_YEAR_DICT['2012'], 'url', CLOSED + 'voc')
    monkeypatch.setattr(SBDataset, 'url', CLOSED + 'sbd')
    monkeypatch.setattr(module, '_TRAIN_NOVAL_URL', CLOSED + 'list')


@pytest.fixture
def root(tmp_path):
    """The folder of VOC and SBD as they are unpacked."""
    root = tmp_path / 'data'
    for name, row in VOC_MASKS.items():
        write_mask(root / VOC / f'SegmentationClass/{name}.png', row)
    for name in {**VOC_MASKS, **SBD_MASKS}:
        write_image(root / VOC / f'JPEGImages/{name}.jpg')
    write_list(root / LISTS / 'train.txt', ['2007_000001', '2007_000002'])
    write_list(root / LISTS / 'val.txt', ['2007_000003'])
    for name, row in SBD_MASKS.items():
        write_mat(
            root / f'sbd/benchmark_RELEASE/dataset/cls/{name}.mat', row)
    write_list(root / 'sbd/train_noval.txt', SBD_MASKS)
    return root


def masks(root):
    return {
        path.stem: np.array(Image.open(path))[0].tolist()
        for path in (root / VOC / 'SegmentationClassAug').iterdir()}


MERGED = {
    '2007_000001': VOC_MASKS['2007_000001'],
    '2007_000002': VOC_MASKS['2007_000002'],
    '2008_000004': SBD_MASKS['2008_000004'],
}


def test_1464_and_5623_names_with_1134_in_both_are_5953():
    voc_train = [f'voc_{i}' for i in range(1464)]
    sbd = [f'sbd_{i}' for i in range(5623 - 1134)] + voc_train[-1134:]
    voc_val = [f'val_{i}' for i in range(1449)]
    assert len(sbd) == 5623
    merged = merge_lists(voc_train, sbd, voc_val)
    assert len(merged) == len(set(merged)) == 5953
    assert set(merged) == {*voc_train, *sbd}


def test_no_image_of_voc_val_is_in_the_merged_list():
    assert merge_lists(['b', 'd'], ['c', 'a', 'b'], ['c']) == ['a', 'b', 'd']


def test_masks_of_voc_take_precedence_over_those_of_sbd(root):
    prepare_pascal_5i(root)
    assert masks(root) == MERGED
    written = (root / LISTS / 'pascal5i_train.txt').read_text().splitlines()
    assert written == sorted(MERGED)


def test_a_mask_of_sbd_is_a_palette_image_like_those_of_voc(root):
    prepare_pascal_5i(root)
    picture = Image.open(root / VOC / 'SegmentationClassAug/2008_000004.png')
    assert picture.mode == 'P'
    # VOC's colour of class 5, the bottle.
    assert picture.convert('RGB').getpixel((0, 0)) == (128, 0, 128)
    classes = read_class_list(root / VOC / 'classes.txt')
    assert classes.names[:6:5] == ['background', 'bottle']
    assert classes.palette()[5].tolist() == [128, 0, 128]


def test_sbd_may_be_where_torchvision_moves_it(root):
    (root / 'sbd/benchmark_RELEASE/dataset/cls').rename(root / 'sbd/cls')
    prepare_pascal_5i(root)
    assert masks(root) == MERGED


def test_the_original_layout_has_the_published_counts(tmp_path):
    """All 7,402 images have 4x2 pixels and are links to a few files."""
    sources = tmp_path / 'sources'
    write_image(sources / 'image.jpg')
    write_mask(sources / 'voc.png', [1, 255, 0, 0])
    write_mat(sources / 'sbd.mat', [1, 1, 0, 0])
    train = [f'2007_{i:06d}' for i in range(1464)]
    val = [f'2009_{i:06d}' for i in range(1449)]
    sbd = train[:1134] + [f'2008_{i:06d}' for i in range(5623 - 1134)]
    # The pairs of the folds are 346, 451, 725 (100 images with two classes
    # and 525 with one) and 346.
    rows = [
        (1 * (i < 346), 6 * (i < 451), 11 * (i < 625), 12 * (i < 100))
        if i < 1000 else (16 * (i < 1346), 255, 0, 0) for i in range(1449)]
    for row in set(rows):
        write_mask(sources / f'{row}.png', row)
    voc = tmp_path / VOC
    mats = tmp_path / 'sbd/cls'
    for folder in (voc / 'JPEGImages', voc / 'SegmentationClass', mats):
        folder.mkdir(parents=True)
    for name in {*train, *val, *sbd}:
        os.link(sources / 'image.jpg', voc / f'JPEGImages/{name}.jpg')
    for name in train:
        os.link(sources / 'voc.png', voc / f'SegmentationClass/{name}.png')
    for name, row in zip(val, rows, strict=True):
        os.link(sources / f'{row}.png', voc / f'SegmentationClass/{name}.png')
    for name in sbd:
        os.link(sources / 'sbd.mat', mats / f'{name}.mat')
    write_list(tmp_path / LISTS / 'train.txt', train)
    write_list(tmp_path / LISTS / 'val.txt', val)
    write_list(tmp_path / 'sbd/train_noval.txt', sbd)

    assert prepare_pascal_5i(tmp_path) == []


def test_other_counts_are_reported(root):
    # VOC val is one image with classes 6, 11 and 12.
    assert prepare_pascal_5i(root) == [
        f'pascal-5i as published has {published} {name}, '
        f'this folder has {count}' for published, name, count in (
            (5953, 'training images', 3),
            (1449, 'validation images', 1),
            (346, 'image-class pairs of fold 0', 0),
            (451, 'image-class pairs of fold 1', 1),
            (725, 'image-class pairs of fold 2', 2),
            (346, 'image-class pairs of fold 3', 0))]


def test_a_second_call_writes_nothing(root):
    prepare_pascal_5i(root)
    folder = root / VOC / 'SegmentationClassAug'
    times = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    prepare_pascal_5i(root)
    assert times == {p: p.stat().st_mtime_ns for p in folder.iterdir()}


def test_masks_that_other_tools_took_from_sbd_are_replaced(root):
    write_mask(
        root / VOC / 'SegmentationClassAug/2007_000002.png',
        SBD_MASKS['2007_000002'])
    prepare_pascal_5i(root)
    assert masks(root) == MERGED


def test_a_damaged_mat_is_named_and_the_work_is_resumed(root):
    mat = root / 'sbd/benchmark_RELEASE/dataset/cls/2008_000004.mat'
    complete = mat.read_bytes()
    mat.write_bytes(complete[:150])
    with pytest.raises(
            InputError, match='2008_000004.mat is not a readable mask'):
        prepare_pascal_5i(root)
    assert not (root / LISTS / 'pascal5i_train.txt').exists()
    assert sorted(masks(root)) == ['2007_000001', '2007_000002']
    mat.write_bytes(complete)
    prepare_pascal_5i(root)
    assert masks(root) == MERGED


def test_archives_put_there_by_hand_are_unpacked(root, tmp_path, monkeypatch):
    other = tmp_path / 'other'
    voc = other / 'VOCtrainval_11-May-2012.tar'
    sbd = other / 'sbd/benchmark.tgz'
    sbd.parent.mkdir(parents=True)
    with tarfile.open(voc, 'w') as archive:
        archive.add(root / 'VOCdevkit', 'VOCdevkit')
    with tarfile.open(sbd, 'w:gz') as archive:
        archive.add(root / 'sbd/benchmark_RELEASE', 'benchmark_RELEASE')
    (root / 'sbd/train_noval.txt').rename(other / 'sbd/train_noval.txt')
    monkeypatch.setitem(
        DATASET_YEAR_DICT['2012'], 'md5',
        hashlib.md5(voc.read_bytes()).hexdigest())
    monkeypatch.setattr(
        SBDataset, 'md5', hashlib.md5(sbd.read_bytes()).hexdigest())
    # An interrupted extraction is repeated.
    write_image(other / VOC / 'JPEGImages/2007_000001.jpg')
    prepare_pascal_5i(other)
    assert masks(other) == MERGED


@pytest.mark.parametrize(('file', 'archive', 'url'), [
    (f'{VOC}/JPEGImages/2007_000001.jpg', 'VOCtrainval_11-May-2012.tar',
     CLOSED + 'voc'),
    (f'{LISTS}/val.txt', 'VOCtrainval_11-May-2012.tar', CLOSED + 'voc'),
    ('sbd/train_noval.txt', 'sbd/train_noval.txt', CLOSED + 'list'),
    ('sbd/benchmark_RELEASE/dataset/cls/2008_000004.mat', 'sbd/benchmark.tgz',
     CLOSED + 'sbd')])
def test_the_error_of_a_download_states_where_to_put_the_file(
        root, file, archive, url):
    (root / file).unlink()
    with pytest.raises(InputError) as caught:
        prepare_pascal_5i(root)
    sentence = str(caught.value)
    assert sentence.startswith(f'{root / file} is missing, and ')
    assert f'could not be downloaded from {url}' in sentence
    assert f'put the complete file at {root / archive} by hand' in sentence


def test_an_archive_of_other_files_is_named(root, monkeypatch):
    (root / LISTS / 'val.txt').unlink()
    archive = root / 'VOCtrainval_11-May-2012.tar'
    with tarfile.open(archive, 'w') as tar:
        tar.add(root / LISTS / 'train.txt', 'train.txt')
    monkeypatch.setitem(
        DATASET_YEAR_DICT['2012'], 'md5',
        hashlib.md5(archive.read_bytes()).hexdigest())
    with pytest.raises(
            InputError, match='val.txt is missing, and .* does not contain'):
        prepare_pascal_5i(root)


def test_the_config_reads_the_prepared_data(root):
    prepare_pascal_5i(root)
    cfg = Config.fromfile(CONFIGS / '_base_/datasets/pascal5i.py')
    found = {}
    for pool, settings in cfg.test_dataloader.dataset.pools.items():
        dataset = DATASETS.build(settings | dict(data_root=str(root / VOC)))
        for i in range(len(dataset)):
            labels = LoadAnnotations()(dataset.get_data_info(i))['gt_seg_map']
            found[pool, i] = labels[0].tolist()
    assert found == {
        ('train', 0): MERGED['2007_000001'],
        ('train', 1): MERGED['2007_000002'],
        ('train', 2): MERGED['2008_000004'],
        ('val', 0): VOC_MASKS['2007_000003']}
