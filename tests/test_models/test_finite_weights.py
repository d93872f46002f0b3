import pytest
import torch
from torch import inf, nan

from mmseg_panet.models.finite_weights import is_finite, is_finite_or_mask


@pytest.mark.parametrize(('values', 'finite', 'accepted'), [
    ([[0, 1], [-2, 3.]], True, True),
    ([], True, True),
    ([[0, -inf], [0, 0]], False, True),
    ([[[0, -inf]]], False, True),
    ([[1, -inf], [0, 0]], False, False),
    ([[0, inf], [0, 0]], False, False),
    ([[0, nan], [0, -inf]], False, False),
    ([[-inf, -inf]], False, False),
    ([0, -inf], False, False),
    (-inf, False, False)])
def test_masks_of_0_and_minus_infinity_are_accepted(values, finite, accepted):
    weight = torch.tensor(values)
    assert is_finite(weight) is finite
    assert is_finite_or_mask(weight) is accepted
