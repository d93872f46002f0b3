import numpy as np
import pytest

from mmseg_panet.errors import InputError
from mmseg_panet.images.reading import ImageReading


def apply(samples, stretch=None, bits=32, missing=None):
    """Return the values of the only band."""
    array = np.array(samples)[None, :, None]
    found = ImageReading.of(None, stretch).apply(array, 'a.tif', bits, missing)
    assert found.dtype == np.uint8 and found.shape[2] == 3
    assert (found == found[..., :1]).all()
    return found[0, :, 0].tolist()


def test_two_values_become_black_and_white_and_others_are_cut_off():
    assert apply([-1., 0., 1., 2., 4., 9.], (0, 4)) == [
        0, 0, 64, 128, 255, 255]
    assert apply(np.array([0, 1000, 3000, 9000], np.uint16), (0, 3000), 16
                 ) == [0, 85, 255, 255]
    assert apply(np.array([-50, 0, 50], np.int8), (-50, 50), 8) == [
        0, 128, 255]


def test_a_share_is_cut_off_at_both_ends_of_each_band():
    """Of 0..100, 10% and 90% are 10 and 90."""
    values = np.arange(101.)
    found = apply(values, '10%')
    assert found[:11] == [0] * 11 and found[90:] == [255] * 11
    assert found[50] == 128
    two = np.stack([values, 10 * values, values - 5], axis=1)[None]
    image = ImageReading.of(None, '10%').apply(two, 'a', 64)
    assert (image[..., 0] == image[..., 1]).all()
    assert (image[..., 1] == image[..., 2]).all()


def test_values_that_are_missing_are_black_and_do_not_count():
    holes = [np.nan, np.inf, -np.inf, -9999.]
    assert apply([*holes, 1., 2., 3.], '0%', missing=-9999
                 ) == [0, 0, 0, 0, 0, 128, 255]
    assert apply([*holes, 1.], (0, 1), missing=-9999) == [0] * 4 + [255]
    # Even if the lower value is below it.
    assert apply([-9999., 0.], (-20000, 0), missing=-9999) == [0, 255]
    assert apply([np.nan, np.nan], '2%') == [0, 0]


def test_a_missing_value_is_compared_in_the_type_of_the_file():
    lowest = float(np.finfo(np.float32).min)
    values = np.array([lowest, 1, 2], np.float32)
    assert apply(values, '0%', missing=-3.40282346639e+38) == [0, 0, 255]


def test_a_constant_band_is_black():
    assert apply([7., 7.], '2%') == [0, 0]


def test_without_a_stretch_8_and_16_bits_keep_their_range():
    assert apply(np.array([0, 7, 255], np.uint8), bits=8) == [0, 7, 255]
    assert apply(np.array([0, 257, 65535], np.uint16), bits=16) == [0, 1, 255]


@pytest.mark.parametrize(('values', 'bits', 'words'), [
    (np.array([-.25, .5], np.float32), 32,
     'floating-point numbers of 32 bits, -0.25..0.5.*--stretch -0.25 0.5 '),
    (np.array([np.nan, 2.], np.float64), 64, '--stretch 2 3 '),
    (np.array([-3, 4], np.int16), 16, 'signed integers of 16 bits, -3..4'),
    (np.array([0, 4095], np.uint16), 12, 'integers of 12 bits, 0..4095'),
    (np.array([0, 70000], np.uint32), 32, '--stretch 0 70000 '),
    (np.array([-1e-5, 1e10]), 64, '--stretch -0.00001 10000000000 ')])
def test_other_values_are_refused_with_a_stretch_that_works(
        values, bits, words):
    with pytest.raises(InputError, match=words) as caught:
        apply(values, bits=bits)
    text = str(caught.value)
    stretch = text.split('--stretch ')[1].split(' (')[0].split()
    assert max(apply(values, stretch, bits)) in (0, 255)


def test_bands_become_red_green_and_blue():
    samples = np.arange(6, dtype=np.uint8).reshape(1, 1, 6)
    reading = ImageReading.of((5, 3, 1))
    bands = reading.bands_of(6, 6, 'a')
    assert bands == (5, 3, 1)
    image = reading.apply(samples[..., [b - 1 for b in bands]], 'a', 8)
    assert image[0, 0].tolist() == [0, 2, 4]  # blue, green, red


@pytest.mark.parametrize(('bands', 'words'), [
    ((1, 2), 'one number or three'), ((0, 1, 2), 'one number or three'),
    ((True,), 'one number or three'), (('1',), 'one number or three')])
def test_bands_that_cannot_be_are_refused(bands, words):
    with pytest.raises(InputError, match=words):
        ImageReading.of(bands)


@pytest.mark.parametrize('stretch', [
    (1, 1), (2, 1), (0,), (0, 1, 2), 'a', '50%', '-1%', (0, np.nan),
    (0, np.inf), 3, ['a', 'b'], '12'])
def test_a_stretch_that_cannot_be_is_refused(stretch):
    with pytest.raises(InputError, match='expected stretch'):
        ImageReading.of(None, stretch)


def test_the_settings_are_those_of_a_command_and_of_json():
    reading = ImageReading.of([4, 3, 2], ['0', '3000'])
    assert reading == ImageReading((4, 3, 2), (0.0, 3000.0))
    assert reading.settings() == dict(bands=[4, 3, 2], stretch=[0.0, 3000.0])
    assert ImageReading.of(**reading.settings()) == reading
    assert ImageReading.of(2, ['2%']) == ImageReading((2,), '2%')
    assert not ImageReading.of() and reading


def test_more_bands_than_a_picture_has_are_refused_without_a_choice():
    with pytest.raises(InputError, match='got 5; choose .* --bands'):
        ImageReading.of().bands_of(5, 5, 'a.tif')
    with pytest.raises(InputError, match='got an image of 3 channels'):
        ImageReading.of((4, 3, 2)).bands_of(3, 3, 'a.tif')
    assert ImageReading.of().bands_of(4, 3, 'a.tif') == (1, 2, 3)
    assert ImageReading.of((4,)).bands_of(4, 3, 'a.tif') == (4,)
