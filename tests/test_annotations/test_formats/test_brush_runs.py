import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tool_exports import brush_rle

from mmseg_panet.annotations.formats.brush_runs import brush_mask, brush_runs


def test_a_stream_of_bits_is_decoded_as_written():
    # 8 values; 8 bits a value; lengths of 1, 2, 3 and 4 bits. Then 4 zeros,
    # repeated with the second kind of length, and 0, 0, 9 and 7 one by one.
    bits = (f'{8:032b}' '00111' '0000' '0001' '0010' '0011'
            '1' '01' '11' '00000000'
            '0' '10' '011' '00000000' '00000000' '00001001' '00000111')
    bits += '0' * (-len(bits) % 8)
    runs = [int(bits[i:i + 8], 2) for i in range(0, len(bits), 8)]
    assert brush_mask(runs, (1, 2)).tolist() == [[False, True]]


@pytest.mark.parametrize('literal', [False, True])
@pytest.mark.parametrize('sizes', [(3, 4, 8, 16), (1, 2, 3, 5)])
def test_the_mask_is_where_alpha_is_above_0(literal, sizes):
    rng = np.random.default_rng(0)
    for size in ((1, 1), (7, 11), (40, 33)):
        mask = rng.random(size) < .3
        runs = brush_rle(mask, (0, 9, 0), literal, sizes)
        assert (brush_mask(runs, size) == mask).all()


@pytest.mark.parametrize(('runs', 'words'), [
    (10 ** 9, 'expected rle as a list'), ('abc', 'expected rle as a list'),
    ([300], 'range'), ([0], 'ends early'), ([], 'ends early'),
    ([0, 0, 0, 9, 0, 0], '24 values, got 9')])
def test_malformed_runs_raise_a_value_error(runs, words):
    with pytest.raises(ValueError, match=words):
        brush_mask(runs, (2, 3))


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_any_bytes_are_a_mask_or_a_value_error(data):
    runs = brush_rle(np.eye(4, 5, dtype=bool), literal=data.draw(
        st.booleans()))
    place = data.draw(st.integers(0, len(runs)))
    runs[place:place + data.draw(st.integers(0, 3))] = data.draw(
        st.lists(st.integers(0, 255), max_size=3))
    try:
        mask = brush_mask(runs, (4, 5))
    except ValueError:
        return
    assert mask.shape == (4, 5)
    assert mask.dtype == bool


def test_a_mask_is_encoded_as_by_the_package_of_label_studio():
    mask = np.zeros((9, 13), bool)
    mask[2:7, 3:11] = True
    mask[4, 5:7] = False
    # mask2rle of label-studio-sdk 2.1.2.
    assert brush_runs(mask) == [
        0, 0, 1, 212, 57, 27, 254, 115, 0, 195, 255, 248, 76, 3, 15, 255,
        225, 48, 9, 255, 231, 0, 191, 255, 132, 192, 48, 255, 254, 19, 0,
        195, 255, 249, 188, 0]


@pytest.mark.parametrize('size', [(1, 1), (1, 5), (23, 31), (200, 300)])
@pytest.mark.parametrize('share', [0, .3, 1])
def test_an_encoded_mask_is_decoded_to_the_same(size, share):
    mask = np.random.default_rng(0).random(size) < share
    runs = brush_runs(mask)
    assert (brush_mask(runs, size) == mask).all()
    assert all(type(one) is int and 0 <= one < 256 for one in runs)
