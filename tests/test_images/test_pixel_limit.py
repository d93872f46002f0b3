import base64
import io
import warnings

import cv2
import numpy as np
import pytest
from mmseg.datasets.transforms import LoadAnnotations
from PIL import Image

from mmseg_panet.annotations.formats.labelme_shapes import _paste_mask
from mmseg_panet.annotations.object_mask import read_values
from mmseg_panet.datasets.class_index import count_pixels
from mmseg_panet.errors import InputError
from mmseg_panet.image_limit import MAX_PIXELS
from mmseg_panet.images.image_files import open_image
from mmseg_panet.images.pixel_limit import open_limited
from mmseg_panet.inference.images.image_list import list_images, read_named
from mmseg_panet.inference.images.image_source import read_image

WORDS = 'has 6x4 pixels, expected at most 23; make it smaller'


@pytest.fixture
def image(tmp_path, monkeypatch):
    """An image and a mask of 24 pixels, where 23 are allowed."""
    path = tmp_path / 'a.png'
    Image.new('L', (6, 4)).save(path)
    monkeypatch.setenv('MMSEG_PANET_MAX_PIXELS', '23')
    return path


def test_the_limit_admits_the_largest_photographs():
    assert MAX_PIXELS > 16320 * 12240


def test_an_image_of_the_limit_is_opened_and_a_larger_one_is_not(
        image, monkeypatch):
    for call in (read_image, open_limited):
        with pytest.raises(InputError, match=f'a.png {WORDS}'):
            call(str(image))
    with pytest.raises(InputError, match=WORDS), open_image(image):
        pass
    monkeypatch.setenv('MMSEG_PANET_MAX_PIXELS', '24')
    assert read_image(str(image)).shape == (4, 6, 3)
    with open_image(image) as picture:
        assert picture.size == (6, 4)


def test_pillows_own_limit_does_not_apply_and_is_kept(image, monkeypatch):
    monkeypatch.setenv('MMSEG_PANET_MAX_PIXELS', '24')
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 2)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        with open_image(image) as picture:
            picture.load()
    assert Image.MAX_IMAGE_PIXELS == 2


def test_a_limit_that_is_no_number_is_an_error(image, monkeypatch):
    monkeypatch.setenv('MMSEG_PANET_MAX_PIXELS', 'many')
    with pytest.raises(InputError, match="of pixels, got 'many'"):
        read_image(str(image))


def test_a_file_of_another_format_is_not_an_empty_one(tmp_path):
    (tmp_path / 'a.png').write_bytes(b'no image')
    with pytest.raises(InputError, match='a.png is no complete image'):
        read_image(str(tmp_path / 'a.png'))
    (tmp_path / 'b.png').touch()
    for name in ('b.png', 'missing.png'):
        with pytest.raises(InputError, match=f'{name} could not be read'):
            read_image(str(tmp_path / name))


@pytest.mark.parametrize('suffix', ['.hdr', '.ras', '.pfm', '.pam'])
def test_other_formats_of_opencv_are_not_decoded(tmp_path, suffix):
    pixels = np.zeros((64, 64, 3), np.uint8)
    if suffix in ('.hdr', '.pfm'):
        pixels = pixels.astype(np.float32)
    try:
        encoded, data = cv2.imencode(suffix, pixels)
    except cv2.error:
        encoded = False
    if not encoded:
        pytest.skip(f'this OpenCV does not write {suffix}')
    (tmp_path / 'a.jpg').write_bytes(data.tobytes())
    with pytest.raises(InputError, match='a.jpg is no complete image'):
        read_named(list_images(tmp_path / 'a.jpg')[0])


def test_every_entrance_has_the_limit(image):
    with pytest.raises(InputError, match=WORDS):
        read_named(list_images(image)[0])
    with pytest.raises(InputError, match=WORDS):
        read_values(image)
    _, faults = count_pixels(
        dict(img_path=str(image), seg_map_path=str(image), label_map=None,
             reduce_zero_label=False), 2, LoadAnnotations())
    assert [fault.kind for fault in faults] == ['unreadable'] * 2
    assert all(WORDS in fault.sentence for fault in faults)
    data = io.BytesIO()
    Image.new('1', (6, 4)).save(data, 'PNG')
    with pytest.raises(ValueError, match=f'a mask {WORDS}'):
        _paste_mask(Image.new('L', (6, 4)), base64.b64encode(data.getvalue()),
                    np.array([[0, 0], [5, 3]]), 1)
