"""Tests that can reuse features, and the reasons of those that cannot."""

import pytest
from mmengine.config import Config
from mmseg.registry import MODELS

from mmseg_panet.config.bundled_configs import find_config
from mmseg_panet.datasets import EpisodicDataset
from mmseg_panet.datasets.transforms import BoxAnnotation
from mmseg_panet.engine.image_reuse import depends_on_class, obstacle_to_reuse
from mmseg_panet.evaluation import FewShotIoUMetric
from mmseg_panet.models import FewShotSegmentor, PANetHead

CONFIG = find_config('panet_r18-d8_1xb4-800iters_toy3i-128x128')


class Renamed(EpisodicDataset):
    """A data set that looks different, but gives the same episodes."""

    def __repr__(self):
        return 'renamed'

    @property
    def metainfo(self):
        return super().metainfo | dict(author='somebody')


class Relabelled(FewShotIoUMetric):
    """A metric that prints differently, but counts the same."""

    default_prefix = 'mine'

    def __repr__(self):
        return 'relabelled'


@pytest.fixture(scope='module')
def cfg(toy_root):
    cfg = Config.fromfile(CONFIG)
    cfg.model.backbone.update(base_channels=8, stem_channels=8)
    cfg.model.decode_head.in_channels = 32
    for pool in cfg.test_dataloader.dataset.pools.values():
        pool.data_root = str(toy_root)
    cfg.test_dataloader.dataset.update(num_episodes=3, min_area=1)
    return cfg


@pytest.fixture(scope='module')
def obstacle(cfg):
    """Return a function that finds the obstacle of a test."""
    plain = MODELS.build(cfg.model)

    def run(dataset=EpisodicDataset, metrics=(FewShotIoUMetric,), extra=(),
            model=plain):
        settings = dict(cfg.test_dataloader.dataset)
        settings.pop('type')
        data = dataset(**settings)
        data.support_pipeline.transforms[3:3] = extra
        return obstacle_to_reuse(
            model, data, [metric() for metric in metrics], [])

    return run


def test_subclasses_with_the_same_results_are_tested_by_images(
        obstacle):
    assert obstacle() is None
    assert obstacle(Renamed, [Relabelled]) is None


@pytest.mark.parametrize('name', [
    '__getitem__', '__getitems__', '__len__', 'episode', 'labelled_image',
    '_load'])
def test_a_data_set_that_gives_other_items_is_refused(obstacle, name):
    other = type('Mine', (EpisodicDataset,), {name: lambda self, *_: None})
    assert obstacle(other) == f'the data set is a Mine that overrides {name}'


@pytest.mark.parametrize('name', ['process', 'compute_metrics'])
def test_a_metric_that_counts_differently_is_refused(obstacle, name):
    other = type('Mine', (FewShotIoUMetric,), {name: lambda self, *_: None})
    assert obstacle(metrics=[other]) == (
        f"the evaluator has ['Mine that overrides {name}'], not one "
        'FewShotIoUMetric')


def test_two_metrics_are_refused(obstacle):
    assert obstacle(metrics=[FewShotIoUMetric, Relabelled]) == (
        "the evaluator has ['FewShotIoUMetric', 'FewShotIoUMetric'], not "
        'one FewShotIoUMetric')


def test_another_data_set_is_refused():
    assert obstacle_to_reuse(None, [1, 2], [], []) == (
        'the data set is a list')


def test_a_subclass_of_a_transform_inherits_its_dependence(obstacle):
    class Tighter(BoxAnnotation):
        pass

    class Shaken(BoxAnnotation):
        depends_on = 'chance'

    assert obstacle(extra=[Tighter()]) is None
    assert obstacle(extra=[Shaken()]) == (
        'Shaken of support_pipeline may differ from episode to episode')


def test_labels_depend_on_the_class_if_a_transform_does(cfg):
    settings = dict(cfg.test_dataloader.dataset)
    settings.pop('type')
    data = EpisodicDataset(**settings)
    assert not depends_on_class(data)
    data.support_pipeline.transforms.insert(3, BoxAnnotation())
    assert depends_on_class(data)


class Louder(PANetHead):
    """A head that overrides a method that every test calls."""

    def match(self, features, fitted):
        return 2 * super().match(features, fitted)


class Other(PANetHead):
    """A head that overrides a method that a test by images does not call."""

    def match_episodes(self, *episodes):
        return 2 * super().match_episodes(*episodes)


class Fits(PANetHead):
    """A head that fits its classes differently."""

    def fit_classes(self, supports, shots):
        return super().fit_classes(supports, shots)


class Predicts(FewShotSegmentor):
    def predict(self, *batch):
        return super().predict(*batch)


def test_a_head_that_matches_differently_is_tested_by_images(obstacle, cfg):
    model = MODELS.build(cfg.model)
    for kind, words in (
            (Louder, None), (Other, 'Other that overrides match_episodes'),
            (Fits, 'Fits that overrides fit_classes')):
        model.decode_head = kind(32)
        found = obstacle(model=model)
        assert found is None if words is None else words in found
    model.decode_head = PANetHead(32)
    model.__class__ = Predicts
    assert 'Predicts that overrides predict' in obstacle(model=model)
