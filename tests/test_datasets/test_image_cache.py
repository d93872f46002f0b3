import copy
import os
import pickle
import shutil
from collections import namedtuple

import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmengine import Config
from mmseg.registry import DATASETS, TRANSFORMS
from PIL import Image
from real_data import MSRC, needs_msrc
from tool_runs import REPO
from torch.utils.data import DataLoader

from mmseg_panet.config.config_file import read_config
from mmseg_panet.datasets import EpisodicDataset, image_cache
from mmseg_panet.datasets.cached_pipeline import (
    CachedPipeline,
    cached_pipeline,
)
from mmseg_panet.datasets.randomness import seeded
from mmseg_panet.errors import InputError

LOAD = [
    dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
    dict(type='EpisodeLabels')]
RESIZE = dict(type='Resize', scale=(45, 45), keep_ratio=False)
PACK = dict(type='PackEpisodeInputs')
SUPPORT = [*LOAD, RESIZE, PACK]
QUERY = [LOAD[0], RESIZE, *LOAD[1:], PACK]
AUGMENTED = [
    *LOAD,
    dict(type='RandomResize', scale=(64, 64), ratio_range=(0.8, 1.5)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='RandomCrop', crop_size=(48, 48)),
    PACK]


@pytest.fixture
def infos(tmp_path):
    """The infos of three images of different sizes, ids 0..3 and 255."""
    rng = np.random.default_rng(0)
    infos = []
    for i, size in enumerate([(40, 60), (50, 31), (33, 33)]):
        image, mask = tmp_path / f'{i}.jpg', tmp_path / f'{i}.png'
        Image.fromarray(rng.integers(
            256, size=(*size, 3), dtype=np.uint8)).save(image)
        Image.fromarray(rng.choice(
            np.array([0, 1, 2, 3, 255], np.uint8), size)).save(mask)
        infos.append(dict(
            img_path=str(image), seg_map_path=str(mask), label_map={3: 2},
            reduce_zero_label=False, seg_fields=[], sample_idx=i, class_id=2))
    return infos


def build(pipeline):
    return Compose([TRANSFORMS.build(step) for step in pipeline])


def cached(pipeline, infos, tmp_path):
    return cached_pipeline(build(pipeline), infos, tmp_path / 'cache')


def run(pipeline, infos, image, **part):
    info = copy.deepcopy(infos[image]) | dict(
        image_index=image, role='support', way=1, shot=0, class_ids=[2],
        class_names=['two'], num_classes=4, run=0, episode=0) | part
    with seeded((7, image)):
        return pipeline(info)


def assert_same(one, other):
    """Assert that two results are equal, including types and dtypes."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    elif isinstance(one, (np.ndarray, torch.Tensor)):
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        assert (one == other).all()
    elif hasattr(one, 'gt_sem_seg'):
        assert_same(one.metainfo, other.metainfo)
        assert_same(one.gt_sem_seg.data, other.gt_sem_seg.data)
    else:
        assert one == other


def pfenet(part):
    config = Config.fromfile(REPO / 'configs/_base_/protocols/pfenet.py')
    return config.protocol.test[f'{part}_pipeline']


@pytest.mark.parametrize('pipeline', [
    SUPPORT, QUERY, AUGMENTED, pfenet('support'), pfenet('query'),
    [*LOAD, dict(type='Resize', scale_factor=0.5), PACK],
    [*LOAD[:2], dict(type='EpisodeLabels', void='background'),
     dict(type='Pad', size=(64, 64)), PACK],
    [LOAD[0], dict(type='LoadFSSAnnotations'), LOAD[2], RESIZE, PACK],
    [dict(type='LoadImageFromFile', to_float32=True), *LOAD[1:], PACK],
], ids=[
    'support', 'query', 'random', 'pfenet support', 'pfenet query', 'factor',
    'void', 'fss', 'float'])
def test_every_step_receives_the_same_input_with_the_cache(
        pipeline, infos, tmp_path):
    fast, plain = cached(pipeline, infos, tmp_path), build(pipeline)
    assert isinstance(fast, CachedPipeline)
    before_packing = build(pipeline[:-1])
    fast_before = CachedPipeline(
        before_packing.transforms, fast.cache, fast.rest.transforms[:-1])
    for image in range(3):
        assert_same(run(fast_before, infos, image),
                    run(before_packing, infos, image))
        assert_same(run(fast, infos, image), run(plain, infos, image))


def test_a_mask_is_grown_before_it_is_resized(infos, tmp_path):
    fast, plain = cached(SUPPORT, infos, tmp_path), build(SUPPORT)
    assert_same(run(fast, infos, 0, grow=2), run(plain, infos, 0, grow=2))


def test_writing_into_a_restored_image_does_not_change_the_cache(
        infos, tmp_path):
    cache = cached(SUPPORT, infos, tmp_path).cache
    first = cache.restore(1)
    expected = copy.deepcopy(first)
    first['img'][:] = 0
    first['gt_seg_map'][:] = 0
    first['seg_fields'].append('more')
    assert_same(cache.restore(1), expected)


def same_items(one, other):
    for a, b in zip(one, other, strict=True):
        assert_same(a, b)


@pytest.mark.parametrize(('support', 'query'), [
    (SUPPORT, QUERY), (AUGMENTED, AUGMENTED)], ids=['test', 'training'])
def test_episodes_are_the_same_with_and_without_the_cache(
        toy_root, tmp_path, support, query):
    settings = dict(
        dataset=dict(type='ToyDataset', data_root=str(toy_root)),
        support_pipeline=support, query_pipeline=query, folds='toy-3i',
        split='base', num_ways=2, num_shots=2, num_episodes=6,
        cache_dir=str(tmp_path))
    plain = [EpisodicDataset(**settings)[i] for i in range(6)]
    data = EpisodicDataset(**settings, cache_images=True)
    same_items(plain, [data[i] for i in range(6)])
    same_items(plain, DataLoader(
        data, batch_size=None, sampler=range(6), num_workers=2))
    travelled = pickle.loads(pickle.dumps(data))
    same_items(plain, [travelled[i] for i in range(6)])


@needs_msrc
def test_episodes_of_photographs_are_the_same_with_the_cache(tmp_path):
    config = read_config('panet_r18-d8_1xb4-600iters_msrc7i-225x225')
    for loader in (config.train_dataloader, config.test_dataloader):
        settings = loader.dataset
        for pool in settings.pools.values():
            pool.data_root = str(MSRC)
        settings.num_shots = 5
        settings.cache_dir = str(tmp_path)
        plain = DATASETS.build(settings)
        data = DATASETS.build(dict(settings, cache_images=True))
        assert isinstance(data.query_pipeline, CachedPipeline)
        for i in range(4):
            same_items(plain[i], data[i])


def test_the_cache_is_pickled_without_the_images(infos, tmp_path):
    cache = cached(SUPPORT, infos, tmp_path).cache
    expected = cache.restore(2)
    travelled = pickle.dumps(cache)
    assert len(travelled) < 2000
    assert_same(pickle.loads(travelled).restore(2), expected)


@pytest.fixture
def builds(monkeypatch):
    """The paths of the folders that are built."""
    paths = []
    original = image_cache._build
    monkeypatch.setattr(
        image_cache, '_build',
        lambda path, *more: paths.append(path) or original(path, *more))
    return paths


def test_the_cache_is_rebuilt_when_a_file_or_a_step_changes(
        infos, tmp_path, builds):
    cached(SUPPORT, infos, tmp_path)
    # The same steps of both are cached, in one folder.
    cached([*LOAD, RESIZE, dict(type='RandomFlip', prob=1.0), PACK],
           infos, tmp_path)
    assert len(builds) == 1
    cached(QUERY, infos, tmp_path)
    assert len(builds) == 2
    os.utime(infos[1]['seg_map_path'], ns=(1, 1))
    cached(SUPPORT, infos, tmp_path)
    assert len(builds) == 3
    infos[1]['label_map'] = None
    cached(SUPPORT, infos, tmp_path)
    assert len(set(builds)) == 4
    assert sorted((tmp_path / 'cache/images').iterdir()) == sorted(builds)


@pytest.mark.parametrize('damage', [
    lambda data: data[:-1],
    lambda data: data[100:],
    lambda data: data[:10],
    lambda data: b'',
    lambda data: data[:20] + b'?' + data[21:],
], ids=['end', 'start', 'most', 'all', 'table'])
def test_an_incomplete_file_rebuilds_the_cache(
        infos, tmp_path, builds, damage):
    expected = cached(SUPPORT, infos, tmp_path).cache.restore(2)
    file = builds[0] / '2.safetensors'
    file.write_bytes(damage(file.read_bytes()))
    assert_same(
        cached(SUPPORT, infos, tmp_path).cache.restore(2), expected)
    assert len(builds) == 2


def test_a_damaged_image_is_loaded_from_its_original_file(
        infos, tmp_path, builds):
    cached(SUPPORT, infos, tmp_path)
    file = builds[0] / '0.safetensors'
    data = bytearray(file.read_bytes())
    data[-500] ^= 1
    file.write_bytes(data)
    fast, plain = cached(SUPPORT, infos, tmp_path), build(SUPPORT)
    assert len(builds) == 1
    assert fast.cache.restore(0) is None
    assert fast.cache.restore(1) is not None
    assert_same(run(fast, infos, 0), run(plain, infos, 0))
    cached(SUPPORT, infos, tmp_path)
    assert len(builds) == 2


def test_a_folder_that_cannot_be_written_is_not_an_error(infos, tmp_path):
    (tmp_path / 'cache').write_text('a file in place of the folder')
    pipeline = cached(SUPPORT, infos, tmp_path)
    assert not isinstance(pipeline, CachedPipeline)
    assert_same(run(pipeline, infos, 0), run(build(SUPPORT), infos, 0))


def test_a_disk_that_is_too_small_raises_an_input_error(
        infos, tmp_path, monkeypatch):
    usage = namedtuple('usage', 'free')
    monkeypatch.setattr(shutil, 'disk_usage', lambda _: usage(1000))
    with pytest.raises(InputError, match='0.00 GB free in .*cache/images'):
        cached(SUPPORT, infos, tmp_path)


def test_the_estimated_size_is_that_of_the_files(
        infos, tmp_path, builds, monkeypatch):
    usage = namedtuple('usage', 'free')
    cached(SUPPORT, infos, tmp_path)
    size = sum(file.stat().st_size for file in builds[0].iterdir())
    shutil.rmtree(builds[0])
    # The size is estimated from all three images.
    monkeypatch.setattr(shutil, 'disk_usage', lambda _: usage(size - 200))
    with pytest.raises(InputError):
        cached(SUPPORT, infos, tmp_path)
    monkeypatch.setattr(shutil, 'disk_usage', lambda _: usage(size))
    cached(SUPPORT, infos, tmp_path)


def test_the_error_of_a_broken_image_names_it(infos, tmp_path):
    with open(infos[2]['img_path'], 'wb') as file:
        file.write(b'no image')
    with pytest.raises(InputError, match=r'2\.jpg with its mask .*2\.png '
                       'could not be loaded .*replace the file') as caught:
        cached(SUPPORT, infos, tmp_path)
    assert '\n' not in str(caught.value)
    assert not any((tmp_path / 'cache/images').iterdir())
