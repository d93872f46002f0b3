import io
import lzma
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_files import tiff_bytes
from PIL import Image

from mmseg_panet.errors import InputError
from mmseg_panet.images.decoder import decode_image
from mmseg_panet.images.tiff_file import tiff_facts
from mmseg_panet.images.tiff_samples import (
    can_read,
    no_data,
    tiff_samples,
)


def samples(content, bands=(1,)):
    facts = tiff_facts(io.BytesIO(content))
    assert can_read(facts)
    return tiff_samples(content, facts, 'a.tif', bands)


def counting(dtype, channels=5):
    """Count up, with values of both signs where the type has them."""
    flat = np.arange(7 * 11 * channels).reshape(7, 11, channels)
    return (flat * 97 % 251 - (40 if np.dtype(dtype).kind != 'u' else 0)
            ).astype(dtype)


TYPES = ['u1', 'u2', 'u4', 'u8', 'i1', 'i2', 'i4', 'i8', 'f2', 'f4', 'f8']


@pytest.mark.parametrize('layout', [
    {}, dict(rows=3), dict(tile=(16, 16)), dict(tile=(4, 4)),
    dict(planar=2), dict(planar=2, rows=2), dict(order='>'),
    dict(order='>', planar=2, tile=(4, 4))], ids=str)
@pytest.mark.parametrize('dtype', TYPES)
def test_every_type_is_read_in_every_layout(dtype, layout):
    array = counting(dtype)
    found = samples(tiff_bytes(array, **layout), (5, 1, 3))
    assert found.dtype == array.dtype
    assert (found == array[..., [4, 0, 2]]).all()


@pytest.mark.parametrize('orientation', range(1, 9))
def test_the_orientation_is_applied(orientation):
    array = counting('f4', 1)
    found = samples(tiff_bytes(array, orientation))
    same = cv2.imdecode(np.frombuffer(
        tiff_bytes(array, orientation), np.uint8), cv2.IMREAD_UNCHANGED)
    assert (found[..., 0] == same).all()


@pytest.mark.parametrize('bits', [9, 10, 11, 12, 13, 14, 15])
@pytest.mark.parametrize('order', ['<', '>'])
def test_packed_bits_begin_with_the_highest(bits, order):
    array = (counting('u2', 3).astype(int) * 977 % 2**bits).astype('u2')
    found = samples(tiff_bytes(array, bits=bits, order=order), (1, 2, 3))
    assert (found == array).all()


@pytest.mark.parametrize(('compression', 'pack'), [
    (8, zlib.compress), (32946, zlib.compress)])
def test_deflate_is_read(compression, pack):
    array = counting('f4')
    assert (samples(tiff_bytes(
        array, compression=compression, pack=pack, rows=2), (2,)
    )[..., 0] == array[..., 1]).all()


@pytest.mark.parametrize('compression', [
    'tiff_lzw', 'tiff_adobe_deflate', 'packbits'])
def test_what_libtiff_compresses_is_read(compression):
    """Pillow writes one channel of 32 bits, and four of 8 bits."""
    for array in (counting('f4', 1)[..., 0], counting('u1', 4)):
        data = io.BytesIO()
        Image.fromarray(array).save(data, 'TIFF', compression=compression)
        last = array.ndim if array.ndim == 2 else 4
        found = samples(data.getvalue(), (1 if last == 2 else 4,))
        assert (found[..., 0] == (
            array if last == 2 else array[..., 3])).all()


def zstandard(data):
    """Write a frame of one block that is not compressed (RFC 8878)."""
    return (b'\x28\xb5\x2f\xfd\xa0' + struct.pack('<I', len(data))
            + struct.pack('<I', len(data) << 3 | 1)[:3] + data)


@pytest.mark.parametrize(('compression', 'pack'), [
    (34925, lzma.compress), (50000, zstandard)])
def test_lzma_and_zstandard_are_read_if_libtiff_has_them(compression, pack):
    array = counting('f4')
    content = tiff_bytes(array, compression=compression, pack=pack, rows=3)
    try:
        found = samples(content, (2,))[..., 0]
    except InputError as error:
        assert 'or save it with Deflate' in str(error)
        pytest.skip('this Pillow lacks the compression')
    assert (found == array[..., 1]).all()


@pytest.mark.parametrize('dtype', ['u1', 'u2', 'u4', 'i2', 'f4'])
@pytest.mark.parametrize('order', ['<', '>'])
def test_differences_along_rows_are_added(dtype, order):
    """Predictor 2 subtracts the left neighbour in the bits of the type."""
    array = counting(dtype, 3)
    whole = array.view(f'u{array.itemsize}')
    stored = whole.copy()
    stored[:, 1:] -= whole[:, :-1]
    content = tiff_bytes(
        stored.view(dtype), predictor=2, order=order, compression=8,
        pack=zlib.compress)
    assert (samples(content, (1, 2, 3)) == array).all()


@pytest.mark.parametrize('dtype', ['f2', 'f4', 'f8'])
@pytest.mark.parametrize('channels', [1, 3])
def test_differences_of_floating_point_numbers_are_added(dtype, channels):
    """Predictor 3 subtracts bytes, after sorting them by significance."""
    array = counting(dtype, channels)
    size = array.itemsize
    rows = array.astype(array.dtype.newbyteorder('>')).view('u1').reshape(
        7, -1, size).swapaxes(1, 2).reshape(7, -1)
    stored = rows.copy()
    stored[:, channels:] -= rows[:, :-channels]
    content = tiff_bytes(
        np.zeros_like(array), predictor=3, compression=8,
        pack=lambda data: zlib.compress(stored.tobytes()))
    found = samples(content, tuple(range(1, 1 + channels)))
    assert (found == array).all()


def test_a_bigtiff_is_read():
    array, data = counting('f4', 1)[..., 0], io.BytesIO()
    Image.fromarray(array).save(data, 'TIFF', big_tiff=True)
    assert data.getvalue()[2] == 43
    assert (samples(data.getvalue())[..., 0] == array).all()


def test_the_value_of_no_data_is_read():
    content = tiff_bytes(counting('f4', 1), nodata='-9999 ')
    assert no_data(tiff_facts(io.BytesIO(content))) == -9999
    content = tiff_bytes(counting('f4', 1), nodata='nan')
    assert np.isnan(no_data(tiff_facts(io.BytesIO(content))))
    assert no_data(tiff_facts(io.BytesIO(
        tiff_bytes(counting('f4', 1), nodata='none')))) is None


@pytest.mark.parametrize('layout', [
    {}, dict(rows=2), dict(tile=(4, 4)), dict(
        compression=8, pack=zlib.compress)], ids=str)
def test_a_file_that_is_cut_short_is_an_error(layout):
    content = tiff_bytes(counting('f4'), **layout)
    with pytest.raises(InputError, match='a.tif is no complete image'):
        samples(content[:-3])


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_damaged_bytes_give_samples_or_a_sentence(data):
    content = bytearray(tiff_bytes(
        counting('f4', 3), tile=(4, 4), compression=8, pack=zlib.compress))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, min(300, len(content) - 1)))
        content[place] = data.draw(st.integers(0, 255))
    facts = tiff_facts(io.BytesIO(bytes(content)))
    try:
        image = decode_image(bytes(content), 'a.tif')
        assert facts is None or image.shape[:2] == facts.oriented_size
    except InputError as error:
        assert 'a.tif' in str(error)
