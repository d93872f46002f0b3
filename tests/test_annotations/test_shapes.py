import numpy as np
import pytest

from mmseg_panet.annotations.shapes import disc, pixel_box


@pytest.mark.parametrize(('box', 'pixels'), [
    ([1.2, 0.5, 1.5, 2.0], (1, 0, 2, 3)),  # 1.2..2.7 and 0.5..2.5
    ([1, 2, 3, 1], (1, 2, 3, 1)),
    ([-2, 3, 3, 9], (0, 3, 1, 1)),
    ([5.5, 0, 3, 1], (5, 0, 1, 1)),
])
def test_a_box_covers_the_pixels_it_touches(box, pixels):
    assert pixel_box(box, (4, 6)) == pixels


def test_a_point_is_a_disc():
    picture = ['......',
               '..1...',
               '.111..',
               '..1...']
    expected = np.array([list(row) for row in picture]) == '1'
    assert (disc((4, 6), x=2, y=2, radius=1) == expected).all()
