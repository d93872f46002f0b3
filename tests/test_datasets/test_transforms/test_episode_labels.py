import numpy as np
import pytest

from mmseg_panet.datasets.transforms import EpisodeLabels, PadLabelsToSquare
from mmseg_panet.errors import InputError


def test_classes_become_ways_in_order_and_all_others_background():
    labels = np.array([[0, 4, 7], [255, 3, 4]], np.uint8)
    results = EpisodeLabels()(dict(gt_seg_map=labels, class_ids=[7, 4]))
    assert results['gt_seg_map'].tolist() == [[0, 2, 1], [255, 0, 2]]
    assert results['gt_seg_map'].dtype == np.uint8


def test_class_0_may_be_a_way():
    labels = np.array([[0, 1, 255]], np.uint8)
    results = EpisodeLabels()(dict(gt_seg_map=labels, class_ids=[0]))
    assert results['gt_seg_map'].tolist() == [[1, 0, 255]]


def test_void_may_be_background_and_classes_may_be_ignored():
    labels = np.array([[0, 1, 2, 255]], np.uint8)
    results = EpisodeLabels(void='background')(
        dict(gt_seg_map=labels, class_ids=[1], ignored_ids=[2]))
    assert results['gt_seg_map'].tolist() == [[0, 1, 255, 0]]
    with pytest.raises(InputError, match="void must be one of .*got 'no'"):
        EpisodeLabels(void='no')


def test_ids_beyond_8_bits_are_classes_and_255_is_not():
    labels = np.array([[0, 254, 255, 256, 999]], np.int16)
    results = EpisodeLabels()(dict(
        gt_seg_map=labels, class_ids=[999, 256], num_classes=1000))
    assert results['gt_seg_map'].tolist() == [[0, 0, 255, 2, 1]]


def test_in_16_bits_255_is_a_class_and_65535_is_ignored():
    labels = np.array([[0, 254, 255, 299, 65535]], np.uint16)
    for void, expected in (('ignore', 255), ('background', 0)):
        results = EpisodeLabels(void=void)(dict(
            gt_seg_map=labels, class_ids=[255, 299], num_classes=300,
            ignored_ids=[254]))
        assert results['gt_seg_map'].tolist() == [[0, 255, 1, 2, expected]]
        assert results['gt_seg_map'].dtype == np.uint8
    with pytest.raises(InputError, match=r'0\.\.298 and 65535 .* got 299'):
        EpisodeLabels()(dict(
            gt_seg_map=labels, class_ids=[1], num_classes=299))


def test_an_image_has_254_ways_at_most():
    labels = np.array([[253, 254]], np.uint16)
    settings = dict(gt_seg_map=labels, num_classes=300)
    results = EpisodeLabels()(dict(settings, class_ids=range(1, 255)))
    assert results['gt_seg_map'].tolist() == [[253, 254]]
    with pytest.raises(InputError, match='at most 254 classes .* got 255'):
        EpisodeLabels()(dict(settings, class_ids=range(1, 256)))


def test_an_id_of_no_class_is_named():
    labels = np.array([[0, 5, 255]], np.uint8)
    with pytest.raises(InputError, match=r'0\.\.4 and 255 .* of a.jpg, got 5'):
        EpisodeLabels()(dict(
            gt_seg_map=labels, class_ids=[1], num_classes=5,
            img_path='a.jpg'))


def test_the_region_of_the_way_grows_over_all_others():
    labels = np.zeros((5, 5), np.uint8)
    labels[2, 2], labels[2, 3] = 7, 8
    results = EpisodeLabels()(dict(
        gt_seg_map=labels, class_ids=[8, 7], way=2, grow=1))
    expected = np.zeros((5, 5), int)
    expected[1:4, 1:4] = 2
    assert results['gt_seg_map'].tolist() == expected.tolist()


def test_labels_are_padded_to_a_square_of_ignored_pixels():
    for shape in ((2, 3), (3, 2)):
        results = PadLabelsToSquare()(
            dict(gt_seg_map=np.ones(shape, np.uint8)))
        expected = np.full((3, 3), 255)
        expected[:shape[0], :shape[1]] = 1
        assert results['gt_seg_map'].tolist() == expected.tolist()
