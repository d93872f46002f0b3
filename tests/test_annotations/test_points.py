import numpy as np

from mmseg_panet.annotations.points import disc


def test_a_point_is_a_disc():
    picture = ['......',
               '..1...',
               '.111..',
               '..1...']
    expected = np.array([list(row) for row in picture]) == '1'
    assert (disc((4, 6), x=2, y=2, radius=1) == expected).all()
