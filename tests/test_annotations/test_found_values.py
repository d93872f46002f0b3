import numpy as np
import pytest
from PIL import Image

from mmseg_panet.annotations.found_values import find_values


def masks(folder, *all_values):
    """Masks with squares of 8, 4 and 2 pixels of the given values."""
    for i, values in enumerate(all_values):
        mask = np.zeros((16, 16, *np.shape(values[0])), np.uint8)
        for size, value in zip((8, 4, 2), values, strict=False):
            mask[:size, :size] = value
        Image.fromarray(mask).save(folder / f'{i}.png')
    return sorted(folder.iterdir())


@pytest.mark.parametrize(('values', 'is_one'), [
    ([(255,)], True),
    ([(1,), (1,)], True),
    ([(1, 255)], True),  # 255 is unknown
    ([(255, 128, 3)], True),  # the border is smooth
    ([(238, 100), (238, 50)], True),
    ([(1,), (2,)], False),
    ([(2, 1)], False),
    ([(100, 200)], False),
    ([((9, 8, 7),)], True),
    ([((9, 8, 7), (1, 2, 3))], False),
])
def test_masks_of_one_object_always_have_the_same_value(
        tmp_path, values, is_one):
    assert find_values(masks(tmp_path, *values)).is_one_object == is_one


@pytest.mark.parametrize(('values', 'lines'), [
    ([(1,), (3, 255)], 'the lines `1 NAME`, `2 NAME` and `3 NAME`'),
    ([(100, 200)], 'the lines `1 NAME 100,100,100` and `2 NAME 200,200,200`'),
    ([((9, 8, 7),)], 'the line `1 NAME 9,8,7`'),
    ([(0,)], 'a line such as `1 bird` for each value of the masks'),
])
def test_the_lines_of_a_class_list_are_proposed(tmp_path, values, lines):
    assert find_values(masks(tmp_path, *values)).lines() == lines
