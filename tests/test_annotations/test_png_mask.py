import io

import numpy as np
import pytest
from PIL import Image

from mmseg_panet.annotations.png_mask import decode_base64, png_mask
from mmseg_panet.errors import InputError

MASK = np.array([[1, 0, 1], [0, 1, 1]], bool)


def png(pixels, palette=None, **settings):
    picture = Image.fromarray(np.asarray(pixels, np.uint8))
    if palette:
        picture.putpalette(palette)
    file = io.BytesIO()
    picture.save(file, 'PNG', **settings)
    return file.getvalue()


@pytest.mark.parametrize('data', [
    png(MASK), png(MASK * 255), png(np.stack([MASK * 9] * 3, -1)),
    png(np.stack([MASK * 0, MASK * 7, MASK * 0], -1)),
    png(np.stack([MASK * 0] * 3 + [MASK * 255], -1)),
    png(np.stack([MASK * 0 + 9] * 3 + [MASK * 1], -1)),
    png(MASK, [0, 0, 0, 255, 255, 255]),
    png(MASK, [9, 9, 9, 0, 0, 0], transparency=0),
    png(MASK, [0, 0, 0, 200, 10, 0])])
def test_the_object_is_what_is_opaque_or_otherwise_not_black(data):
    mask = png_mask(data)
    assert mask.dtype == bool
    assert (mask == MASK).all()


def test_an_opacity_that_is_stored_as_grey_is_compared():
    # So does Supervisely's SDK save alpha masks.
    values = [[0, 100, 128], [200, 0, 255]]
    mask = png_mask(png(values, transparency=0), 128)
    assert mask.tolist() == [[False, False, True], [True, False, True]]


def test_a_bit_for_each_pixel_is_read():
    file = io.BytesIO()
    Image.fromarray(MASK).save(file, 'PNG')
    assert (png_mask(file.getvalue()) == MASK).all()


def test_the_lowest_value_of_the_object_is_a_setting():
    data = png([[0, 127, 128, 255]])
    assert png_mask(data, 128).tolist() == [[False, False, True, True]]


@pytest.mark.parametrize('data', [b'', b'hello', png(MASK)[:40]])
def test_a_damaged_png_raises_a_value_error(data):
    with pytest.raises(ValueError, match='expected a mask as a PNG'):
        png_mask(data)


def test_too_many_pixels_are_named(monkeypatch):
    monkeypatch.setenv('MMSEG_PANET_MAX_PIXELS', '5')
    with pytest.raises(InputError, match='3x2 pixels, expected at most 5'):
        png_mask(png(MASK))


def test_base64_is_checked():
    assert decode_base64('aGVsbG8=') == b'hello'
    for text in ('a!', 5, None, 'a'):
        with pytest.raises(ValueError):
            decode_base64(text)
