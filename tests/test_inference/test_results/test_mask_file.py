import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from result_parts import PALETTE, prediction

from mmseg_panet.errors import InputError
from mmseg_panet.inference.results.mask_file import (
    read_summary,
    write_prediction,
)


def test_a_mask_says_what_it_shows(tmp_path):
    write_prediction(tmp_path / 'a.png', prediction(), PALETTE)
    summary = read_summary(tmp_path / 'a.png')
    assert summary.classes == ('cat', 'Köter')
    assert summary.size == (4, 6)
    assert summary.areas == (
        (0, 16, 0.5), (1, 6, 0.75), (2, 0, None), (255, 2, 0.375))


def test_the_mask_of_another_program_is_an_error(tmp_path):
    Image.fromarray(prediction().class_map).save(tmp_path / 'other.png')
    with pytest.raises(InputError, match='other.png is not a mask'):
        read_summary(tmp_path / 'other.png')


@pytest.mark.parametrize('text', [
    '[' * 100_000, '3', '[]', '{"classes": 3, "areas": [], "source": ""}',
    '{"classes": [], "areas": 3, "source": ""}'])
def test_a_mask_with_a_hostile_text_is_an_error(tmp_path, text):
    chunks = PngInfo()
    chunks.add_text('mmseg_panet', text)
    Image.new('P', (4, 4)).save(tmp_path / 'a.png', pnginfo=chunks)
    with pytest.raises(InputError, match='not a mask that was written here'):
        read_summary(tmp_path / 'a.png')
