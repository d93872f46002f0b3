import base64
import io

import numpy as np
import pytest
from PIL import Image

from mmseg_panet.errors import InputError
from mmseg_panet.images.embedded_image import read_embedded, write_once


def encoded(kind='PNG', orientation=1, size=(6, 4)):
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    Image.fromarray(np.arange(size[0] * size[1], dtype=np.uint8).reshape(
        size)).save(file, kind, exif=exif)
    return base64.b64encode(file.getvalue()).decode(), file.getvalue()


@pytest.mark.parametrize(('kind', 'suffix'), [
    ('JPEG', '.jpg'), ('PNG', '.png'), ('WEBP', '.webp')])
def test_an_image_is_returned_as_it_is(kind, suffix):
    text, content = encoded(kind)
    assert read_embedded(text, 'a') == (content, suffix, (6, 4))
    assert read_embedded(f'data:image/png;base64,{text}', 'a')[0] == content


def test_its_size_is_that_of_the_photograph_as_it_is_seen():
    assert read_embedded(encoded('JPEG', 6)[0], 'a').size == (4, 6)


@pytest.mark.parametrize('text', [
    '', 'abc', 7, [], '"é"', encoded('GIF')[0], encoded('JPEG')[0][:-300],
    encoded('PNG')[0][:-60]])
def test_what_is_no_complete_image_is_a_sentence(text):
    with pytest.raises(
            InputError, match=r'^a: imageData is not a .* again$') as caught:
        read_embedded(text, 'a: imageData')
    assert '\n' not in str(caught.value) and '<' not in str(caught.value)


def test_an_image_of_too_many_pixels_is_not_decoded(monkeypatch):
    monkeypatch.setenv('MMSEG_PANET_MAX_PIXELS', '23')
    with pytest.raises(InputError, match='^a has 4x6 pixels, expected at m'):
        read_embedded(encoded()[0], 'a')


def test_another_file_is_not_replaced(tmp_path):
    path = tmp_path / 'images/a.jpg'
    write_once(path, b'1')
    write_once(path, b'1')
    with pytest.raises(InputError, match='exists already'):
        write_once(path, b'2')
    assert path.read_bytes() == b'1'
