import pytest

from mmseg_panet.visualization.text import (
    fitted_text,
    font_for,
    one_line,
    text_width,
)

NAME = 'a name that is much longer than its place, number 17'


def test_a_text_that_fits_is_left_alone():
    assert fitted_text(NAME, 14, 10_000) == NAME
    assert fitted_text('', 14, 0) == ''


@pytest.mark.parametrize('width', [40, 100, 200])
def test_a_long_text_keeps_its_beginning_and_its_end(width):
    found = fitted_text(NAME, 14, width)
    start, end = found.split('\u2026')
    assert NAME.startswith(start) and NAME.endswith(end) and start
    assert width - 20 < text_width(found, 14) <= width


def test_letters_of_other_scripts_have_glyphs():
    """A letter without a glyph is shown as the same box as any other."""
    font = font_for('Käжλ', 20)
    box = font.getmask('\uffff').getbbox(), bytes(font.getmask('\uffff'))
    for letter in 'Käжλ':
        mask = font.getmask(letter)
        assert (mask.getbbox(), bytes(mask)) != box


def test_letters_that_no_font_has_are_no_error():
    assert text_width('\U0010fffd', 12) > 0


def test_a_line_break_is_a_blank():
    assert one_line('a\nb\tc\x00') == 'a b c '
