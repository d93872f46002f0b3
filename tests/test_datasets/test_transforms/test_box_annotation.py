import json

import numpy as np
import pytest

from mmseg_panet.datasets import TOY_CLASSES, EpisodicDataset
from mmseg_panet.datasets.transforms import BoxAnnotation, LoadBoxes
from mmseg_panet.datasets.transforms.box_annotation import (
    box_labels,
    rasterize_boxes,
)
from mmseg_panet.errors import InputError


def labels_of(picture):
    """Parse labels: ``.`` is background, ``#`` 255, and a digit its way."""
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
    # The box takes precedence over other boxes and over all labels in it.
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


def test_in_an_n_way_episode_the_support_keeps_its_way():
    results = dict(gt_seg_map=labels_of('1..2. 1..22'), way=2)
    labels = BoxAnnotation()(results)['gt_seg_map']
    assert (labels == labels_of('#..22 #..22')).all()
    assert labels.dtype == np.uint8


def test_the_given_mask_is_not_changed():
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
            region = sample.gt_sem_seg.data[0].numpy() == sample.way
            rows, columns = np.nonzero(region)
            assert region[rows.min():rows.max() + 1,
                          columns.min():columns.max() + 1].all()


def coco(boxes, images=('photos/a.jpg',)):
    """Build COCO's JSON of boxes (image, category, bbox, other keys)."""
    return dict(
        # Ids with gaps, as in COCO.
        categories=[dict(id=17, name='cat'), dict(id=90, name='dog')],
        images=[
            dict(id=i, file_name=name, height=4, width=6)
            for i, name in enumerate(images)],
        annotations=[
            dict(image_id=image, category_id=category, bbox=bbox) | other
            for image, category, bbox, other in boxes])


def write(folder, content):
    path = folder / 'boxes.json'
    path.write_text(json.dumps(content))
    return path


def results(**changes):
    return dict(
        img_path='elsewhere/a.jpg', gt_seg_map=np.full((4, 6), 255, np.uint8),
        way=2, class_names=['dog', 'cat']) | changes


def listed(picture):
    return labels_of(picture).tolist()


def test_the_largest_box_of_the_way_is_foreground(tmp_path):
    path = write(tmp_path, coco([
        (0, 17, [0, 0, 1, 1], {}),
        (0, 17, [2, 1, 3, 2], {}),
        (0, 90, [4, 0, 2, 2], {}),  # the way's box is in front
        (1, 17, [0, 0, 6, 4], {}),  # of another image
    ], images=('photos/a.jpg', 'photos/b.jpg')))
    labels = LoadBoxes(path)(results())['gt_seg_map']
    assert labels.tolist() == listed('#...## ..222# ..222. ......')
    assert labels.dtype == np.uint8


def test_ids_may_be_strings_and_annotations_need_no_ids(tmp_path):
    """Some tools write such files, with sizes as any type of number."""
    content = coco([('0', 17, [2, 1, 3, 2], dict(id=5)),
                    ('0', 17, [0, 0, 1, 1], dict(id=5))])
    content['images'] = [
        dict(id='0', file_name='a.jpg', height=4.0, width='6')]
    labels = LoadBoxes(write(tmp_path, content))(results())['gt_seg_map']
    assert labels.tolist() == listed('#..... ..222. ..222. ......')
    del content['categories'][0]['name']
    with pytest.raises(InputError, match=r'categories \[17\] have no name'):
        LoadBoxes(write(tmp_path, content))


def test_boxes_of_classes_outside_the_episode_are_background(tmp_path):
    path = write(tmp_path, coco([
        (0, 17, [0, 0, 1, 1], {}), (0, 90, [2, 1, 3, 2], {})]))
    labels = LoadBoxes(path)(results(way=1, class_names=['cat']))['gt_seg_map']
    assert labels.tolist() == listed('1..... ...... ...... ......')


def test_a_crowd_is_foreground_only_without_an_object(tmp_path):
    crowd = (0, 17, [0, 0, 6, 2], dict(iscrowd=1))
    path = write(tmp_path, coco([crowd, (0, 17, [1, 1, 2, 2], {})]))
    labels = LoadBoxes(path)(results())['gt_seg_map']
    assert labels.tolist() == listed('###### #22### .22... ......')
    path = write(tmp_path, coco([crowd]))
    labels = LoadBoxes(path)(results())['gt_seg_map']
    assert labels.tolist() == listed('222222 222222 ...... ......')


@pytest.mark.parametrize(('boxes', 'changes'), [
    ([(0, 90, [1, 1, 1, 1], {})], {}),
    ([(0, 17, [6, 0, 3, 3], {})], {}),  # right of the image
    ([(0, 17, [1, 1, 1, 1], {})], dict(img_path='elsewhere/unknown.jpg')),
])
def test_an_image_without_a_box_of_its_way_is_named(tmp_path, boxes, changes):
    path = write(tmp_path, coco(boxes))
    image = changes.get('img_path', 'elsewhere/a.jpg')
    with pytest.raises(
            InputError, match=f"{path} has no box of class 'cat' in {image}"):
        LoadBoxes(path)(results(**changes))


def test_boxes_after_a_resize_raise_an_error_with_the_remedy(tmp_path):
    path = write(tmp_path, coco([(0, 17, [1, 1, 1, 1], {})]))
    small = results(gt_seg_map=np.zeros((2, 3), np.uint8))
    with pytest.raises(
            InputError, match=r'width \(4, 6\), but it is loaded with \(2, 3\)'
            '; put LoadBoxes right after EpisodeLabels'):
        LoadBoxes(path)(small)


def test_images_with_the_same_file_name_raise_an_input_error(tmp_path):
    path = write(tmp_path, coco([], images=('cats/1.jpg', 'dogs/1.jpg')))
    with pytest.raises(
            InputError, match=r'more than one image with .* name 1\.jpg'):
        LoadBoxes(path)


@pytest.mark.parametrize('content', [
    '{"images": [',
    '[]',
    '{"images": [], "annotations": []}',
    json.dumps(coco([(0, 1, [0, 0, 1, 1], {})])),  # no such category
    json.dumps(coco([(7, 17, [0, 0, 1, 1], {})])),  # no such image
    json.dumps(coco([(0, 17, [0, 0, 1], {})])),
    json.dumps(coco([(0, 17, None, {})])),
    json.dumps(coco([(0, 17, [0, 0, float('nan'), 1], {})])),
])
def test_a_file_that_is_not_coco_json_is_named(tmp_path, content):
    path = tmp_path / 'boxes.json'
    path.write_text(content)
    with pytest.raises(
            InputError, match=f'{path} cannot be read as a COCO json of box'):
        LoadBoxes(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r'none\.json cannot be read'):
        LoadBoxes(tmp_path / 'none.json')


def test_episodes_have_the_boxes_of_the_user(toy_root, tmp_path):
    images = sorted((toy_root / 'JPEGImages').iterdir())
    path = write(tmp_path, dict(
        categories=[
            dict(id=i, name=name) for i, name in enumerate(TOY_CLASSES)],
        images=[
            dict(id=i, file_name=image.name, height=64, width=64)
            for i, image in enumerate(images)],
        annotations=[
            dict(image_id=i, category_id=k, bbox=[10, 20, 30 + k, 5])
            for i in range(len(images)) for k in range(12)]))
    load = [
        dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
        dict(type='EpisodeLabels')]
    pack = dict(type='PackEpisodeInputs')
    data = EpisodicDataset(
        dict(type='ToyDataset', data_root=str(toy_root)),
        [*load, dict(type='LoadBoxes', ann_file=str(path)), pack],
        [*load, pack], num_episodes=5, num_ways=2, folds='toy-3i',
        split='base')
    for i in range(5):
        for item in data[i][:2]:
            sample = item['data_samples']
            labels = sample.gt_sem_seg.data[0]
            widths = [30 + c - 1 for c in sample.class_ids]  # 0: background
            width = widths[sample.way - 1]
            expected = np.zeros((64, 64))
            expected[20:25, 10:10 + max(widths)] = 255
            expected[20:25, 10:10 + width] = sample.way
            assert (labels.numpy() == expected).all()
