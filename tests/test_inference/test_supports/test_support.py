import numpy as np

from mmseg_panet.inference.supports import Support


def test_a_support_that_is_made_by_hand_has_its_own_key():
    image = np.zeros((4, 6, 3), np.uint8)

    def labels_of(size):
        return np.ones(size, np.uint8)

    one, other = (
        Support('cat', ('cat',), image, labels_of, 'by hand')
        for _ in range(2))
    assert one.labels_key != other.labels_key
    assert one.rasterize((4, 6)).shape == (4, 6)
