"""Parts of the page's tests: a person's work, and what the canvas sends."""
import base64

import cv2
import numpy as np
from inference_parts import RESIZE, image_of, small_inferencer

from mmseg_panet.app.session import Session
from mmseg_panet.app.work import Work
from mmseg_panet.inference.shared_inferencer import SharedInferencer

COLOURS = (20, 20, 230), (230, 20, 20)  # BGR: red, blue
HOSTILE = '<img src=x onerror=alert(1)>'


def make_shared():
    return SharedInferencer(small_inferencer(RESIZE, feature_cache=50))


def make_work(shared, number=4, folder=None):
    """Add images, red boxes and blue boxes in turn; return their masks."""
    work = Work(Session(shared))
    masks = {}
    for i in range(number):
        image, mask = image_of(COLOURS[i % 2], seed=i, box=(5, 8, 30, 30))
        key = work.session.add_image(
            cv2.imencode('.png', image)[1].tobytes(), f'{i}.png')
        masks[key] = mask.astype(bool)
    work.selected = next(iter(masks), None)
    return work, masks


def sent(image, labels, stroke=1, partial=False, coarse=False, classes=()):
    """The data of the event of a stroke."""
    pixels = np.zeros((*labels.shape, 3), np.uint8)
    pixels[..., 2] = labels  # the red channel for cv2
    data = cv2.imencode('.png', pixels)[1].tobytes()
    return dict(
        image=image, stroke=stroke, partial=partial, coarse=coarse,
        classes=classes,
        labels='data:image/png;base64,' + base64.b64encode(data).decode())
