import numpy as np
import pytest

from mmseg_panet.annotations.label_type import (
    ignored_label,
    ignored_of,
    label_type,
)


@pytest.mark.parametrize(('num_labels', 'dtype', 'ignored'), [
    (1, np.uint8, 255), (255, np.uint8, 255), (256, np.uint16, 65535),
    (65535, np.uint16, 65535)])
def test_more_than_255_labels_need_16_bits(num_labels, dtype, ignored):
    assert label_type(num_labels) == dtype
    assert ignored_label(num_labels) == ignored
    assert ignored_of(label_type(num_labels)) == ignored


def test_the_ignored_label_of_other_types_is_that_of_mmseg():
    assert ignored_of(np.dtype(np.int16)) == 255
    assert ignored_of(np.dtype(np.int64)) == 255
