import numpy as np
import pytest

from mmseg_panet.datasets import EpisodicDataset
from mmseg_panet.datasets.transforms import BoxAnnotation
from mmseg_panet.datasets.transforms.box_annotation import (
    box_labels,
    rasterize_boxes,
)


def labels_of(picture):
    """``.`` background, ``#`` 255, a digit its way."""
    values = {'.': 0, '#': 255, '1': 1, '2': 2, '3': 3}
    return np.array(
        [[values[c] for c in row] for row in picture.split()], np.uint8)


@pytest.mark.parametrize(('mask', 'expected'), [
    # Neighbours across a corner are one object; a smaller object of the way
    # and those of other ways are unknown; ignored stays ignored.
    ("""
     .........
     .1.....1.
     ..1......
     .....22..
     .#...2...
     """, """
     .........
     .11....#.
     .11......
     .....##..
     .#...##..
     """),
    # Four pixels are more than three, whatever their boxes.
    ("""
     1...11
     .1..11
     ..1...
     """, """
     ###.11
     ###.11
     ###...
     """),
    # The own box wins over the boxes that it meets, and over all inside it.
    ("""
     2222..
     2112..
     21#2.1
     2.1...
     """, """
     ####..
     #11#..
     #11#.#
     #11#..
     """),
    ("""
     .....
     ..1..
     """, """
     .....
     ..1..
     """),
    ('111 111', '111 111'),
    # Without an object of the way nothing is foreground.
    ('..3. .#3.', '..#. .##.'),
])
def test_the_box_of_the_largest_object_is_foreground(mask, expected):
    assert (box_labels(labels_of(mask), 1) == labels_of(expected)).all()


def test_in_an_n_way_episode_the_support_keeps_its_own_way():
    results = dict(gt_seg_map=labels_of('1..2. 1..22'), way=2)
    labels = BoxAnnotation()(results)['gt_seg_map']
    assert (labels == labels_of('#..22 #..22')).all()
    assert labels.dtype == np.uint8


def test_the_mask_given_is_left_alone():
    mask = labels_of('1. .1')
    box_labels(mask, 1)
    assert (mask == labels_of('1. .1')).all()


def test_boxes_are_rasterized_from_arrays():
    boxes = np.array([[1, 0, 2, 2], [0, 0, 2, 1]])
    labels = rasterize_boxes(
        np.zeros((3, 4), np.uint8), 2, boxes, [[3, 2, 1, 1]])
    assert (labels == labels_of('#22. .22. ...#')).all()


def test_supports_of_an_episode_are_boxes(toy_root):
    load = [
        dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
        dict(type='EpisodeLabels')]
    pack = dict(type='PackEpisodeInputs')
    data = EpisodicDataset(
        dict(type='ToyDataset', data_root=str(toy_root)),
        [*load, dict(type='BoxAnnotation'), pack], [*load, pack],
        num_episodes=5, num_ways=2, folds='toy-3i', split='base')
    for i in range(5):
        for item in data[i][:2]:
            sample = item['data_samples']
            own = sample.gt_sem_seg.data[0].numpy() == sample.way
            rows, columns = np.nonzero(own)
            assert own[rows.min():rows.max() + 1,
                       columns.min():columns.max() + 1].all()
