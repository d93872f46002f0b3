"""A small prediction and its colours, whose pixels are counted by hand."""
import numpy as np

from mmseg_panet.inference.results.prediction import Prediction

CLASSES = ('cat', 'Köter')
PALETTE = np.zeros((256, 3), np.uint8)
PALETTE[1:3] = (250, 10, 20), (30, 240, 40)
PALETTE[255] = 128


def prediction():
    """Create 24 pixels, of which 6 are cat, 2 undecided and none Köter."""
    labels = np.zeros((4, 6), np.uint8)
    labels[:2, :3] = 1
    labels[3, :2] = 255
    confidence = np.full((4, 6), 0.5, np.float32)
    confidence[:2, :3] = 0.75
    confidence[3, 0], confidence[3, 1] = 0.25, 0.5
    return Prediction(labels, confidence, CLASSES)
