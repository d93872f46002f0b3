import random
from functools import partial

import cv2
import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmseg.registry import TRANSFORMS
from PIL import Image

from mmseg_panet.datasets import EpisodicDataset
from mmseg_panet.datasets.toy.toy_image import render_toy_image
from mmseg_panet.datasets.transforms import LoadScribbles, ScribbleAnnotation
from mmseg_panet.datasets.transforms.scribble_annotation import scribble
from mmseg_panet.datasets.transforms.weak_annotation import annotate
from mmseg_panet.errors import InputError

SCRIBBLES = np.array([[255, 3, 255], [0, 255, 5]], np.uint8)


def rng():
    return np.random.default_rng(0)


def scribble_labels(labels, way, width, rng):
    return annotate(labels, way, partial(scribble, width=width), rng)


def labels_of(picture):
    """Parse labels: ``.`` is background, ``#`` 255, and a digit its way."""
    values = {'.': 0, '#': 255, '1': 1, '2': 2}
    return np.array(
        [[values[c] for c in row] for row in picture.split()], np.uint8)


def results(labels, **changes):
    return dict(
        gt_seg_map=labels, way=1, class_ids=[7], img_path='images/a.jpg',
    ) | changes


def pieces(region):
    return cv2.connectedComponents(region.astype(np.uint8))[0] - 1


# A path of up to three pixels is not cut.
@pytest.mark.parametrize(('mask', 'expected'), [
    # The corners are farthest apart, and the path includes the centre.
    ('111 111 111', '1## #1# ##1'),
    # Only the largest object and the largest background; none of way 2.
    ('111#.#1 ####.2# 1.###22', '111#.## ####.## #######'),
    ('1#.', '1#.'),
    ('11 1#', '#1 1#'),
    ('1', '1'),
    ('#..#', '#..#'),
    ('##2#', '####'),
])
def test_the_scribbles_of_small_masks(mask, expected):
    labels = scribble_labels(labels_of(mask), 1, 1, rng())
    assert (labels == labels_of(expected)).all()


@pytest.mark.parametrize(('shape', 'middle', 'least'), [
    # Of 21 pixels, at most a quarter is cut at either end.
    ((5, 21), 2, 11),
    # Of the 29 cells of 7 pixels along the bar, at least 15 are kept.
    ((20, 200), 9, 15 * 7),
])
def test_the_scribble_of_a_bar_is_along_its_middle(shape, middle, least):
    rows, columns = np.nonzero(scribble(np.ones(shape, bool), rng(), 1))
    assert set(rows) == {middle}
    assert len(columns) == np.ptp(columns) + 1 >= least
    assert 0 < columns[0] < columns[-1] < shape[1] - 1


def test_a_line_has_its_width_if_the_object_is_wide_enough():
    region = np.zeros((21, 41), bool)
    region[3:18, 2:39] = True
    found = scribble(region, rng(), 5)
    assert set(found[:, 18:23].sum(axis=0)) == {5}
    thin = np.zeros((5, 21), bool)
    thin[2] = True
    assert (scribble(thin, rng(), 5) <= thin).all()


def test_a_bent_object_is_followed():
    region = np.zeros((60, 60), bool)
    region[5:55, 5:15] = region[45:55, 5:55] = region[5:55, 45:55] = True
    found = scribble(region, rng(), 3)
    assert (found <= region).all()
    assert pieces(found) == 1
    assert found[:, 5:15].any()
    assert found[:, 45:55].any()


@pytest.mark.parametrize('size', [33, 64, 150])
@pytest.mark.parametrize('width', [1, 3, 8])
def test_scribbles_stay_in_their_regions_and_are_not_empty(size, width):
    for index in range(12):
        mask = render_toy_image(0, index, size)[1]
        way = index + 1  # the class in front of the image
        labels = scribble_labels(mask, way, width, rng())
        assert set(np.unique(labels)) == {0, way, 255}
        known = labels != 255
        assert (labels[known] == mask[known]).all()
        assert pieces(labels == way) == 1


def test_the_largest_object_gets_the_scribble():
    mask = np.zeros((20, 20), np.uint8)
    mask[2:5, 2:5] = mask[8:18, 8:18] = 1
    found = scribble_labels(mask, 1, 1, rng()) == 1
    assert found[8:18, 8:18].sum() == found.sum() > 0


def test_the_same_seed_image_and_class_give_the_same_scribble():
    mask = (render_toy_image(0, 3, 96)[1] == 4).astype(np.uint8)
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    one = ScribbleAnnotation()(results(mask))['gt_seg_map']
    random.seed(2)
    np.random.seed(2)
    torch.manual_seed(2)
    elsewhere = results(mask, img_path='other/place/a.jpg')
    assert (ScribbleAnnotation()(elsewhere)['gt_seg_map'] == one).all()
    # The image is identified by its id, and the class is the second way.
    second = results(
        2 * mask, image_id='a.jpg', img_path='b.jpg', way=2, class_ids=[5, 7])
    other = ScribbleAnnotation()(second)['gt_seg_map']
    assert ((other == 2) == (one == 1)).all()
    assert ((other == 0) == (one == 0)).all()


@pytest.mark.parametrize('changes', [
    [dict(image_id=f'{i}.jpg') for i in range(8)],
    [dict(class_ids=[i]) for i in range(8)],
    [dict(seed=i) for i in range(8)],
])
def test_another_seed_image_or_class_gives_another_scribble(changes):
    mask = (render_toy_image(0, 3, 96)[1] == 4).astype(np.uint8)
    found = set()
    for change in changes:
        transform = ScribbleAnnotation(seed=change.pop('seed', 0))
        found.add(transform(results(mask, **change))['gt_seg_map'].tobytes())
    assert len(found) > 4


def test_a_class_has_the_same_marks_in_all_episodes(toy_root):
    load = [
        dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
        dict(type='EpisodeLabels')]
    pack = dict(type='PackEpisodeInputs')
    seen, again = {}, 0
    for num_ways in (1, 2):
        masks, scribbles = (
            EpisodicDataset(
                dict(type='ToyDataset', data_root=str(toy_root)), pipeline,
                pipeline, num_episodes=30, num_ways=num_ways, folds='toy-3i',
                split='novel')
            for pipeline in (
                [*load, pack], [*load, dict(type='ScribbleAnnotation'), pack]))
        for i in range(30):
            for item, expected in zip(scribbles[i], masks[i], strict=True):
                sample = item['data_samples']
                labels = sample.gt_sem_seg.data[0].numpy()
                mask = expected['data_samples'].gt_sem_seg.data[0].numpy()
                known = labels != 255
                assert (labels[known] == mask[known]).all()
                key = sample.img_path, sample.class_ids[sample.way - 1]
                region = labels == sample.way
                again += key in seen
                assert (seen.setdefault(key, region) == region).all()
    assert again > 20


@pytest.mark.parametrize(('settings', 'sentence'), [
    (dict(width=0), 'width of ScribbleAnnotation of 1 or more pixels, got 0'),
    (dict(width=2.5), 'expected width .* got 2.5'),
    (dict(seed=-1), 'expected seed of ScribbleAnnotation of 0 or more'),
])
def test_bad_settings_raise_an_error_at_construction(settings, sentence):
    with pytest.raises(InputError, match=sentence):
        ScribbleAnnotation(**settings)


def record(**changes):
    return dict(
        img_path='images/cat.jpg', seg_map_path='masks/cat.png',
        gt_seg_map=np.full((2, 3), 5, np.uint8), seg_fields=['gt_seg_map'],
        reduce_zero_label=False, label_map=None) | changes


def save(folder, picture, name='cat.png'):
    Image.fromarray(picture).save(folder / name)


def test_grey_values_are_class_ids(tmp_path):
    save(tmp_path, SCRIBBLES)
    loaded = LoadScribbles(tmp_path)(record())
    assert (loaded['gt_seg_map'] == SCRIBBLES).all()
    assert loaded['gt_seg_map'].dtype == np.uint8
    assert loaded['seg_map_path'] == 'masks/cat.png'


def test_palette_indices_are_class_ids(tmp_path):
    picture = Image.fromarray(SCRIBBLES)
    picture.putpalette(np.arange(768, dtype=np.uint8)[::-1].tobytes())
    picture.save(tmp_path / 'cat_scribble.png')
    loaded = LoadScribbles(str(tmp_path), suffix='_scribble.png')(record())
    assert (loaded['gt_seg_map'] == SCRIBBLES).all()


def test_scribbles_of_16_bits_belong_to_masks_of_16_bits(tmp_path):
    ids = np.array([[65535, 255, 300], [0, 65535, 65535]], np.uint16)
    save(tmp_path, ids)
    loaded = LoadScribbles(tmp_path)(
        record(gt_seg_map=np.full((2, 3), 300, np.uint16)))
    assert loaded['gt_seg_map'].dtype == np.uint16
    assert (loaded['gt_seg_map'] == ids).all()


def test_labels_are_mapped_like_those_of_the_masks(tmp_path):
    save(tmp_path, SCRIBBLES)
    reduced = LoadScribbles(tmp_path)(record(reduce_zero_label=True))
    assert reduced['gt_seg_map'].tolist() == [[255, 2, 255], [255, 255, 4]]
    chosen = LoadScribbles(tmp_path)(record(label_map={0: 0, 3: 255, 5: 1}))
    assert chosen['gt_seg_map'].tolist() == [[255, 255, 255], [0, 255, 1]]


def test_scribbles_are_flipped_once_like_their_image(tmp_path):
    save(tmp_path, SCRIBBLES)
    flip = TRANSFORMS.build(dict(type='RandomFlip', prob=1.0))
    loaded = Compose([LoadScribbles(tmp_path), flip])(
        record(img=np.zeros((2, 3, 3), np.uint8)))
    assert (loaded['gt_seg_map'] == SCRIBBLES[:, ::-1]).all()


@pytest.mark.parametrize(('picture', 'sentence'), [
    (SCRIBBLES[:, :2], r'cat\.png to be .* of 3x2 pixels as images/cat\.jpg, '
     'got mode L of 2x2; save them in the size of the image'),
    (np.zeros((2, 3, 3), np.uint8), r'cat\.png .* got mode RGB of 3x2'),
    (SCRIBBLES.astype(np.uint16), r'cat\.png .* got mode I;16.* of 3x2'),
])
def test_an_invalid_scribble_file_is_named(tmp_path, picture, sentence):
    save(tmp_path, picture)
    with pytest.raises(InputError, match=sentence):
        LoadScribbles(tmp_path)(record())


def test_a_missing_or_broken_file_is_named(tmp_path):
    with pytest.raises(
            InputError, match=r'scribbles .*cat\.png of images/cat\.jpg cann'):
        LoadScribbles(tmp_path)(record())
    (tmp_path / 'cat.png').write_bytes(b'no picture')
    with pytest.raises(InputError, match=r'cat\.png of .* cannot be read'):
        LoadScribbles(tmp_path)(record())


def test_episodes_have_the_scribbles_of_the_user(toy_root, tmp_path):
    for path in (toy_root / 'SegmentationClass').iterdir():
        scribbles = np.array(Image.open(path))
        scribbles[::2] = 255
        save(tmp_path, scribbles, path.name)
    load = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')]
    finish = [dict(type='EpisodeLabels'), dict(type='PackEpisodeInputs')]
    data = EpisodicDataset(
        dict(type='ToyDataset', data_root=str(toy_root)),
        [*load, dict(type='LoadScribbles', scribble_dir=str(tmp_path)),
         *finish],
        [*load, *finish], num_episodes=5, folds='toy-3i', split='novel')
    for i in range(5):
        sample = data[i][0]['data_samples']
        stem = sample.img_path.rsplit('/', 1)[1][:-4]
        given = np.array(Image.open(tmp_path / f'{stem}.png'))
        labels = sample.gt_sem_seg.data[0].numpy()
        assert ((labels == 255) == (given == 255)).all()
        assert ((labels == 1) == (given == sample.class_ids[0])).all()
