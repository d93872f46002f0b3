import numpy as np

from mmseg_panet.datasets.transforms import EpisodeLabels


def test_classes_become_ways_in_order_and_all_others_background():
    labels = np.array([[0, 4, 7], [255, 3, 4]], np.uint8)
    results = EpisodeLabels()(dict(gt_seg_map=labels, class_ids=[7, 4]))
    assert results['gt_seg_map'].tolist() == [[0, 2, 1], [255, 0, 2]]
    assert results['gt_seg_map'].dtype == np.uint8


def test_class_0_may_be_a_way():
    labels = np.array([[0, 1, 255]], np.uint8)
    results = EpisodeLabels()(dict(gt_seg_map=labels, class_ids=[0]))
    assert results['gt_seg_map'].tolist() == [[1, 0, 255]]
