import numpy as np

from mmseg_panet.inference.supports import Support, SupportLabels


def test_a_support_that_is_made_by_hand_has_a_key_of_its_own():
    image = np.zeros((4, 6, 3), np.uint8)

    def rasterize(size):
        return SupportLabels(np.ones(size, np.uint8), ('cat',))

    one, other = (Support('cat', image, rasterize) for _ in range(2))
    assert one.labels_key != other.labels_key
    assert one.rasterize((4, 6)).labels.shape == (4, 6)
