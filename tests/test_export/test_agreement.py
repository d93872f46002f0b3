"""A graph is refused if it is not the same for all numbers of images."""
import numpy as np
import pytest

from mmseg_panet.errors import InputError
from mmseg_panet.export.agreement import OnnxSegmentor


class Fake(OnnxSegmentor):
    """A segmentor that computes its logits here."""

    def __init__(self, compute):
        self.logits = compute


def recorded(images):
    """Compute as a graph with the number of images in a reshape."""
    return np.stack(np.split(images.reshape(2, -1), 4, axis=1), 1)


def by_number(images):
    return images[:, None].mean(-1) * np.ones((1, 2, 1, 1)) / len(images)


@pytest.mark.parametrize('compute', [recorded, by_number])
def test_a_graph_of_one_number_of_images_is_refused(compute):
    with pytest.raises(InputError, match='takes one number of images only'):
        Fake(compute).check_batches()


def test_infinite_logits_of_absent_classes_are_equal():
    def compute(images):
        logits = images.transpose(0, 3, 1, 2).astype(np.float32)
        logits[:, 1] = -np.inf
        return logits

    Fake(compute).check_batches()
