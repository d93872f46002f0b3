import cv2
import numpy as np
import pytest
import torch
from image_files import ramp, save_image
from PIL import Image

from mmseg_panet.errors import InputError
from mmseg_panet.inference.images.image_array import (
    check_channel_order,
    image_array,
)
from mmseg_panet.inference.images.image_list import list_images
from mmseg_panet.inference.images.image_source import read_image

RGB = np.ascontiguousarray(ramp()[..., ::-1])


def test_red_is_the_last_channel_whatever_the_order_was():
    expected = ramp()
    assert image_array(expected) is expected
    assert (image_array(RGB, 'rgb') == expected).all()
    assert (image_array(Image.fromarray(RGB)) == expected).all()
    assert (image_array(Image.fromarray(RGB), 'rgb') == expected).all()


@pytest.mark.parametrize('mode', [
    'RGB', 'RGBA', 'RGBX', 'L', 'LA', 'P', '1', 'I;16', 'I', 'CMYK'])
def test_every_mode_of_pillow_is_what_its_file_is(mode, tmp_path):
    """As OpenCV reads the file, where a PNG can hold the mode."""
    if mode.startswith('I'):
        stored = Image.fromarray(ramp()[..., 0].astype(np.uint16) * 256 + 7)
        image = stored.convert('I') if mode == 'I' else stored
    else:
        image = stored = Image.fromarray(RGB).convert(mode)
    found = image_array(image)
    assert found.dtype == np.uint8 and found.shape == ramp().shape
    if mode in ('RGBX', 'CMYK'):
        assert np.abs(found.astype(int) - ramp()).max() <= 1
        return
    stored.save(tmp_path / 'a.png')
    assert (found == read_image(str(tmp_path / 'a.png'))).all()


@pytest.mark.parametrize(('value', 'expected'), [
    (200, 200), (255, 255), (256, 1), (65535, 255), (70000, 255), (-5, 0)])
def test_values_of_8_bits_in_mode_i_are_not_shifted(value, expected):
    image = Image.fromarray(np.full((4, 5), value, np.int32))
    assert image.mode == 'I'
    assert (image_array(image) == expected).all()


def test_values_of_mode_i16_are_always_of_16_bits():
    image = Image.fromarray(np.full((4, 5), 200, np.uint16))
    assert image.mode == 'I;16'
    assert (image_array(image) == 0).all()


def test_transparency_is_left_out():
    image = Image.fromarray(RGB)
    image.putalpha(0)
    assert (image_array(image) == ramp()).all()


@pytest.mark.parametrize('orientation', range(1, 9))
def test_an_image_of_pillow_is_turned_as_its_file_is(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save_image(tmp_path / 'a.png', exif=exif)
    with Image.open(path) as image:
        assert (image_array(image) == read_image(str(path))).all()


def test_a_list_may_mix_what_it_holds(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), ramp())
    found = list_images(
        [tmp_path / 'a.png', RGB, Image.fromarray(RGB)], channel_order='rgb')
    assert [item.path for item in found] == [str(tmp_path / 'a.png'), None,
                                             None]
    for item in found:
        assert (read_image(item.source) == ramp()).all()


@pytest.mark.parametrize(('image', 'words'), [
    (np.ones((4, 5, 3)), r'\(4, 5, 3\) of float64; multiply .* by 255'),
    (np.ones((4, 5, 3), np.float32), 'astype.np.uint8'),
    (np.ones((3, 4, 5), np.uint8), r'array\.transpose\(1, 2, 0\)'),
    (np.ones((4, 5, 4), np.uint8), r'alpha channel with array\[\.\.\., :3\]'),
    (np.ones((4, 5, 3), np.uint16), 'values 0..255'),
    (np.ones((0, 5, 3), np.uint8), r'got \(0, 5, 3\)'),
    (torch.full((3, 4, 5), 200.), r'\(3, 4, 5\) of torch.float32; convert '
     r'values of 0\.\.255 with tensor\.byte\(\), undo a normalization'),
    (torch.zeros(2, 3, 4, 5), 'and take one image of a batch'),
    (torch.full((3, 4, 5), float('nan')), 'or of numbers of 0..1, got'),
    (Image.new('F', (4, 5)), "mode 'F'; scale"),
    (7, 'got a int')])
def test_what_is_not_an_image_is_a_sentence_with_its_remedy(image, words):
    with pytest.raises(InputError, match=words) as caught:
        image_array(image)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('order', ['bgr', 'rgb'])
def test_tensors_are_images_with_the_channels_first_or_last(order):
    image = ramp() if order == 'bgr' else RGB
    last = torch.from_numpy(image)
    first = last.permute(2, 0, 1)
    for tensor in (last, first, first / 255, first.double() / 255):
        assert (image_array(tensor, order) == ramp()).all()
    item, = list_images(first, channel_order=order)
    assert (read_image(item.source) == ramp()).all()


def test_a_grey_tensor_has_one_channel_or_none():
    grey = torch.from_numpy(np.ascontiguousarray(ramp()[..., 0]))
    expected = np.stack([grey.numpy()] * 3, axis=2)
    for tensor in (grey, grey[None], grey[None] / 255):
        assert (image_array(tensor) == expected).all()


def test_an_image_of_pillow_that_is_cut_short_names_its_file(tmp_path):
    path = save_image(tmp_path / 'cut.png')
    path.write_bytes(path.read_bytes()[:-40])
    with Image.open(path) as image, pytest.raises(
            InputError, match='cut.png could not be decoded'):
        image_array(image)


def test_another_order_of_channels_is_refused():
    with pytest.raises(InputError, match='channel_order must be one of'):
        check_channel_order('grb')
    with pytest.raises(InputError, match='channel_order must be one of'):
        list_images(RGB, channel_order='RGB')
