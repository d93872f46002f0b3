"""Episodes of data sets in their original layouts, exact to the pixel."""
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmseg_panet.config.config_file import read_config
from mmseg_panet.datasets import EpisodicDataset

CONFIGS = Path(__file__).parents[3] / 'configs'
PIPELINE = [
    dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
    dict(type='EpisodeLabels'), dict(type='PackEpisodeInputs')]
NUM_IMAGES = 3


def write(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def photograph():
    return np.zeros((4, 6, 3), np.uint8)


def columns(*ids):
    """Build a mask of 4x6 pixels whose six columns have these ids."""
    return np.tile(np.array(ids, np.uint8), (4, 1))


def episodic(dataset, folds, **settings):
    """Build the data set from a config, as the commands do."""
    cfg = Config(dict(data=dict(
        type='EpisodicDataset', dataset=dataset, folds=folds,
        num_episodes=10, support_pipeline=PIPELINE, query_pipeline=PIPELINE,
        **settings)))
    cfg.data.pop('type')
    return EpisodicDataset(**cfg.data)


def labels_by_class(data):
    """Collect the rows of labels of all sampled images by class name."""
    found = {}
    for index in range(len(data)):
        for item in data[index]:
            sample = item['data_samples']
            labels = sample.gt_sem_seg.data[0].numpy()
            assert (labels == labels[0]).all()
            name, = sample.class_names
            found.setdefault(name, set()).add(tuple(labels[0].tolist()))
    return found


@pytest.fixture
def cityscapes(tmp_path):
    """The config of Cityscapes with images of two cities.

    The train ids are 0 road, 2 building, 13 car and 255 for all else. The
    files of raw ids beside them, 7, 11, 26 and 0, are not read.
    """
    for city, i in (('aachen', 0), ('aachen', 1), ('bochum', 0)):
        frame = f'train/{city}/{city}_{i:06d}_000019'
        write(tmp_path / f'leftImg8bit/{frame}_leftImg8bit.png', photograph())
        write(tmp_path / f'gtFine/{frame}_gtFine_labelTrainIds.png',
              columns(0, 0, 2, 13, 13, 255))
        write(tmp_path / f'gtFine/{frame}_gtFine_labelIds.png',
              columns(7, 7, 11, 26, 26, 0))
    return dict(
        type='CityscapesDataset', data_root=str(tmp_path),
        data_prefix=dict(
            img_path='leftImg8bit/train', seg_map_path='gtFine/train'))


def test_cityscapes_road_is_a_class_although_its_id_is_zero(cityscapes):
    folds = [['road'], ['building', 'car']]
    novel = episodic(cityscapes, folds, fold=0, split='novel')
    assert labels_by_class(novel) == {'road': {(1, 1, 0, 0, 0, 255)}}
    base = episodic(cityscapes, folds, fold=0, split='base')
    assert labels_by_class(base) == {
        'building': {(0, 0, 1, 0, 0, 255)}, 'car': {(0, 0, 0, 1, 1, 255)}}


def test_images_of_two_cities_keep_their_folders_in_their_names(cityscapes):
    data = episodic(cityscapes, [['road']], split='novel')
    assert data.images.image_ids == [
        f'{city}/{city}_{i:06d}_000019_leftImg8bit.png'
        for city, i in (('aachen', 0), ('aachen', 1), ('bochum', 0))]


def test_novel_pixels_of_cityscapes_can_be_ignored_in_training(cityscapes):
    base = episodic(
        cityscapes, [['road'], ['building', 'car']], fold=0, split='base',
        novel_pixels='ignore')
    assert labels_by_class(base)['car'] == {(255, 255, 0, 1, 1, 255)}


def test_ade20k_masks_count_from_one_and_zero_is_ignored(tmp_path):
    # In a mask, 1 is wall, 2 building, 150 flag, and 0 is no class.
    for i in range(1, 1 + NUM_IMAGES):
        name = f'training/ADE_train_{i:08d}'
        write(tmp_path / f'images/{name}.jpg', photograph())
        write(tmp_path / f'annotations/{name}.png',
              columns(1, 1, 0, 2, 150, 150))
    dataset = dict(
        type='ADE20KDataset', data_root=str(tmp_path),
        data_prefix=dict(
            img_path='images/training', seg_map_path='annotations/training'))
    folds = [['wall', 'flag'], ['building']]
    novel = episodic(dataset, folds, fold=0, split='novel')
    assert labels_by_class(novel) == {
        'wall': {(1, 1, 255, 0, 0, 0)}, 'flag': {(0, 0, 255, 0, 1, 1)}}
    # The order is that of the files: wall (0) first, flag (149) last.
    assert novel.images.index.counts[0, [0, 1, 149]].tolist() == [8, 4, 8]


def test_voc_boundaries_stay_ignored(tmp_path):
    names = [f'2007_{i:06d}' for i in range(NUM_IMAGES)]
    for name in names:
        write(tmp_path / f'JPEGImages/{name}.jpg', photograph())
        write(tmp_path / f'SegmentationClass/{name}.png',
              columns(0, 255, 1, 255, 20, 20))
    lists = tmp_path / 'ImageSets/Segmentation'
    lists.mkdir(parents=True)
    (lists / 'val.txt').write_text('\n'.join(names))
    dataset = dict(
        type='PascalVOCDataset', data_root=str(tmp_path),
        ann_file='ImageSets/Segmentation/val.txt',
        data_prefix=dict(
            img_path='JPEGImages', seg_map_path='SegmentationClass'))
    novel = episodic(dataset, [['aeroplane', 'tvmonitor']], split='novel')
    assert labels_by_class(novel) == {
        'aeroplane': {(0, 255, 1, 255, 0, 0)},
        'tvmonitor': {(0, 255, 0, 255, 1, 1)}}


def test_msrc_has_no_background_and_its_void_stays_ignored(tmp_path):
    names = [f'1_{i}_s' for i in range(NUM_IMAGES)]
    for name in names:
        write(tmp_path / f'JPEGImages/{name}.jpg', photograph())
        # grass, void, cow, which are 2, 255 and 4
        write(tmp_path / f'SegmentationClass/{name}.png',
              columns(2, 2, 255, 4, 4, 2))
    dataset = dict(
        type='MSRCDataset', data_root=str(tmp_path),
        data_prefix=dict(
            img_path='JPEGImages', seg_map_path='SegmentationClass'))
    novel = episodic(dataset, [['grass', 'cow'], ['boat']], split='novel')
    assert labels_by_class(novel) == {
        'grass': {(1, 1, 255, 0, 0, 1)}, 'cow': {(0, 0, 255, 1, 1, 0)}}


def test_two_ways_of_ade20k_are_both_marked(tmp_path):
    for i in range(1, 2 + NUM_IMAGES):
        write(tmp_path / f'images/{i}.jpg', photograph())
        write(tmp_path / f'annotations/{i}.png', columns(3, 3, 1, 1, 0, 2))
    dataset = dict(
        type='ADE20KDataset', data_root=str(tmp_path),
        data_prefix=dict(img_path='images', seg_map_path='annotations'))
    data = episodic(dataset, [['wall', 'sky']], split='novel', num_ways=2)
    for index in range(10):
        for item in data[index]:
            sample = item['data_samples']
            wall = 1 + sample.class_names.index('wall')
            sky = 3 - wall
            assert sample.gt_sem_seg.data[0, 0].tolist() == [
                sky, sky, wall, wall, 255, 0]


@pytest.mark.parametrize('config', [
    'pascal5i', 'coco20i', 'fss1000'])
def test_the_configs_train_validate_and_test_on_the_pools(config):
    cfg = read_config(
        f'panet_r50-d8-no-align_1xb4-6k_{config}-473x473')
    datasets = [
        cfg[f'{loader}_dataloader'].dataset
        for loader in ('train', 'val', 'test')]
    if config == 'fss1000':
        assert [dataset.classes for dataset in datasets] == ['all'] * 3
        lists = [
            (d.get('dataset') or d.pools[d.pool]).ann_file for d in datasets]
        assert lists == ['trn.txt', 'val.txt', 'test.txt']
    else:
        assert [dataset.pool for dataset in datasets] == [
            'train', 'val', 'val']
        # Novel classes are not sampled before the test.
        assert [dataset.split for dataset in datasets] == [
            'base', 'base', 'novel']
