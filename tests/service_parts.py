"""A service with a tiny network, and the files that clients send to it."""
import io

import numpy as np
import pytest
from image_files import write_huge_png
from inference_parts import RESIZE, image_of, red_and_blue, small_inferencer
from PIL import Image

pytest.importorskip('fastapi')
pytest.importorskip('uvicorn')
pytest.importorskip('python_multipart')
pytest.importorskip('httpx')

from fastapi.testclient import TestClient

from mmseg_panet.service.limits import Limits
from mmseg_panet.service.web_app import make_app

HTML = '<img src=x onerror=alert(1)>'


def service_inferencer(**settings):
    """An inferencer of two classes, one of which has HTML as its name."""
    examples = red_and_blue()
    return small_inferencer(RESIZE, **settings).fit(
        {'red': examples['red'], HTML: examples['blue']})


def client_of(inferencer, token=None, **limits):
    """A client in this process; faults are answers, as for other clients."""
    return TestClient(
        make_app(inferencer, Limits(**limits), token),
        raise_server_exceptions=False)


def pixels(size=(50, 70), seed=0):
    """An image (H, W, 3) of BGR."""
    return image_of((20, 20, 230), size, (8, 9, 20, 25), seed)[0]


def file_of(image, kind='PNG'):
    """The bytes of an image of BGR."""
    data = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image[..., ::-1])).save(data, kind)
    return data.getvalue()


def opened(content):
    return Image.open(io.BytesIO(content))


def bomb(tmp_path, side=20000):
    """A small PNG file of very many pixels."""
    write_huge_png(tmp_path / 'bomb.png', side)
    return (tmp_path / 'bomb.png').read_bytes()
