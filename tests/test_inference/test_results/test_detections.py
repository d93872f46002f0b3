import sys

import numpy as np
import pytest

from mmseg_panet.errors import InputError
from mmseg_panet.inference.images.image_list import ImageItem
from mmseg_panet.inference.results.detections import detections
from mmseg_panet.inference.results.segmented_image import SegmentedImage

LABELS = np.array([[2, 2, 0], [0, 0, 255], [0, 0, 1]], np.uint8)
CONFIDENCE = np.array([[0.5, 1, 0], [0, 0, 0], [0, 0, 0.25]], np.float32)


def segmented(labels=LABELS, confidence=CONFIDENCE):
    return SegmentedImage(ImageItem('a', 'a.png'), labels, confidence)


@pytest.fixture
def supervision():
    """The package, whose own checks run when detections are made."""
    return pytest.importorskip('supervision')


def test_detections_have_boxes_masks_classes_and_confidences(supervision):
    found = detections(segmented(), ('cat', 'Köter'), 1)
    assert found.xyxy.tolist() == [[0, 0, 2, 1], [2, 2, 3, 3]]
    assert found.xyxy.dtype == np.float32
    np.testing.assert_array_equal(found.mask, [LABELS == 2, LABELS == 1])
    assert found.class_id.tolist() == [1, 0]
    assert found.confidence.tolist() == [0.75, 0.25]
    assert found.data['class_name'].tolist() == ['Köter', 'cat']


def test_small_objects_and_missing_confidences_are_left_out(supervision):
    found = detections(segmented(confidence=None), ('cat', 'Köter'), 2)
    assert found.class_id.tolist() == [1]
    assert found.confidence is None


def test_an_image_without_objects_has_detections_of_none(supervision):
    found = detections(segmented(np.zeros((3, 3), np.uint8)), ('a', 'b'), 1)
    assert found.xyxy.shape == (0, 4)
    assert found.mask.shape == (0, 3, 3)
    assert found.class_id.shape == (0,)
    assert found.data['class_name'].shape == (0,)


def test_without_the_package_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, 'supervision', None)
    with pytest.raises(InputError, match='pip install supervision'):
        detections(segmented(), ('a', 'b'), 1)
