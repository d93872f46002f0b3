from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from mmseg_panet.datasets import ClassIndex
from mmseg_panet.datasets.episode_rules import (
    EpisodeRules,
    choose_pool,
    images_showing,
)
from mmseg_panet.errors import InputError

FOLDS = [['cat', 'dog'], ['car']]
CLASSES = ['background', 'cat', 'dog', 'car']
# Pixels of background, cat, dog and car in four images of 10 pixels.
INDEX = ClassIndex(
    np.array([[9, 1, 0, 0], [0, 5, 5, 0], [0, 0, 4, 6], [10, 0, 0, 0]]),
    np.full(4, 10))


def rules(**changes):
    settings = dict(
        protocol='mine', pool='val', folds=FOLDS, fold=1, split='base',
        classes=None, num_ways=1, num_shots=2, num_queries=1, num_runs=2,
        num_episodes=5, episodes_seed=7, sampling='class_first',
        repeat_supports=False, min_area=1, novel_pixels='background')
    return EpisodeRules.from_settings(**settings | changes)


def test_the_header_has_every_rule_in_the_order_of_the_manifests():
    assert list(rules().header()) == [
        'protocol', 'dataset', 'pool', 'folds', 'fold', 'split', 'classes',
        'class_ids', 'num_ways', 'num_shots', 'num_queries', 'num_runs',
        'num_episodes', 'seeds', 'sampling', 'repeat_supports', 'min_area',
        'num_images', 'index_sha256']
    assert rules().header()['seeds'] == [7, 8]
    assert rules().header()['classes'] == ['cat', 'dog']


def test_rules_are_restored_from_their_header():
    assert EpisodeRules.from_header(rules().header()) == rules()
    with pytest.raises(ValueError, match=r"it lacks \['min_area', 'seeds'\]"):
        EpisodeRules.from_header({
            name: rule for name, rule in rules().header().items()
            if name not in ('seeds', 'min_area')})
    with pytest.raises(InputError, match='expected num_shots of 1 or more'):
        EpisodeRules.from_header(rules().header() | dict(num_shots=0))


def test_rules_are_immutable():
    with pytest.raises(FrozenInstanceError):
        rules().num_shots = 5


def test_folds_are_recorded_only_with_a_split():
    named = rules(classes=('dog',), split=None)
    assert (named.folds, named.fold, named.split) == (None, None, None)
    assert named.novel_classes == [] and named.in_all_folds() == [named]


def test_the_rules_of_all_folds_differ_by_fold_and_classes():
    first, second = rules().in_all_folds()
    assert second == rules()
    assert first == replace(rules(), fold=0, classes=['car'])
    assert first.novel_classes == ['cat', 'dog']
    assert second.novel_classes == ['car']


def test_a_class_that_is_alone_in_the_folds_is_not_held_out():
    alone = rules(folds=[['cat'], []], fold=0)
    assert alone.novel_classes == []
    assert [list(one.classes) for one in alone.in_all_folds()] == [
        ['cat'], ['cat']]


def test_all_stands_for_the_classes_except_the_background():
    everything = rules(
        classes='all', folds=None, split=None, novel_pixels='drop')
    named = everything.named([*CLASSES, '(ignored)', 'bus'])
    assert named.classes == ['cat', 'dog', 'car', 'bus']
    assert named.novel_pixels == 'background'


@pytest.mark.parametrize(('changes', 'expected'), [
    (dict(), dict(cat=[0, 1], dog=[1, 2])),
    (dict(novel_pixels='drop'), dict(cat=[0, 1], dog=[1])),
    (dict(novel_pixels='ignore'), dict(cat=[0, 1], dog=[1, 2])),
    (dict(fold=0, novel_pixels='drop'), dict(car=[])),
    (dict(folds=[['cat'], ['car', 'bus']], fold=0), dict(car=[2])),
])
def test_images_of_a_class_show_it_and_are_not_excluded(changes, expected):
    found = rules(**changes).images_of(CLASSES, INDEX, 1)
    assert {name: images.tolist() for name, images in found.items()} == (
        expected)


@pytest.mark.parametrize(('area', 'expected', 'words'), [
    (5, [1], '5 pixels'), (0.05, [0, 1], '5.0% of the image'),
    (0.2, [1], '20.0% of the image')])
def test_an_area_is_in_pixels_or_a_fraction(area, expected, words):
    one = rules(min_area=area)
    found = one.images_of(CLASSES, INDEX, one.min_area)
    assert found['cat'].tolist() == expected
    assert one.least_area == words


def test_repeated_supports_need_one_image_for_all_shots():
    assert rules(num_shots=4, num_queries=2).images_needed == 6
    assert rules(
        num_shots=4, num_queries=2, repeat_supports=True).images_needed == 3
    assert rules().needs == 'num_shots=2 and num_queries=1 need 3'


def test_one_pixel_of_a_class_is_enough_to_show_it():
    assert images_showing(['cat', 'car'], CLASSES, INDEX).tolist() == [
        0, 1, 2]
    assert images_showing(['unicorn'], CLASSES, INDEX).tolist() == []
    assert images_showing([], CLASSES, INDEX).tolist() == []


def test_a_pool_is_selected_if_no_data_set_is_given():
    pools = dict(train=dict(type='A'), val=dict(type='B'))
    assert choose_pool(None, pools, 'val') == dict(type='B')
    assert choose_pool(dict(type='C'), pools, 'val') == dict(type='C')
    with pytest.raises(InputError, match=(
            r"got dataset=None, pools=\['train', 'val'\] and pool='test'")):
        choose_pool(None, pools, 'test')


@pytest.mark.parametrize(('changes', 'sentence'), [
    (dict(num_ways=0), 'expected num_ways of 1 or more, got 0'),
    (dict(num_queries=1.0), 'expected num_queries of 1 or more, got 1.0'),
    (dict(num_runs=True), 'expected num_runs of 1 or more, got True'),
    (dict(num_episodes='9'), "expected num_episodes of 1 or more, got '9'"),
    (dict(episodes_seed='1'), "expected episodes_seed of 0 or more, got '1'"),
    (dict(min_area=0),
     'expected min_area above 0, in pixels or as a fraction, got 0'),
    (dict(min_area='1'), "as a fraction, got '1'"),
    (dict(min_area=float('inf')), 'as a fraction, got inf'),
    (dict(num_ways=255), 'expected num_ways of 254 or less, got 255'),
    (dict(num_runs=10_001), 'expected num_runs of 10000 or less, got 10001'),
    (dict(sampling='any'), 'sampling must be one of'),
    (dict(repeat_supports=1), 'expected repeat_supports of True or False'),
    (dict(novel_pixels='dorp'), 'novel_pixels must be one of'),
    (dict(novel_pixels='drop', split='novel'),
     "novel_pixels='drop' is for episodes of base classes of folds, got "
     r"folds=\[\['cat', 'dog'\], \['car'\]\] and split='novel'"),
    (dict(classes=['cat']), 'expected either classes, or folds with fold'),
    (dict(split=None), 'expected either classes, or folds with fold'),
    (dict(split='test'), "expected split 'base', 'novel' or 'all'"),
    (dict(fold=2), r'fold 2 does not exist: expected 0\.\.1'),
])
def test_a_rule_out_of_range_raises_an_input_error(changes, sentence):
    with pytest.raises(InputError, match=sentence):
        rules(**changes)


def test_every_run_requires_a_seed():
    with pytest.raises(InputError, match='a seed for each of 3 runs'):
        replace(rules(), num_runs=3)


def test_the_largest_numbers_are_allowed():
    assert rules(num_shots=10_000, num_runs=10_000).num_shots == 10_000
