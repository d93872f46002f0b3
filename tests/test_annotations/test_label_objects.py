import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco

from mmseg_panet.annotations.label_objects import label_objects
from mmseg_panet.errors import InputError

LABELS = np.array([
    [1, 1, 0, 2, 255],
    [0, 0, 1, 2, 255],
    [3, 0, 0, 0, 1]], np.uint8)


def test_objects_are_the_components_of_each_class_the_largest_first():
    found = label_objects(LABELS)
    # (2, 1) touches (1, 0) with a corner; (4, 2) touches no other 1.
    assert [(one.label, one.box, one.area) for one in found] == [
        (1, (0, 0, 3, 2), 3), (2, (3, 0, 1, 2), 2), (1, (4, 2, 1, 1), 1),
        (3, (0, 2, 1, 1), 1)]
    np.testing.assert_array_equal(
        found[0].mask, [[True, True, False], [False, False, True]])
    assert found[0].pixels(np.arange(15).reshape(3, 5)).tolist() == [0, 1, 7]


@pytest.mark.parametrize(('min_area', 'areas'), [
    (0, [3, 2, 1, 1]), (1, [3, 2, 1, 1]), (2, [3, 2]), (2.5, [3]), (4, []),
    (0.1, [3, 2]), (0.2, [3]), (0.21, [])])
def test_smaller_objects_are_left_out(min_area, areas):
    assert [one.area for one in label_objects(LABELS, min_area)] == areas


@pytest.mark.parametrize('min_area', [-1, '2', None, float('nan'), True])
def test_a_wrong_area_is_an_error(min_area):
    with pytest.raises(InputError, match='expected min_area as a number'):
        label_objects(LABELS, min_area)


def test_300_classes_and_undecided_pixels_of_16_bits():
    labels = np.arange(300, dtype=np.uint16).reshape(15, 20)
    labels[0, :2] = 65535
    found = label_objects(labels)
    assert [one.label for one in found] == [*range(2, 300)]
    assert all(one.box == (one.label % 20, one.label // 20, 1, 1)
               for one in found)


@pytest.mark.parametrize('value', [0, 255])
def test_an_image_without_objects_has_none(value):
    assert label_objects(np.full((4, 5), value, np.uint8)) == []


@settings(max_examples=100, deadline=None)
@given(arrays.arrays(np.uint8, st.tuples(
    st.integers(1, 7), st.integers(1, 7)), elements=st.integers(0, 2)))
def test_runs_are_those_of_pycocotools_and_no_pixel_is_lost(labels):
    seen = np.zeros_like(labels)
    for one in label_objects(labels):
        x, y, width, height = one.box
        alone = np.zeros_like(labels)
        alone[y:y + height, x:x + width] = one.mask
        expected = coco.encode(np.asfortranarray(alone))
        assert one.runs(labels.shape) == dict(
            size=list(labels.shape), counts=expected['counts'].decode())
        assert coco.toBbox(expected).tolist() == list(one.box)
        seen += alone * one.label
    np.testing.assert_array_equal(seen, labels)
