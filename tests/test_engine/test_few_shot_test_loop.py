"""A test by images gives the same counts as a test by episodes."""
import copy
import multiprocessing
import os
from collections import Counter

import numpy as np
import pytest
import torch
from loop_runs import make_loop
from mmengine.config import Config
from mmseg.registry import MODELS

from mmseg_panet.datasets import EpisodicDataset
from mmseg_panet.errors import InputError
from mmseg_panet.models import Classifier
from mmseg_panet.visualization import EpisodeVisualizationHook

CONFIG = 'configs/panet/panet_r18-d8_1xb4-800iters_toy3i-128x128.py'
RESIZE = dict(type='Resize', scale=(64, 48), keep_ratio=False)


def config(toy_root, support_step=None, test_cfg=None, metric=None,
           **episodes):
    """Make a test of a narrow random network on toy images of 64x64."""
    from tool_runs import REPO
    cfg = Config.fromfile(REPO / CONFIG)
    cfg.model.backbone.update(
        base_channels=8, stem_channels=8, out_indices=(0, 2))
    cfg.model.decode_head.in_channels = 32
    cfg.model.test_cfg = test_cfg or dict(mode='whole')
    cfg.model.channels_last = False
    dataset = cfg.test_dataloader.dataset
    for pool in dataset.pools.values():
        pool.data_root = str(toy_root)
    dataset.update(
        pool='train', num_episodes=12, min_area=1, **episodes)
    dataset.query_pipeline.insert(1, RESIZE)  # Masks stay 64x64.
    dataset.support_pipeline.insert(3, RESIZE)
    if support_step:
        dataset.support_pipeline.insert(3, support_step)
    cfg.test_evaluator.update(metric or {})
    return cfg


class Offset(Classifier):
    """A classifier by the cosine to the means, without a linear layer."""

    def logits(self, features, supports, shots):
        means = supports.class_means(shots).to(features)  # (B, K, C)
        means = means.repeat_interleave(len(features) // len(means), 0)
        return 20 * torch.nn.functional.cosine_similarity(
            features[:, None], means[..., None, None], dim=2)


@pytest.fixture(scope='module')
def model(toy_root):
    torch.manual_seed(0)
    # In float64, no pixel is so close to a tie that rounding matters.
    return MODELS.build(config(toy_root).model).double()


def counts_of(cfg, model, folder, **settings):
    """Return the intersections and unions of every episode."""
    file = folder / 'counts.npz'
    cfg.test_evaluator.counts_file = str(file)
    model.test_cfg = cfg.model.test_cfg
    model.shot_fusion = cfg.model.test_cfg.get(
        'shot_fusion', 'mean_prototypes')
    loop = make_loop(cfg, model, **settings)
    metrics = loop.run()
    with np.load(file) as arrays:
        return {**arrays}, metrics, loop


def assert_equal_counts(one, other):
    assert one[1] == other[1]
    for name in one[0]:
        assert (one[0][name] == other[0][name]).all(), name


@pytest.mark.parametrize('case', [
    dict(),
    dict(num_ways=3, num_shots=2, num_queries=3, num_runs=2),
    dict(num_shots=3, test_cfg=dict(mode='whole', shot_fusion='vote')),
    dict(num_ways=2, num_shots=3,
         test_cfg=dict(mode='whole', shot_fusion='mean_logits')),
    dict(num_shots=2, repeat_supports=True, sampling='pair_first',
         metric=dict(count_absent=False)),
    dict(num_shots=2, support_step=dict(type='ScribbleAnnotation')),
    dict(num_ways=2, num_shots=2, test_cfg=dict(
        mode='whole', shot_fusion='vote', edges=dict(radius=0.1),
        min_area=0.01)),
])
def test_the_counts_are_those_of_every_episode_alone(
        case, toy_root, model, tmp_path):
    cfg = config(toy_root, **case)
    by_image = counts_of(cfg, model, tmp_path)
    assert 'after_test_iter' not in by_image[2].runner.calls
    alone = counts_of(cfg, model, tmp_path, reuse_features=False)
    assert 'after_test_iter' in alone[2].runner.calls
    assert_equal_counts(by_image, alone)


def test_several_levels_are_tested_by_images_too(toy_root, tmp_path):
    cfg = config(toy_root, num_ways=2, num_shots=2)
    cfg.model.decode_head.update(in_channels=(8, 32), in_index=(0, 1))
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).double()
    by_image = counts_of(cfg, model, tmp_path)
    assert 'after_test_iter' not in by_image[2].runner.calls
    alone = counts_of(cfg, model, tmp_path, reuse_features=False)
    assert_equal_counts(by_image, alone)


@pytest.mark.parametrize('shot_fusion', ['mean_prototypes', 'vote'])
def test_a_method_without_a_linear_classifier_is_tested_by_images_too(
        shot_fusion, toy_root, model, tmp_path):
    cfg = config(toy_root, num_ways=2, num_shots=2, test_cfg=dict(
        mode='whole', shot_fusion=shot_fusion))
    expected = counts_of(cfg, model, tmp_path)
    model = copy.deepcopy(model)
    model.decode_head.classifier = Offset()
    by_image = counts_of(cfg, model, tmp_path)
    assert 'after_test_iter' not in by_image[2].runner.calls
    assert_equal_counts(by_image, expected)
    assert_equal_counts(
        by_image, counts_of(cfg, model, tmp_path, reuse_features=False))


@pytest.fixture
def model_with(toy_root):
    """Return a function that makes the model with another classifier."""
    def make(**classifier):
        cfg = config(toy_root)
        cfg.model.decode_head.classifier = classifier
        torch.manual_seed(0)
        return MODELS.build(cfg.model).double()
    return make


@pytest.mark.parametrize('case', [
    dict(type='DiscriminantClassifier', num_ways=2, num_shots=2),
    dict(type='DiscriminantClassifier', rank=None, num_shots=3,
         test_cfg=dict(mode='whole', shot_fusion='vote')),
    # AutoClassifier follows edges by default.
    dict(type='AutoClassifier', rank=8, num_queries=2),
    dict(type='AutoClassifier', rank=8, num_ways=3, num_shots=2)])
def test_moments_are_tested_by_images_too(
        case, toy_root, model_with, tmp_path):
    model = model_with(**{
        name: case.pop(name) for name in ('type', 'rank') if name in case})
    cfg = config(toy_root, **case)
    by_image = counts_of(cfg, model, tmp_path)
    assert 'after_test_iter' not in by_image[2].runner.calls
    assert_equal_counts(
        by_image, counts_of(cfg, model, tmp_path, reuse_features=False))


def test_every_image_is_loaded_once_in_each_part(
        toy_root, model, tmp_path, monkeypatch):
    loaded = Counter()
    labelled = EpisodicDataset.labelled_image

    def count(self, image, class_ids, role):
        loaded[image, role] += 1
        return labelled(self, image, class_ids, role)

    monkeypatch.setattr(EpisodicDataset, 'labelled_image', count)
    monkeypatch.delattr(EpisodicDataset, '__getitem__')
    cfg = config(toy_root, num_shots=5, num_runs=3)
    *_, loop = counts_of(cfg, model, tmp_path)
    episodes = list(loop.dataloader.dataset.episodes)
    asked = {(i, 'query') for e in episodes for i in e.queries} | {
        (i, 'support') for e in episodes for way in e.supports for i in way}
    assert loaded == dict.fromkeys(asked, 1)


def test_a_support_that_the_resize_removes_is_counted_separately(
        toy_root, model, tmp_path):
    """At 4x4, some objects disappear, and the data set grows their masks."""
    cfg = config(toy_root)
    tiny = dict(type='Resize', scale=(4, 4), keep_ratio=False)
    big = dict(type='Resize', scale=(64, 48), keep_ratio=False)
    pipeline = cfg.test_dataloader.dataset.support_pipeline
    pipeline[3:4] = [tiny, big]
    by_image = counts_of(cfg, model, tmp_path)
    assert_equal_counts(
        by_image, counts_of(cfg, model, tmp_path, reuse_features=False))


@pytest.mark.parametrize(('case', 'reason'), [
    (dict(support_step=dict(type='RandomFlip', prob=0.5)),
     'RandomFlip of support_pipeline may differ'),
    (dict(num_ways=2, support_step=dict(type='BoxAnnotation')),
     'BoxAnnotation of support_pipeline depends on all classes'),
    (dict(test_cfg=dict(mode='slide', crop_size=(32, 32), stride=(16, 16))),
     "mode='slide'"),
])
def test_a_test_by_episodes_logs_its_reason(
        case, reason, toy_root, model, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(
        'mmseg_panet.engine.few_shot_test_loop.print_log',
        lambda text, *_, **__: said.append(text))
    cfg = config(toy_root, **case)
    one = counts_of(cfg, model, tmp_path)
    assert reason in said[0]
    assert 'after_test_iter' in one[2].runner.calls
    assert_equal_counts(
        one, counts_of(cfg, model, tmp_path, reuse_features=False))


def test_predictions_are_written_and_pictures_plotted(
        toy_root, model, tmp_path):
    written = []
    for reuse in (True, False):
        folder = tmp_path / str(reuse)
        cfg = config(
            toy_root, num_queries=2, metric=dict(output_dir=str(folder)))
        counts_of(cfg, model, tmp_path, reuse_features=reuse)
        written.append(
            {file.name: file.read_bytes() for file in folder.iterdir()})
    assert written[0] == written[1] and len(written[0]) == 24 + 2
    assert {'classes.txt', 'ways.csv'} <= set(written[0])

    plotted = []
    hook = EpisodeVisualizationHook(num_pictures=5)
    for name in ('before_test', 'after_test', 'after_test_epoch'):
        setattr(hook, name, lambda *_, **__: None)
    loop = make_loop(config(toy_root), model, hooks=[hook])
    loop.runner.visualizer.add_episode = (
        lambda name, *_, **__: plotted.append(name))
    loop.run()
    assert [name.split('_')[0] for name in plotted] == [
        f'0-{i:05d}-0' for i in range(5)]


def _one_of(world_size, rank, port, cfg, model, folder, queue):
    os.environ.update(
        RANK=str(rank), WORLD_SIZE=str(world_size), LOCAL_RANK='0',
        MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    torch.distributed.init_process_group('gloo')
    try:
        metrics = counts_of(cfg, model, folder, images_per_batch=2)[1]
        queue.put((rank, metrics, (folder / 'counts.npz').read_bytes()))
    finally:
        torch.distributed.destroy_process_group()


def free_port():
    import socket
    with socket.socket() as one:
        one.bind(('127.0.0.1', 0))
        return one.getsockname()[1]


def assert_processes_agree(cfg, model, tmp_path, numbers):
    """Compare on 11 episodes, which several processes cannot share evenly."""
    cfg.test_dataloader.dataset.num_episodes = 11
    counts_of(cfg, model, tmp_path, images_per_batch=2)
    expected = (tmp_path / 'counts.npz').read_bytes()
    context = multiprocessing.get_context('fork')
    for world_size in numbers:
        folder = tmp_path / str(world_size)
        folder.mkdir()
        queue, port = context.Queue(), free_port()
        processes = [
            context.Process(target=_one_of, args=(
                world_size, rank, port, cfg, model, folder, queue))
            for rank in range(world_size)]
        for process in processes:
            process.start()
        results = sorted(
            (queue.get(timeout=120) for _ in processes), key=lambda r: r[0])
        for process in processes:
            process.join()
        assert results[0][2] == expected
        assert all(metrics == results[0][1] for _, metrics, _ in results)


def test_1_2_and_4_processes_give_the_same_bytes(toy_root, model, tmp_path):
    assert_processes_agree(
        config(toy_root, num_ways=2), model, tmp_path, (2, 4))


def test_1_and_2_processes_give_the_same_bytes_with_moments(
        toy_root, model_with, tmp_path):
    assert_processes_agree(
        config(toy_root, num_shots=2),
        model_with(type='AutoClassifier', rank=8), tmp_path, (2,))


@pytest.mark.parametrize('reuse_features', [True, False])
def test_an_overflow_on_a_device_is_an_error_of_the_input(
        toy_root, model, tmp_path, monkeypatch, reuse_features):
    # The device is one without assertions, as most are.
    monkeypatch.setattr(torch.Tensor, 'is_cpu', property(lambda _: False))
    spoilt = copy.deepcopy(model)
    with torch.no_grad():
        next(spoilt.backbone.parameters()).fill_(torch.inf)
    with pytest.raises(InputError, match='finite features, got inf or nan'):
        counts_of(config(toy_root), spoilt, tmp_path,
                  reuse_features=reuse_features)
