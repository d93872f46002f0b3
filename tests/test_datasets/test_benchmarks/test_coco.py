import numpy as np
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_panet.datasets.benchmarks.coco import COCO_CLASSES


def test_the_classes_are_the_eighty_in_the_order_of_their_ids():
    assert len(set(COCO_CLASSES)) == 80
    # The ids have gaps: 13 comes after 11, and the eightieth is 90.
    assert [COCO_CLASSES[i] for i in (0, 10, 11, 79)] == [
        'person', 'fire hydrant', 'stop sign', 'toothbrush']


def test_label_i_is_the_class_i_and_zero_background(tmp_path):
    labels = np.array([[0, 1, 80], [255, 12, 0]], np.uint8)
    for folder in ('train2014', 'masks'):
        (tmp_path / folder).mkdir()
    Image.fromarray(np.zeros((2, 3, 3), np.uint8)).save(
        tmp_path / 'train2014/COCO_train2014_000000000009.jpg')
    Image.fromarray(labels).save(
        tmp_path / 'masks/COCO_train2014_000000000009.png')
    dataset = DATASETS.build(dict(
        type='COCO20iDataset', data_root=str(tmp_path),
        data_prefix=dict(img_path='train2014', seg_map_path='masks')))
    loaded = LoadAnnotations()(dataset.get_data_info(0))['gt_seg_map']
    np.testing.assert_array_equal(loaded, labels)
    classes = dataset.metainfo['classes']
    assert [classes[i] for i in (0, 1, 80, 12)] == [
        'background', 'person', 'toothbrush', 'stop sign']
    assert len(dataset.metainfo['palette']) == 81
