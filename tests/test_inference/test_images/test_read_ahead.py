import time

import numpy as np

from mmseg_panet.inference.images.image_list import list_images
from mmseg_panet.inference.images.read_ahead import read_ahead


def test_reading_stays_two_batches_ahead(monkeypatch):
    read = []
    monkeypatch.setattr(
        'mmseg_panet.inference.images.read_ahead.read_image',
        lambda source, reading: read.append(source))
    batches = ([item] for item in list_images(
        [np.full((1, 1), i, np.uint8) for i in range(9)]))
    taken = 0
    for _ in read_ahead(batches):
        taken += 1
        time.sleep(0.01)
        assert len(read) <= taken + 2
    assert taken == len(read) == 9
