import cv2
import numpy as np
import pytest
from image_files import ramp
from PIL import Image

from mmseg_panet.errors import InputError
from mmseg_panet.inference.images.image_source import read_image
from mmseg_panet.inference.images.tiff_file import tiff_facts


def pages(*sizes, **options):
    """Make pictures of increasing brightness."""
    return [Image.new('RGB', size, (10 * i,) * 3)
            for i, size in enumerate(sizes, 1)]


def test_of_several_pages_the_first_is_read_with_a_warning(
        tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(
        'mmseg_panet.inference.images.image_source.print_log',
        lambda text, *_: said.append(text))
    first, *others = pages((6, 4), (6, 4), (6, 4))
    path = str(tmp_path / 'a.tif')
    first.save(path, save_all=True, append_images=others)
    assert tiff_facts(path) == (8, 3, (4, 6))
    assert read_image(path).mean() == 10
    note, = said
    assert 'a.tif has 3 pages, of which only the first is read; save' in note


@pytest.mark.parametrize('kind', [1, 4])
def test_thumbnails_and_masks_are_no_pages(tmp_path, kind):
    first, small = pages((6, 4), (3, 2))
    path = str(tmp_path / 'a.TIFF')
    small.encoderinfo = dict(tiffinfo={254: kind})
    first.save(
        path, 'TIFF', save_all=True, append_images=[small])
    with Image.open(path) as picture:
        picture.seek(1)
        assert picture.tag_v2[254] == kind
    assert tiff_facts(path).pages == 1


@pytest.mark.parametrize('array', [
    np.zeros((4, 6), np.float32), np.zeros((4, 6, 3), np.float32),
    np.zeros((4, 6), np.float64), np.zeros((4, 6), np.int32)], ids=str)
def test_32_bits_are_named(tmp_path, array, capfd):
    path = str(tmp_path / 'a.tif')
    # Without compression: OpenCV 4 packs three floats into 32 bits otherwise.
    assert cv2.imwrite(path, array, [cv2.IMWRITE_TIFF_COMPRESSION, 1])
    with pytest.raises(InputError, match='got a TIFF of (32|64) bits; save'):
        read_image(path)
    assert not capfd.readouterr().err


def test_other_files_are_read_as_ever(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), ramp())
    (tmp_path / 'b.tif').write_bytes(b'II*\0\xff\xff\xff\xff')
    (tmp_path / 'c.tif').write_bytes(b'')
    for name in ('a.png', 'b.tif', 'c.tif', 'd.tif'):
        assert tiff_facts(str(tmp_path / name)) is None
