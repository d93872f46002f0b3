import random
from functools import partial

import numpy as np
import pytest
import torch

from mmseg_panet.datasets import EpisodicDataset
from mmseg_panet.datasets.toy.toy_image import render_toy_image
from mmseg_panet.datasets.transforms import PointAnnotation
from mmseg_panet.datasets.transforms.point_annotation import point
from mmseg_panet.datasets.transforms.weak_annotation import annotate
from mmseg_panet.errors import InputError


def rng():
    return np.random.default_rng(0)


def point_labels(labels, way, radius, rng):
    return annotate(labels, way, partial(point, radius=radius), rng)


def labels_of(picture):
    """``.`` background, ``#`` 255, a digit its way."""
    values = {'.': 0, '#': 255, '1': 1, '2': 2}
    return np.array(
        [[values[c] for c in row] for row in picture.split()], np.uint8)


def results(labels, **changes):
    return dict(
        gt_seg_map=labels, way=1, class_ids=[7], img_path='images/a.jpg',
    ) | changes


@pytest.mark.parametrize(('mask', 'expected'), [
    ('1#.', '1#.'),
    ('1', '1'),
    ('#.#', '#.#'),
    ('##2', '###'),
    # The disc covers the row, but not other objects and components.
    ('111#1#...#2#.', '111###...####'),
])
def test_the_points_of_small_masks(mask, expected):
    labels = point_labels(labels_of(mask), 1, 3, rng())
    assert (labels == labels_of(expected)).all()


def test_a_point_is_deep_inside_its_object():
    region = np.zeros((40, 40), bool)
    region[5:36, 4:35] = True  # 31x31: the centre is 16 deep
    for seed in range(20):
        y, x = np.argwhere(point(region, np.random.default_rng(seed), 0))[0]
        assert min(y - 4, 36 - y, x - 3, 35 - x) >= 8


def test_the_border_of_the_image_is_a_border_of_the_object():
    for seed in range(20):
        region = np.ones((31, 31), bool)
        y, x = np.argwhere(point(region, np.random.default_rng(seed), 0))[0]
        assert min(y, x, 30 - y, 30 - x) >= 7


def test_the_disc_is_clipped_to_the_object():
    region = np.zeros((9, 9), bool)
    region[4] = True
    found = point(region, rng(), 2)
    assert (found <= region).all()
    assert 3 <= found.sum() <= 5


def test_the_largest_object_gets_the_point():
    mask = np.zeros((20, 20), np.uint8)
    mask[2:5, 2:5] = mask[8:18, 8:18] = 1
    for seed in range(10):
        labels = point_labels(mask, 1, 3, np.random.default_rng(seed))
        assert (labels[8:18, 8:18] == 1).sum() == (labels == 1).sum() > 0


@pytest.mark.parametrize('radius', [0, 2.5, 10])
def test_points_stay_in_their_regions_and_are_not_empty(radius):
    for index in range(12):
        mask = render_toy_image(0, index, 64)[1]
        way = index + 1  # the class in front of the image
        labels = point_labels(mask, way, radius, rng())
        assert set(np.unique(labels)) == {0, way, 255}
        known = labels != 255
        assert (labels[known] == mask[known]).all()


def test_the_same_seed_image_and_class_give_the_same_point():
    mask = (render_toy_image(0, 3, 96)[1] == 4).astype(np.uint8)
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    one = PointAnnotation()(results(mask))['gt_seg_map']
    random.seed(2)
    np.random.seed(2)
    torch.manual_seed(2)
    second = results(
        2 * mask, image_id='a.jpg', img_path='b.jpg', way=2, class_ids=[5, 7])
    other = PointAnnotation()(second)['gt_seg_map']
    assert ((other == 2) == (one == 1)).all()
    assert ((other == 0) == (one == 0)).all()


@pytest.mark.parametrize('changes', [
    [dict(image_id=f'{i}.jpg') for i in range(8)],
    [dict(class_ids=[i]) for i in range(8)],
    [dict(seed=i) for i in range(8)],
])
def test_another_seed_image_or_class_gives_another_point(changes):
    mask = (render_toy_image(0, 3, 96)[1] == 4).astype(np.uint8)
    found = set()
    for change in changes:
        transform = PointAnnotation(seed=change.pop('seed', 0))
        found.add(transform(results(mask, **change))['gt_seg_map'].tobytes())
    assert len(found) > 4


def test_supports_of_an_episode_are_points_of_their_masks(toy_root):
    load = [
        dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
        dict(type='EpisodeLabels')]
    pack = dict(type='PackEpisodeInputs')
    masks, points = (
        EpisodicDataset(
            dict(type='ToyDataset', data_root=str(toy_root)), pipeline,
            pipeline, num_episodes=5, num_ways=2, folds='toy-3i',
            split='base')
        for pipeline in (
            [*load, pack],
            [*load, dict(type='PointAnnotation', radius=2), pack]))
    for i in range(5):
        for item, expected in zip(points[i], masks[i], strict=True):
            sample = item['data_samples']
            labels = sample.gt_sem_seg.data[0]
            mask = expected['data_samples'].gt_sem_seg.data[0]
            known = labels != 255
            assert (labels[known] == mask[known]).all()
            assert set(labels.unique().tolist()) == {0, sample.way, 255}
            # A disc of radius 2 has 13 pixels.
            assert known.sum() <= 26


@pytest.mark.parametrize(('settings', 'sentence'), [
    (dict(radius=-1), 'radius of PointAnnotation of 0 or more pixels, got -1'),
    (dict(radius=float('nan')), 'expected radius .* got nan'),
    (dict(seed='1'), "expected seed of PointAnnotation of 0 or more, got '1'"),
])
def test_bad_settings_raise_an_error_at_construction(settings, sentence):
    with pytest.raises(InputError, match=sentence):
        PointAnnotation(**settings)
