import numpy as np
import pytest

from mmseg_panet.datasets.transforms import PackEpisodeInputs
from mmseg_panet.errors import InputError


def results(labels):
    return dict(
        img=np.zeros((1, 3, 3), np.uint8), gt_seg_map=np.array(labels),
        img_path='a.jpg', seg_map_path='a.png', ori_shape=(1, 3),
        run=0, episode=5, role='support', way=1, shot=0, class_ids=[7],
        class_names=['cat'])


def test_a_sample_has_its_role_and_the_keys_of_mmseg():
    sample = PackEpisodeInputs()(results([[0, 1, 255]]))['data_samples']
    assert sample.role == 'support'
    assert (sample.episode, sample.way, sample.shot) == (5, 1, 0)
    assert (sample.class_ids, sample.class_names) == ([7], ['cat'])
    assert (sample.img_path, sample.ori_shape) == ('a.jpg', (1, 3))
    assert sample.gt_sem_seg.data.tolist() == [[[0, 1, 255]]]


def test_invalid_labels_raise_an_error_with_the_remedy():
    with pytest.raises(InputError, match='0..1 and 255 in a.png, got 7; put'):
        PackEpisodeInputs()(results([[0, 7, 255]]))
