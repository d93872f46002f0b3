import numpy as np
import pytest
import torch

from mmseg_panet.inference.results import prediction
from mmseg_panet.inference.results.prediction import (
    predict_classes,
    undecided_below,
)
from mmseg_panet.models import LogitMap
from mmseg_panet.models.resize import Resize

CLASSES = ('cat', 'dog')


def view(seed, resized=True):
    generator = torch.Generator().manual_seed(seed)
    cells = 3 * torch.randn(3, 5, 8, generator=generator)
    rows = torch.rand(11, 5, generator=generator) if resized else None
    return LogitMap(cells, Resize(rows))


@pytest.mark.parametrize('values', [1, 60, 1 << 20])
def test_some_rows_at_a_time_give_what_all_at_once_do(values, monkeypatch):
    """Two views are taken in steps of one row, of two, and of all."""
    monkeypatch.setattr(prediction, '_VALUES_AT_ONCE', values)
    views = [view(0), view(1)]
    expected = sum(
        one.resize(one.cells).softmax(0) for one in views) / 2
    found = predict_classes(views, CLASSES, keep_probabilities=True)
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-6)
    np.testing.assert_array_equal(
        found.class_map, found.probabilities.argmax(0))
    np.testing.assert_array_equal(
        found.confidence, found.probabilities.max(0))


def test_what_is_less_likely_than_wanted_is_undecided():
    """By hand: softmax of (0, log 3, 0) is (1, 3, 1) / 5."""
    cells = torch.zeros(3, 1, 2)
    cells[1, 0, 0] = np.log(3)
    found = predict_classes(
        [LogitMap(cells, Resize())], CLASSES, min_confidence=0.5)
    assert found.class_map.tolist() == [[1, 255]]
    np.testing.assert_allclose(found.confidence, [[0.6, 1 / 3]], rtol=1e-6)
    assert found.probabilities is None and found.classes == CLASSES


@pytest.mark.parametrize('min_area', [0.0, 0.1])
@pytest.mark.parametrize('num_classes', [2, 300])
def test_a_confidence_can_be_applied_later(min_area, num_classes):
    names = tuple(map(str, range(num_classes)))
    generator = torch.Generator().manual_seed(5)
    views = [LogitMap(torch.randn(
        1 + num_classes, 12, 9, generator=generator), Resize())]
    usual = predict_classes(views, names, min_area=min_area)
    confident = predict_classes(views, names, 0.55, min_area=min_area)
    later = undecided_below(usual, 0.55, min_area)
    np.testing.assert_array_equal(later, confident.class_map)
    assert later.dtype == confident.class_map.dtype
    assert (later == (255 if num_classes == 2 else 65535)).any()


def test_the_size_is_that_of_the_image():
    assert view(0).size == (11, 8)
    assert view(0, resized=False).size == (5, 8)
