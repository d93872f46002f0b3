"""Masks with 16 bits, against those of mmseg where both can read them."""
import numpy as np
import pytest
from mmseg.datasets.transforms import LoadAnnotations
from PIL import Image

from mmseg_panet.datasets.transforms import LoadWideAnnotations
from mmseg_panet.errors import InputError


def load(folder, ids, loader=LoadWideAnnotations, name='a.png', **info):
    # mmseg squeezes a mask of one row.
    Image.fromarray(np.array([ids, ids])).save(folder / name)
    info = dict(reduce_zero_label=False, label_map=None) | info
    results = loader()(dict(
        info, seg_map_path=str(folder / name), seg_fields=[]))
    assert results['seg_fields'] == ['gt_seg_map']
    labels = results['gt_seg_map']
    assert (labels[0] == labels[1]).all()
    return labels[0]


@pytest.mark.parametrize('name', ['a.png', 'a.tif'])
def test_ids_of_16_bits_are_kept(tmp_path, name):
    ids = np.array([0, 1, 255, 256, 40000, 65535], np.uint16)
    found = load(tmp_path, ids, name=name)
    assert found.dtype == np.uint16
    assert found.tolist() == ids.tolist()


def test_255_of_8_bits_is_ignored(tmp_path):
    found = load(tmp_path, np.array([0, 254, 255], np.uint8))
    assert found.dtype == np.uint16
    assert found.tolist() == [0, 254, 65535]


@pytest.mark.parametrize('info', [
    dict(), dict(reduce_zero_label=True),
    dict(label_map={0: 255, 1: 0, 2: 1}),
    dict(reduce_zero_label=True, label_map={0: 1, 1: 0, 2: 255})])
def test_a_mask_of_8_bits_is_mapped_as_by_mmseg(tmp_path, info):
    ids = np.array([0, 1, 2, 3, 255], np.uint8)
    expected = load(tmp_path, ids, LoadAnnotations, **info).astype(int)
    expected[expected == 255] = 65535
    assert load(tmp_path, ids, **info).tolist() == expected.tolist()


def test_ids_of_16_bits_are_mapped(tmp_path):
    ids = np.array([0, 1, 256, 300, 65535], np.uint16)
    assert load(tmp_path, ids, reduce_zero_label=True).tolist() == [
        65535, 0, 255, 299, 65535]
    swapped = {255: 300, 300: 255}
    assert load(tmp_path, ids, label_map=swapped).tolist() == [
        0, 1, 256, 255, 65535]
    # 255 is that of classes that are not selected.
    chosen = {1: 255, 256: 255, 300: 1}
    assert load(tmp_path, ids, label_map=chosen).tolist() == [
        0, 65535, 65535, 1, 65535]


def test_a_label_map_that_leaves_open_what_255_is_raises_an_error(tmp_path):
    with pytest.raises(InputError, match=r'classes \[1, 2\] at 255'):
        load(tmp_path, np.array([1], np.uint16),
             label_map={1: 255, 2: 255, 3: 256})


@pytest.mark.parametrize(('ids', 'got'), [
    (np.array([0, 70000], np.int32), '0..70000 of int32'),
    (np.array([0, 2.5], np.float32), '0.0..2.5 of float32')])
def test_values_that_are_no_ids_of_16_bits_raise_an_error(
        tmp_path, ids, got):
    with pytest.raises(InputError, match=f'has values {got}: expected ids'):
        load(tmp_path, ids, name='a.tif')
