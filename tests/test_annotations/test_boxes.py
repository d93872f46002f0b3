import pytest

from mmseg_panet.annotations.boxes import pixel_box


@pytest.mark.parametrize(('box', 'pixels'), [
    ([1.2, 0.5, 1.5, 2.0], (1, 0, 2, 3)),  # 1.2..2.7 and 0.5..2.5
    ([1, 2, 3, 1], (1, 2, 3, 1)),
    ([-2, 3, 3, 9], (0, 3, 1, 1)),
    ([5.5, 0, 3, 1], (5, 0, 1, 1)),
])
def test_a_box_covers_the_pixels_it_touches(box, pixels):
    assert pixel_box(box, (4, 6)) == pixels
