import io

import cv2
import numpy as np
import pytest
from image_files import ramp, tiff_bytes
from PIL import Image

from mmseg_panet.images.image_files import size_and_orientation
from mmseg_panet.images.tiff_file import FLOAT, UNSIGNED, tiff_facts


def facts_of(path):
    with open(path, 'rb') as file:
        return tiff_facts(file)


def pages(*sizes):
    """Make pictures of increasing brightness."""
    return [Image.new('RGB', size, (10 * i,) * 3)
            for i, size in enumerate(sizes, 1)]


def test_pages_bits_and_channels_are_read_from_the_directories(tmp_path):
    first, *others = pages((6, 4), (6, 4), (6, 4))
    path = tmp_path / 'a.tif'
    first.save(path, save_all=True, append_images=others)
    facts = facts_of(path)
    assert (facts.bits, facts.pages, facts.size) == (8, 3, (4, 6))
    assert (facts.channels, facts.kind, facts.alpha) == (3, UNSIGNED, False)


@pytest.mark.parametrize('kind', [1, 4])
def test_thumbnails_and_masks_are_no_pages(tmp_path, kind):
    first, small = pages((6, 4), (3, 2))
    path = tmp_path / 'a.TIFF'
    small.encoderinfo = dict(tiffinfo={254: kind})
    first.save(
        path, 'TIFF', save_all=True, append_images=[small])
    with Image.open(path) as picture:
        picture.seek(1)
        assert picture.tag_v2[254] == kind
    assert facts_of(path).pages == 1


def test_a_tiff_is_known_by_its_content_and_not_by_its_suffix(tmp_path):
    path = tmp_path / 'a.png'
    path.write_bytes(tiff_bytes(np.zeros((4, 6, 5), np.float32)))
    facts = facts_of(path)
    assert (facts.bits, facts.channels, facts.kind) == (32, 5, FLOAT)
    # Pillow does not open five channels.
    assert size_and_orientation(path) == ((4, 6), 1)


@pytest.mark.parametrize(('photometric', 'extra', 'colours'), [
    (2, None, 3), (2, 2, 3), (2, 1, 3), (2, 0, 4), (1, 0, 4), (5, None, 3)])
def test_a_fourth_channel_is_an_opacity_if_the_file_says_so(
        photometric, extra, colours):
    facts = tiff_facts(io.BytesIO(tiff_bytes(
        np.zeros((4, 6, 4), np.uint8), photometric=photometric, extra=extra)))
    assert facts.colours == colours


def test_other_files_and_damaged_ones_have_no_facts(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), ramp())
    (tmp_path / 'b.tif').write_bytes(b'II*\0\xff\xff\xff\xff')
    (tmp_path / 'c.tif').write_bytes(b'')
    for name in ('a.png', 'b.tif', 'c.tif'):
        assert facts_of(tmp_path / name) is None
