"""A prediction and its colours, small enough to count by hand."""
import numpy as np

from mmseg_panet.inference.results.prediction import Prediction

CLASSES = ('cat', 'Köter')
PALETTE = np.zeros((256, 3), np.uint8)
PALETTE[1:3] = (250, 10, 20), (30, 240, 40)
PALETTE[255] = 128


def prediction():
    """Of 24 pixels 6 are cat, 2 undecided, none is Köter."""
    labels = np.zeros((4, 6), np.uint8)
    labels[:2, :3] = 1
    labels[3, :2] = 255
    confidence = np.full((4, 6), 0.5, np.float32)
    confidence[:2, :3] = 0.75
    confidence[3, 0], confidence[3, 1] = 0.25, 0.5
    return Prediction(labels, confidence, CLASSES)
