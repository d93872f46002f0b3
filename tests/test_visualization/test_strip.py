import numpy as np
import pytest

from mmseg_panet.visualization import overlay, plot_strip, way_colour

GREY = np.full((40, 60, 3), 100, np.uint8)


def test_the_colour_of_a_way_lies_over_its_pixels_alone():
    labels = np.zeros((40, 60), np.uint8)
    labels[10:20, 10:30] = 1
    picture = overlay(GREY, labels, opacity=0.5)
    expected = (100 + np.array(way_colour(1))) // 2
    assert picture[15, 20].tolist() == expected.tolist()
    assert picture[30, 40].tolist() == [100, 100, 100]
    assert (GREY == 100).all()


def test_each_way_has_its_own_colour():
    assert len({way_colour(way) for way in range(1, 11)}) == 10


@pytest.mark.parametrize(('ways', 'shots'), [(1, 1), (1, 5), (3, 2)])
def test_a_strip_shows_supports_query_ground_truth_and_prediction(ways, shots):
    labels = np.zeros((40, 60), np.uint8)
    strip = plot_strip(
        [[GREY] * shots] * ways, GREY, labels, labels + 1,
        [f'class {way}' for way in range(ways)], height=80)
    single = plot_strip([[GREY]], GREY, labels, labels, ['class'], height=80)
    assert strip.dtype == np.uint8
    assert strip.shape[1] >= single.shape[1] - 5
    # The prediction is on the right, all of it way 1.
    red, green, blue = strip[-10, -20].tolist()
    assert red > green and red > blue


def test_masks_of_another_size_are_plotted_at_the_size_of_the_image():
    labels = np.zeros((80, 120), np.uint8)
    plot_strip([[GREY]], GREY, labels, labels, ['class'])
