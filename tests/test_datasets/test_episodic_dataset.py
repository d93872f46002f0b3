import random
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import ConcatDataset, RepeatDataset
from mmseg.registry import DATASETS
from PIL import Image
from torch.utils.data import DataLoader

from mmseg_panet.datasets import EpisodicDataset, episode_collate
from mmseg_panet.errors import InputError

LOAD = [
    dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
    dict(type='EpisodeLabels')]
PIPELINE = [*LOAD, dict(type='PackEpisodeInputs')]
AUGMENTED = [
    *LOAD,
    dict(type='RandomResize', scale=(64, 64), ratio_range=(0.8, 1.5)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='RandomCrop', crop_size=(48, 48)),
    dict(type='PackEpisodeInputs')]


def toy(root):
    return dict(type='ToyDataset', data_root=str(root))


def episodic(root, **changes):
    settings = dict(
        dataset=toy(root), folds='toy-3i', fold=0, split='base',
        num_episodes=20, support_pipeline=PIPELINE, query_pipeline=PIPELINE)
    return EpisodicDataset(**settings | changes)


def test_an_item_is_the_supports_way_by_way_then_the_queries(toy_root):
    data = episodic(toy_root, num_ways=2, num_shots=3, num_queries=2)
    episode = data.episode(4)
    samples = [item['data_samples'] for item in data[4]]
    assert [s.role for s in samples] == ['support'] * 6 + ['query'] * 2
    assert [s.way for s in samples[:6]] == [1, 1, 1, 2, 2, 2]
    assert [s.shot for s in samples[:6]] == [0, 1, 2, 0, 1, 2]
    assert [s.way for s in samples[6:]] == list(episode.query_ways)
    images = [i for shots in episode.supports for i in shots]
    for sample, image in zip(
            samples, [*images, *episode.queries], strict=True):
        info = data.dataset.get_data_info(image)
        assert sample.img_path == info['img_path']
        assert sample.class_ids == list(episode.class_ids)
        assert (sample.run, sample.episode) == (0, 4)


def test_labels_are_episode_labels(toy_root):
    data = episodic(toy_root, num_ways=2)
    for item in data[3]:
        sample = item['data_samples']
        ids = np.array(Image.open(sample.seg_map_path))
        expected = np.zeros_like(ids)
        for way, class_id in enumerate(sample.class_ids, start=1):
            expected[ids == class_id] = way
        expected[ids == 255] = 255
        assert (sample.gt_sem_seg.data[0].numpy() == expected).all()
        if sample.role == 'support':
            assert (expected == sample.way).any()


def same(one, other):
    return all(
        torch.equal(a['inputs'], b['inputs']) and torch.equal(
            a['data_samples'].gt_sem_seg.data,
            b['data_samples'].gt_sem_seg.data)
        for a, b in zip(one, other, strict=True))


def test_an_episode_is_the_same_at_any_time_and_in_any_worker(toy_root):
    data = episodic(
        toy_root, support_pipeline=AUGMENTED, query_pipeline=AUGMENTED)
    first = [data[i] for i in range(6)]
    random.seed(5)
    np.random.seed(5)
    torch.manual_seed(5)
    again = [data[i] for i in reversed(range(6))][::-1]
    workers = DataLoader(
        data, batch_size=None, sampler=range(6), num_workers=2)
    for one, other, loaded in zip(first, again, workers, strict=True):
        assert same(one, other)
        assert same(one, loaded)
    assert not same(first[0], first[1])


def test_the_global_generators_are_not_changed(toy_root):
    data = episodic(
        toy_root, support_pipeline=AUGMENTED, query_pipeline=AUGMENTED)
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    expected = random.random(), np.random.rand(), torch.rand(1)
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    data[0]
    assert (random.random(), np.random.rand(), torch.rand(1)) == expected


def test_runs_are_consecutive_with_different_seeds(toy_root):
    data = episodic(toy_root, num_runs=2, episodes_seed=7)
    assert len(data) == 40
    assert data.episode(23).seed == 8
    assert data.episode(23).index == 3
    second = episodic(toy_root, episodes_seed=8)
    assert data.episode(23) == second.episode(3)
    assert data[23][0]['data_samples'].run == 1


def test_base_and_novel_classes_are_disjoint(toy_root):
    base, novel = episodic(toy_root), episodic(toy_root, split='novel')
    assert len(base.class_names) == 9
    assert len(novel.class_names) == 3
    assert not set(base.class_names) & set(novel.class_names)
    sampled = {novel.episode(i).class_ids[0] for i in range(20)}
    assert {novel.metainfo['classes'][c] for c in sampled} == set(
        novel.class_names)


def test_classes_may_be_given_by_name(toy_root):
    name = episodic(toy_root).class_names[2]
    data = episodic(
        toy_root, classes=[name], folds=None, split=None)
    assert data.class_names == [name]
    assert data[0][0]['data_samples'].class_names == [name]


def test_concatenated_data_sets_are_sampled_as_one(toy_root):
    halves = [
        toy(toy_root) | dict(ann_file=f'ImageSets/Segmentation/{name}.txt')
        for name in ('train', 'val')]
    data = episodic(
        toy_root, dataset=dict(type='ConcatDataset', datasets=halves))
    assert isinstance(data.dataset, ConcatDataset)
    assert len(data.dataset) == 120
    paths = {
        s['data_samples'].img_path for i in range(20) for s in data[i]}
    assert len(paths) > 20


def test_zero_may_be_a_real_class(tmp_path):
    """ADE20K has this layout after ``reduce_zero_label``."""
    for i in range(4):
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(
            tmp_path / f'{i}.jpg')
        mask = np.full((8, 8), 2, np.uint8)  # class 1 once reduced
        mask[:3] = 1  # class 0 once reduced
        mask[0] = 0  # ignored once reduced
        Image.fromarray(mask).save(tmp_path / f'{i}.png')
    inner = dict(
        type='BaseSegDataset', data_root=str(tmp_path),
        reduce_zero_label=True, metainfo=dict(classes=('wall', 'floor')))
    data = EpisodicDataset(
        inner, PIPELINE, PIPELINE, num_episodes=3, classes=['wall'])
    labels = data[0][0]['data_samples'].gt_sem_seg.data[0]
    assert labels[:, 0].tolist() == [255, 1, 1, 0, 0, 0, 0, 0]


def test_the_digest_depends_on_the_sampled_episodes(toy_root):
    digest = episodic(toy_root).manifest_sha256()
    assert digest == episodic(toy_root).manifest_sha256()
    assert digest != episodic(toy_root, episodes_seed=1).manifest_sha256()
    assert digest != episodic(toy_root, fold=1).manifest_sha256()


def test_episodes_collate_to_a_flat_batch(toy_root):
    data = episodic(toy_root, num_shots=2)
    batch = episode_collate([data[0], data[1]])
    assert [s.role for s in batch['data_samples']] == [
        'support', 'support', 'query'] * 2
    assert len(batch['inputs']) == 6


def test_a_crop_that_loses_the_class_is_augmented_again(toy_root):
    pipeline = [
        *LOAD, dict(type='RandomCrop', crop_size=(24, 24)),
        dict(type='PackEpisodeInputs')]
    data = episodic(toy_root, support_pipeline=pipeline, min_area=0.05)
    for i in range(20):
        sample = data[i][0]['data_samples']
        assert (sample.gt_sem_seg.data == 1).any()


class _Erase:
    def __call__(self, results):
        results['gt_seg_map'][:] = 0
        return results


def test_the_error_of_an_empty_support_names_it(toy_root):
    data = episodic(toy_root)
    data.support_pipeline.transforms.insert(3, _Erase())
    with pytest.raises(InputError, match=r'\.jpg of class .* has an empty'):
        data[0]


def test_the_error_of_an_image_that_breaks_later_names_it(toy_root):
    data = episodic(toy_root)
    info = data.dataset.get_data_info(data.episode(0).queries[0])
    path = Path(info['img_path'])
    content = path.read_bytes()
    try:
        path.write_bytes(b'no image')
        with pytest.raises(InputError, match=f'{path} .*could not be loaded'):
            data[0]
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize(('changes', 'sentence'), [
    (dict(num_shots=120), r'of fold 0 has \d+ images with at least 1 pixels, '
     r'but num_shots=120 and num_queries=1 need 121; lower min_area'),
    (dict(min_area=0.9), r'has 0 images with at least 90.0% of the image'),
    (dict(fold=4), r'fold 4 does not exist: expected 0\.\.3'),
    (dict(folds=None), 'expected either classes, or folds'),
    (dict(folds=None, split=None, classes=['unicorn']),
     r"the classes \['unicorn'\] are not in the data set"),
    (dict(num_ways=10), 'num_ways=10 needs as many classes, got the 9'),
    (dict(num_shots=0), 'expected num_shots of 1 or more, got 0'),
    (dict(num_shots='2'), "expected num_shots of 1 or more, got '2'"),
    (dict(episodes_seed=-1), 'expected episodes_seed of 0 or more, got -1'),
    (dict(min_area=float('nan')), 'expected min_area above 0'),
    (dict(fold='1'), "fold '1' does not exist"),
    (dict(folds=None, split=None, classes=['striped disc'] * 2),
     r"the classes \['striped disc'\] are named more than once"),
    (dict(support_pipeline=PIPELINE[:1]), 'needs dict.*LoadAnnotations'),
])
def test_bad_settings_raise_an_error_at_construction(
        toy_root, changes, sentence):
    with pytest.raises(InputError, match=sentence):
        episodic(toy_root, **changes)


def test_a_pipeline_without_episode_labels_is_named(toy_root):
    pipeline = [*LOAD[:2], dict(type='PackEpisodeInputs')]
    data = episodic(toy_root, query_pipeline=pipeline)
    with pytest.raises(InputError, match="put dict.type='EpisodeLabels'"):
        for i in range(20):
            data[i]


def test_an_image_that_is_listed_twice_is_named(toy_root):
    twice = dict(type='ConcatDataset', datasets=[toy(toy_root)] * 2)
    with pytest.raises(InputError, match=r'\.jpg is 2 times in the data set'):
        episodic(toy_root, dataset=twice)


def test_iteration_ends_after_the_last_episode(toy_root):
    assert sum(1 for _ in episodic(toy_root, num_episodes=3)) == 3


def test_it_is_in_the_registry_of_mmseg():
    assert DATASETS.get('EpisodicDataset') is EpisodicDataset


def test_wrappers_of_mmengine_hold_episodes(toy_root):
    given = episodic(toy_root, num_ways=2, num_episodes=4)
    config = dict(
        dataset=toy(toy_root), folds='toy-3i', split='base', num_ways=2,
        support_pipeline=PIPELINE, query_pipeline=PIPELINE,
        type='EpisodicDataset')
    repeated = DATASETS.build(dict(
        type='RepeatDataset', times=3, dataset=dict(config, num_episodes=4)))
    joined = DATASETS.build(dict(type='ConcatDataset', datasets=[
        dict(config, num_episodes=3, episodes_seed=9),
        dict(config, num_episodes=4)]))
    assert (len(repeated), len(joined)) == (12, 7)
    for one, index in ((repeated, 6), (joined, 5)):
        info = one.get_data_info(index)
        assert info == given.get_data_info(2)
        paths = [[support['img_path'] for support in shots]
                 for shots in info['supports']] + [
                     [query['img_path'] for query in info['queries']]]
        samples = [item['data_samples'] for item in one[index]]
        assert [[sample.img_path] for sample in samples] == paths
        assert samples[0].class_ids == info['class_ids']
        assert (samples[0].run, samples[0].episode) == (
            info['run'], info['episode']) == (0, 2)
        assert one.metainfo['class_names'] == given.class_names


def test_a_wrapper_that_balances_classes_is_refused(toy_root):
    config = dict(
        type='EpisodicDataset', dataset=toy(toy_root), classes='all',
        support_pipeline=PIPELINE, query_pipeline=PIPELINE)
    with pytest.raises(InputError, match='without a ClassBalancedDataset'):
        DATASETS.build(dict(
            type='ClassBalancedDataset', dataset=config, oversample_thr=.1))


@pytest.mark.parametrize('kind', ['RepeatDataset', RepeatDataset])
def test_a_wrapper_that_repeats_images_is_refused(toy_root, kind):
    with pytest.raises(InputError, match=(
            'every image once in EpisodicDataset, got a RepeatDataset')):
        episodic(toy_root, dataset=dict(
            type=kind, times=2, dataset=toy(toy_root)))
