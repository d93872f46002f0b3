import cv2
import numpy as np
import pytest
from image_files import ramp, save_image
from PIL import Image, ImageOps

from mmseg_panet.errors import InputError
from mmseg_panet.inference.images.image_source import read_image


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.webp', '.bmp', '.tif'])
def test_every_format_gives_the_same_picture(tmp_path, suffix):
    image = read_image(str(save_image(tmp_path / f'a{suffix}')))
    assert image.dtype == np.uint8
    assert np.abs(image.astype(int) - ramp()).mean() < 4


def test_grey_alpha_and_16_bits_become_8_bits_of_three_channels(tmp_path):
    grey = ramp()[..., 0]
    three = np.stack([grey] * 3, axis=2)
    transparent = np.dstack([ramp(), np.zeros((40, 60), np.uint8)])
    for name, stored, expected in (
            ('grey.png', grey, three), ('alpha.png', transparent, ramp()),
            ('16.png', ramp().astype(np.uint16) * 257, ramp()),
            ('16.tif', grey.astype(np.uint16) * 257, three)):
        cv2.imwrite(str(tmp_path / name), stored)
        assert (read_image(str(tmp_path / name)) == expected).all(), name


@pytest.mark.parametrize('orientation', range(1, 9))
def test_a_photograph_is_turned_as_its_camera_was(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save_image(tmp_path / 'a.png', exif=exif)
    with Image.open(path) as stored:
        seen = np.asarray(ImageOps.exif_transpose(stored))[..., ::-1]
    assert (read_image(str(path)) == seen).all()


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.webp', '.bmp', '.tif'])
def test_a_file_that_is_cut_short_is_an_error_and_no_half_image(
        tmp_path, suffix):
    path = save_image(tmp_path / f'cut{suffix}')
    data = path.read_bytes()
    for length in (len(data) // 3, len(data) * 9 // 10, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(InputError, match=f'cut{suffix} is no complete'):
            read_image(str(path))


def test_a_complete_thumbnail_does_not_make_up_for_a_photograph_cut_short(
        tmp_path):
    thumbnail = save_image(tmp_path / 'thumbnail.jpg').read_bytes()
    photograph = save_image(tmp_path / 'a.jpg', exif=b'Exif\0\0' + thumbnail)
    data = photograph.read_bytes()
    assert thumbnail in data
    assert read_image(str(photograph)).shape == (40, 60, 3)
    photograph.write_bytes(data[:-50])
    with pytest.raises(InputError, match='cut short'):
        read_image(str(photograph))


def test_bytes_after_the_end_of_an_image_do_no_harm(tmp_path):
    path = save_image(tmp_path / 'a.jpg')
    image = read_image(str(path))
    path.write_bytes(path.read_bytes() + b'and more')
    assert (read_image(str(path)) == image).all()


def test_an_empty_and_a_missing_file_are_errors_that_name_them(tmp_path):
    (tmp_path / 'empty.jpg').touch()
    for name in ('empty.jpg', 'missing.jpg'):
        with pytest.raises(InputError, match=f'{name} could not be read'):
            read_image(str(tmp_path / name))
