import numpy as np
import pytest

from mmseg_panet.annotations.class_colours import class_palette
from mmseg_panet.visualization.legend import (
    LegendEntry,
    font_size,
    legend_entries,
    percent,
    plot_legend,
)

CLASSES = ('cat', 'dog', 'cow')
PALETTE = class_palette(CLASSES)


def has(picture, colour):
    return (picture == colour).all(-1).any()


def test_the_legend_lists_what_is_present_with_its_share():
    """Of 2 x 50 pixels 20 are cat, 5 cow, 25 undecided."""
    first, second = np.zeros((2, 5, 10), np.uint8)
    first[:2] = 1
    second[0, :5] = 3
    second[1:3] = 255
    second[3, :5] = 255
    assert legend_entries([first, second], CLASSES, PALETTE) == [
        ('cat', tuple(PALETTE[1]), 20.0), ('cow', tuple(PALETTE[3]), 5.0),
        ('undecided', (128, 128, 128), 25.0)]
    assert legend_entries([first * 0], CLASSES, PALETTE) == []


@pytest.mark.parametrize(('share', 'text'), [
    (0, '0.0%'), (0.04, '<0.1%'), (0.1, '0.1%'), (99.9, '99.9%'),
    (99.96, '100%'), (100, '100%')])
def test_a_small_share_is_not_called_zero(share, text):
    assert percent(share) == text


@pytest.mark.parametrize('number', [1, 3, 20])
@pytest.mark.parametrize('width', [1, 300, 4000])
def test_every_colour_of_a_legend_is_shown_at_any_width(number, width):
    names = [f'class {i} with a name that is far too long' for i in range(
        number)]
    palette = class_palette(names)
    entries = [
        LegendEntry(name, tuple(palette[i].tolist()), 1.0)
        for i, name in enumerate(names, 1)]
    picture = plot_legend(entries, width, 13)
    assert picture.dtype == np.uint8 and picture.shape[1] >= width
    assert all(has(picture, entry.colour) for entry in entries)
    # Text is not cut at the right edge.
    assert (picture[:, -1] == 255).all()


def test_wide_legends_have_several_columns():
    entries = [LegendEntry(f'{i}', (i, 200, 9), 5.0) for i in range(12)]
    narrow, wide = (plot_legend(entries, width, 13) for width in (80, 2000))
    assert len(narrow) > 5 * len(wide)


def test_without_entries_a_sentence_is_written():
    picture = plot_legend([], 10, 13)
    assert (picture < 100).any()


def test_text_can_be_read_at_any_size_of_the_image():
    assert font_size(10, 10) == 13
    assert font_size(600, 800) == 22
    assert font_size(6000, 8000) == 64
