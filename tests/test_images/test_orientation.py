import io
import struct

import numpy as np
import pytest
from image_files import SEEN, oriented_bytes, xmp
from PIL import Image, ImageOps, PngImagePlugin

from mmseg_panet.images.decoder import decode_image
from mmseg_panet.images.image_files import (
    orient_labels,
    size_and_orientation,
)
from mmseg_panet.images.orientation import (
    orientation_of,
    oriented_size,
    turn,
    upright,
)


@pytest.mark.parametrize('orientation', range(1, 9))
def test_each_orientation_turns_the_corners_as_exif_defines_them(orientation):
    """Row 0 and column 0 are at the top and left, bottom, right of EXIF."""
    stored = np.array([[1, 2, 0], [3, 4, 0]])
    expected = {
        1: [[1, 2, 0], [3, 4, 0]], 2: [[0, 2, 1], [0, 4, 3]],
        3: [[0, 4, 3], [0, 2, 1]], 4: [[3, 4, 0], [1, 2, 0]],
        5: [[1, 3], [2, 4], [0, 0]], 6: [[3, 1], [4, 2], [0, 0]],
        7: [[0, 0], [4, 2], [3, 1]], 8: [[0, 0], [2, 4], [1, 3]]}
    assert turn(stored, orientation).tolist() == expected[orientation]


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('kind', SEEN)
def test_an_image_a_mask_and_a_size_are_what_a_viewer_shows(
        kind, orientation, tmp_path):
    """The bright square is top left of what is seen, 24 wide and 16 high."""
    content = oriented_bytes(kind, orientation)
    path = tmp_path / 'a.dat'
    path.write_bytes(content)
    image = decode_image(content, path)
    assert image.shape == (16, 24, 3)
    seen = np.zeros((16, 24), bool)
    seen[:8, :8] = True
    assert ((image[..., 1] > 128) == seen).all()
    size, found = size_and_orientation(path)
    assert (size, found) == ((16, 24), orientation)
    with Image.open(io.BytesIO(content)) as picture:
        assert oriented_size(picture) == (16, 24)
        assert orientation_of(picture) == orientation
        pixels = np.asarray(upright(picture).convert('L'))
        assert ((pixels > 128) == seen).all()
    # Labels as stored are turned; those as seen are taken as they are.
    stored = turn(np.uint8(seen), {6: 8, 8: 6}.get(orientation, orientation))
    if orientation > 4:
        assert (orient_labels(stored, path) == seen).all()
    assert (orient_labels(np.uint8(seen), path) == seen).all()


@pytest.mark.parametrize('orientation', [0, 9, 300, 65535])
def test_an_orientation_that_does_not_exist_is_none(orientation):
    image = decode_image(oriented_bytes('jpg', 1, written=orientation), 'a')
    assert image.shape == (16, 24, 3)


@pytest.mark.parametrize('segments', [
    [xmp(1), 'exif'], ['exif', xmp(1)], [b'Exif\0\0', 'exif'],
    ['exif', b'ICC_PROFILE\0\1\1'], ['exif', 'exif']])
def test_a_jpeg_may_have_several_segments_of_metadata(segments):
    exif = b'Exif\0\0' + struct.pack(
        '>2sHIHHHIHHI', b'MM', 42, 8, 1, 274, 3, 1, 6, 0, 0)
    plain = oriented_bytes('jpg', 6, written=None)
    marks = b''.join(
        b'\xff\xe1' + struct.pack('>H', len(one) + 2) + one
        for one in (exif if one == 'exif' else one for one in segments))
    content = plain[:2] + marks + plain[2:]
    with Image.open(io.BytesIO(content)) as picture:
        expected = ImageOps.exif_transpose(picture).size[::-1]
    assert decode_image(content, 'a').shape[:2] == expected


def test_metadata_of_a_png_may_follow_its_pixels():
    content = oriented_bytes('png', 6)
    end = content.index(b'IDAT') - 4
    length, = struct.unpack('>I', content[end:end + 4])
    start = content.index(b'eXIf') - 4
    late = content[:start] + content[end:end + 12 + length] + (
        content[start:end]) + content[end + 12 + length:]
    assert late.index(b'IDAT') < late.index(b'eXIf')
    assert decode_image(late, 'a').shape == (16, 24, 3)


def test_damaged_metadata_leave_the_pixels_as_they_are_stored():
    info = PngImagePlugin.PngInfo()
    info.add(b'eXIf', b'II*\0\xff\xff')
    data = io.BytesIO()
    Image.new('L', (6, 4)).save(data, 'PNG', pnginfo=info)
    assert decode_image(data.getvalue(), 'a').shape == (4, 6, 3)
