import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_files import SEEN, oriented_bytes, ramp, tiff_bytes
from PIL import Image

from mmseg_panet.errors import InputError
from mmseg_panet.images.decoder import decode_image, stored_size
from mmseg_panet.images.image_files import size_and_orientation
from mmseg_panet.images.orientation import turn
from mmseg_panet.images.reading import ImageReading
from mmseg_panet.images.suffixes import SUFFIXES

FORMATS = {
    '.jpg': 'JPEG', '.jpeg': 'JPEG', '.jpe': 'JPEG', '.jfif': 'JPEG',
    '.mpo': 'MPO', '.png': 'PNG', '.apng': 'PNG', '.webp': 'WEBP',
    '.bmp': 'BMP', '.dib': 'BMP', '.tif': 'TIFF', '.tiff': 'TIFF',
    '.jp2': 'JPEG2000', '.j2k': 'JPEG2000', '.j2c': 'JPEG2000',
    '.jpc': 'JPEG2000', '.jpf': 'JPEG2000', '.jpx': 'JPEG2000',
    '.pbm': 'PPM', '.pgm': 'PPM', '.ppm': 'PPM', '.pnm': 'PPM',
    '.gif': 'GIF', '.avif': 'AVIF'}


@pytest.fixture
def said(monkeypatch):
    """Collect the warnings, of which none was given yet."""
    said = []
    monkeypatch.setattr('mmseg_panet.notices._given', set())
    monkeypatch.setattr(
        'mmseg_panet.notices.print_log', lambda text, *_: said.append(text))
    return said


def encoded(suffix, picture):
    data = io.BytesIO()
    Image.fromarray(picture).save(data, FORMATS[suffix])
    return data.getvalue()


@pytest.mark.parametrize('suffix', SUFFIXES)
def test_every_suffix_of_the_list_is_read(suffix):
    grey = np.zeros((40, 60), np.uint8)
    grey[10:20, 10:30] = 255
    picture = grey > 0 if suffix == '.pbm' else grey
    image = decode_image(encoded(suffix, picture), f'a{suffix.upper()}')
    assert image.shape == (40, 60, 3)
    assert np.abs(image.astype(int) - grey[..., None]).max() < 60


@pytest.mark.parametrize('suffix', sorted({*SUFFIXES} - {'.pbm'}))
def test_a_wrong_suffix_makes_no_difference(suffix):
    content = encoded(suffix, ramp())
    images = [decode_image(content, f'a{other}') for other in (
        '.jpg', '.png', '.tif', '.heic', '')]
    assert all((image == images[0]).all() for image in images)


def test_without_an_orientation_the_pixels_are_those_of_opencv():
    for suffix in ('.jpg', '.png', '.webp', '.bmp', '.tif', '.jp2', '.ppm'):
        content = encoded(suffix, ramp())
        same = cv2.imdecode(
            np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        assert (decode_image(content, 'a') == same).all(), suffix


@pytest.mark.parametrize(('array', 'words'), [
    (np.zeros((4, 6), 'f4'), 'floating-point numbers of 32 bits, 0..0; .*'),
    (np.ones((4, 6, 3), 'f8'), 'floating-point numbers of 64 bits'),
    (np.zeros((4, 6), 'i4'), 'signed integers of 32 bits'),
    (np.zeros((4, 6), 'u4'), 'got integers of 32 bits'),
    (np.zeros((4, 6), 'i2'), 'signed integers of 16 bits'),
    (np.zeros((4, 6, 5), 'u1'), 'one channel or three, got 5; .* --bands'),
    (np.zeros((4, 6, 2), 'u2'), 'one channel or three, got 2; .* --bands')])
def test_a_tiff_that_needs_a_choice_names_it(array, words, capfd):
    with pytest.raises(InputError, match=words):
        decode_image(tiff_bytes(array), 'a.tif')
    assert not capfd.readouterr().err


def test_12_bits_need_a_stretch():
    array = np.array([[0, 2048, 4095]], np.uint16)
    content = tiff_bytes(array, bits=12)
    with pytest.raises(InputError, match='integers of 12 bits, 0..4095'):
        decode_image(content, 'a.tif')
    image = decode_image(content, 'a', ImageReading.of(None, (0, 4095)))
    assert image[0, :, 0].tolist() == [0, 128, 255]


def test_values_of_12_bits_in_16_give_a_warning_once(said):
    array = np.full((4, 6), 4095, np.uint16)
    png = io.BytesIO()
    Image.fromarray(array).save(png, 'PNG')
    for content in (tiff_bytes(array), png.getvalue()):
        assert decode_image(content, 'a.tif').max() == 15
    warning, = said
    assert 'a.tif has 16 bits' in warning and '--stretch 0 4095' in warning
    assert (decode_image(png.getvalue(), 'a', ImageReading.of(
        None, (0, 4095))) == 255).all()
    said.clear()
    decode_image(tiff_bytes(array * 2), 'a.tif')
    assert not said


def test_of_several_pages_and_frames_the_first_is_read_with_a_warning(said):
    first, *others = [
        Image.new('RGB', (6, 4), (10 * i,) * 3) for i in range(1, 4)]
    for form, what in (('TIFF', '3 pages'), ('GIF', 'several frames')):
        data = io.BytesIO()
        first.save(data, form, save_all=True, append_images=others)
        for _ in range(2):
            assert decode_image(data.getvalue(), 'a.dat').mean() == 10
        warning = said.pop()
        assert f'a.dat has {what}, of which only the first' in warning
        assert not said


@pytest.mark.parametrize('reading', [
    ImageReading.of((4, 3, 2), (0, 3000)), ImageReading.of((4, 3, 2), '0%')])
def test_bands_of_a_geotiff_are_chosen_and_stretched(reading):
    array = np.zeros((2, 3, 6), np.uint16)
    array[0, 0] = 3000, 1000, 2000, 3000, 0, 0
    image = decode_image(tiff_bytes(
        array, photometric=1, planar=2, tile=(16, 16)), 'a.tif', reading)
    expected = [85, 170, 255] if reading.stretch != '0%' else [255] * 3
    assert image[0, 0].tolist() == expected  # blue is band 2, red band 4
    assert not image[1].any()


def test_other_formats_have_bands_too():
    """A PNG has red first, whatever OpenCV does."""
    picture = np.zeros((1, 1, 4), np.uint8)
    picture[0, 0] = 10, 20, 30, 250
    for suffix in ('.png', '.webp', '.tif'):
        data = io.BytesIO()
        Image.fromarray(picture).save(
            data, FORMATS[suffix], **dict(lossless=True) if (
                suffix == '.webp') else {})
        for bands, expected in (
                ((1, 2, 3), [30, 20, 10]), ((3, 1, 2), [20, 10, 30]),
                ((2,), [20] * 3), ((4,), [250] * 3)):
            assert decode_image(
                data.getvalue(), 'a', ImageReading.of(bands)
            )[0, 0].tolist() == expected, (suffix, bands)


@pytest.mark.parametrize('kind', ['jpg', 'png', 'webp-prefix', 'tif-jpeg',
                                  'tif-16', 'avif'])
def test_a_stretch_and_an_orientation_are_both_applied(kind):
    reading = ImageReading.of((1,), (0, 510 if kind != 'tif-16' else 131070))
    for orientation in range(1, 9):
        image = decode_image(oriented_bytes(kind, orientation), 'a', reading)
        assert image.shape == (16, 24, 3)
        assert abs(int(image[3, 3, 0]) - 128) < 8 and image[3, 20, 0] < 8


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('dtype', ['u1', 'u2'])
@pytest.mark.parametrize('channels', [1, 3])
def test_tiles_are_turned_together(orientation, dtype, channels):
    """OpenCV would mirror each tile alone."""
    stored = ramp()[..., :channels].astype(dtype)
    stored *= np.iinfo(dtype).max // 255
    image = decode_image(
        tiff_bytes(stored, orientation, photometric=1 + channels // 3,
                   tile=(16, 16)), 'a')
    expected = turn((stored >> 8 * (dtype == 'u2'))[..., ::-1], orientation)
    assert (image == expected).all()


@pytest.mark.parametrize('bits', [2, 4])
def test_palettes_and_greys_of_few_bits_are_read(bits):
    indices = np.arange(12, dtype=np.uint8).reshape(3, 4) % 4
    grey = decode_image(
        tiff_bytes(indices, 6, photometric=1, bits=bits), 'a')
    assert (grey == turn(
        indices[..., None] * (255 // (2 ** bits - 1)), 6)).all()
    picture, data = Image.fromarray(indices), io.BytesIO()
    picture.putpalette([9, 8, 7, 200, 0, 0, 0, 200, 0, 0, 0, 200])
    picture.save(data, 'TIFF', bits=bits)
    found = decode_image(data.getvalue(), 'a')
    assert (found[..., ::-1] == np.asarray(picture.convert('RGB'))).all()


def test_missing_data_of_gdal_are_black():
    array = np.array([[-9999, 1, 2]], np.float32)
    image = decode_image(
        tiff_bytes(array, nodata='-9999'), 'a', ImageReading.of(None, '0%'))
    assert image[0, :, 0].tolist() == [0, 0, 255]


def test_a_palette_and_grey_with_an_opacity_are_pictures():
    grey = np.stack([np.full((2, 3), 70, np.uint8)] * 2, axis=2)
    image = decode_image(tiff_bytes(grey, photometric=1, extra=2), 'a')
    assert (image == 70).all()
    data = io.BytesIO()
    Image.fromarray(ramp()).quantize(16).save(data, 'TIFF')
    plain = decode_image(data.getvalue(), 'a')
    chosen = decode_image(data.getvalue(), 'a', ImageReading.of((3, 2, 1)))
    assert (chosen == plain[..., ::-1]).all() and plain.any()


def test_a_compression_that_nothing_reads_is_named():
    content = tiff_bytes(np.zeros((4, 6, 5), np.uint8), compression=34887)
    with pytest.raises(InputError, match='the compression 34887; save it'):
        decode_image(content, 'a', ImageReading.of((1,)))


def test_an_empty_file_and_an_unknown_format_are_sentences():
    for content, words in ((b'', 'it is empty'), (b'x' * 99, 'no complete')):
        with pytest.raises(InputError, match=words):
            decode_image(content, 'a.jpg')
    with pytest.raises(InputError, match='got .HEIC; convert it to JPEG'):
        decode_image(b'x' * 99, 'a.HEIC')


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_damaged_bytes_give_an_image_of_its_size_or_a_sentence(
        tmp_path_factory, data):
    kind = data.draw(st.sampled_from([*SEEN, 'ppm', 'bmp', 'gif', 'jp2']))
    content = bytearray(
        encoded(f'.{kind}', ramp()) if f'.{kind}' in FORMATS and (
            kind not in SEEN)
        else oriented_bytes(kind, data.draw(st.integers(1, 8))))
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))):]
    path = tmp_path_factory.getbasetemp() / 'damaged.dat'
    path.write_bytes(content)
    try:
        image = decode_image(bytes(content), path)
    except InputError as error:
        assert 'damaged.dat' in str(error)
        return
    assert image.dtype == np.uint8 and image.shape[2:] == (3,)
    assert size_and_orientation(path)[0] == image.shape[:2]


def test_the_stored_size_is_read_from_the_header_alone():
    data = io.BytesIO()
    Image.new('RGB', (7, 5)).save(data, 'PNG')
    assert stored_size(data.getvalue()[:60], 'a.png') == (5, 7)
    assert stored_size(b'no image', 'a.png') is None
