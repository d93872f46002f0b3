import numpy as np
import pytest

from mmseg_panet.annotations.class_colours import class_palette
from mmseg_panet.errors import InputError
from mmseg_panet.visualization import segmentation_plot
from mmseg_panet.visualization.overlay import OverlayStyle, overlay
from mmseg_panet.visualization.segmentation_plot import (
    overlay_with_legend,
    plot_grid,
    plot_segmentation,
)

CLASSES = ('cat', 'трава')
PALETTE = class_palette(CLASSES)


def image_and_labels(height=40, width=60):
    labels = np.zeros((height, width), np.uint8)
    labels[:height // 2, :width // 2] = 1
    return np.full((height, width, 3), 100, np.uint8), labels


def test_the_image_keeps_its_place_above_the_legend():
    image, labels = image_and_labels()
    picture = overlay_with_legend(image, labels, CLASSES, PALETTE)
    assert (picture[:40, :60] == overlay(image, labels, PALETTE)).all()
    assert (picture[:40, 60:] == 255).all()
    assert (picture[40:] == PALETTE[1]).all(-1).sum() >= 100
    assert not (picture[40:] == PALETTE[2]).all(-1).any()


def test_outlines_are_wider_in_large_images():
    widths = []
    for scale in (1, 50):
        image, labels = image_and_labels(40 * scale, 60 * scale)
        picture = overlay(image, labels, PALETTE)
        distances = np.abs(picture[5].astype(int) - PALETTE[1]).max(-1)
        widths.append((distances < 16)[20 * scale:].sum())
    assert widths[0] == 1 and 5 <= widths[1] <= 10


@pytest.mark.parametrize('longest', [None, 300, 20])
def test_small_images_are_enlarged(longest):
    image, labels = image_and_labels()
    picture = plot_segmentation(image, labels, CLASSES, PALETTE, longest)
    side = longest or 480
    height = round(side * 40 / 60)
    # The lower right quarter is the image as it was.
    middle = picture[height * 3 // 4, side * 3 // 4]
    assert np.abs(middle.astype(int) - 100).max() <= 1
    assert picture.shape[1] >= side and len(picture) > height


@pytest.mark.parametrize('number', [1, 2, 5])
def test_a_grid_has_a_place_for_each_image(number):
    """Each of a grey of its own, and of a size of its own."""
    greys = [60 + 20 * i for i in range(number)]
    images = [np.full((30 + 40 * i, 90, 3), grey, np.uint8)
              for i, grey in enumerate(greys)]
    labels = [np.zeros(image.shape[:2], np.uint8) for image in images]
    labels[0][:] = 2
    picture = plot_grid(
        images[1:] + images[:1], labels[1:] + labels[:1], ['a\nb'] * number,
        CLASSES, PALETTE, 'and 3 more')
    for grey in greys[1:]:
        assert (picture == grey).all(-1).sum() > 2000
    assert (picture == PALETTE[2]).all(-1).any()


@pytest.mark.parametrize('grey', [0, 100, 128, 255])
def test_undecided_pixels_are_seen_on_every_photograph(grey):
    """Grey on grey vanishes, and an outline in one colour would too."""
    labels = np.zeros((40, 60), np.uint8)
    labels[10:30, 40:] = 255
    picture = overlay(np.full((40, 60, 3), grey, np.uint8), labels, PALETTE)
    top, left, inside = (
        picture[10, 41:], picture[12:28, 40], picture[11:29, 41:])
    for line in (top, left):
        assert {0, 255} == set(np.unique(line))
    mixed = int(0.55 * grey + 0.45 * 128)
    assert (inside == mixed).all()  # the border of the image has no outline
    assert (picture[labels == 0] == grey).all()


def test_a_legend_of_several_images_says_that_it_is_of_all(monkeypatch):
    lines = []
    plain = segmentation_plot.text_line

    def text_line(text, width):
        lines.append(text)
        return plain(text, width)

    monkeypatch.setattr(segmentation_plot, 'text_line', text_line)
    image, labels = image_and_labels()
    for number, note in ((2, 'and 3 more'), (2, ''), (1, '')):
        plot_grid([image] * number, [labels] * number, ['a'] * number,
                  CLASSES, PALETTE, note)
    of_all = 'percentages are of all pixels of the 2 images shown'
    assert lines == [
        'a', 'a', f'and 3 more; {of_all}', 'a', 'a', of_all, 'a']


def test_an_opacity_is_0_to_1():
    for opacity in (-0.1, 1.1, 'full'):
        with pytest.raises(InputError, match='opacity'):
            OverlayStyle(opacity)


def test_an_overlay_without_a_legend_has_the_size_of_its_image():
    image, labels = image_and_labels()
    picture = overlay_with_legend(
        image, labels, CLASSES, PALETTE, OverlayStyle(1, legend=False))
    assert picture.shape == image.shape
    assert (picture[5:15, 5:25] == PALETTE[1]).all()


def test_the_names_of_the_classes_are_on_their_objects():
    image, labels = image_and_labels(200, 300)
    plain, named = (overlay_with_legend(
        image, labels, CLASSES, PALETTE, OverlayStyle(names=names))
        for names in (False, True))
    changed = (plain != named).any(-1)
    assert changed.sum() > 50
    assert not changed[labels.shape[0]:].any()  # the legend
    assert not changed[:200][labels == 0].any()


def test_a_grid_takes_iterators_and_has_the_columns_that_are_asked_for():
    image, labels = image_and_labels()
    sizes = [plot_grid(
        (image for _ in range(3)), (labels for _ in range(3)), iter('abc'),
        CLASSES, PALETTE, columns=columns, tile=100,
        style=OverlayStyle(legend=False)).shape for columns in (1, 3)]
    assert sizes[0][1] == 108 and sizes[1][1] == 3 * 108
    assert sizes[0][0] == 3 * sizes[1][0]
