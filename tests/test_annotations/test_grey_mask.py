import cv2
import numpy as np
import pytest

from mmseg_panet.annotations.grey_mask import (
    Meaning,
    is_smooth,
    meaning_of_pair,
)

SIZE = (60, 80)
Y, X = np.mgrid[:SIZE[0], :SIZE[1]]


def disc(radius, y=30, x=40):
    return (Y - y) ** 2 + (X - x) ** 2 <= radius ** 2


def grown(region, pixels):
    return cv2.dilate(region.astype(np.uint8), np.ones(
        (2 * pixels + 1,) * 2, np.uint8)) > 0


def layers(*regions_and_values):
    """Paint regions over each other."""
    mask = np.zeros(SIZE, np.uint8)
    for region, value in regions_and_values:
        mask[region] = value
    return mask


BIG, SMALL = disc(20), disc(3)
SMALL_FAR = disc(3, 5, 5)


@pytest.mark.parametrize('grey', [1, 20, 128])
@pytest.mark.parametrize(('region', 'width'), [
    (BIG, 1), (BIG, 5), (disc(5), 3),
    (disc(12, 30, 2), 4),  # cut off by the border of the image
    (BIG | disc(4, 8, 70), 3)])
def test_an_object_with_an_outline_of_255_is_as_in_voc(grey, region, width):
    mask = layers((grown(region, width), 255), (region, grey))
    assert meaning_of_pair(mask, grey, 255) is Meaning.OUTLINED


@pytest.mark.parametrize('radius', [1, 2, 3])
@pytest.mark.parametrize('width', [1, 2])
def test_a_small_object_has_an_outline_among_outlines_of_others(
        radius, width):
    large, small = disc(20), disc(radius, 5, 70)
    mask = layers((grown(large, width), 255), (large, 0),
                  (grown(small, width), 255), (small, 9))
    assert meaning_of_pair(mask, 9, 255) is Meaning.OUTLINED


@pytest.mark.parametrize('mask', [
    layers((BIG, 9), (SMALL_FAR, 255)),  # another object, that is ignored
    layers((BIG, 9), (disc(1), 255)),  # a hole
    layers((BIG, 9), (X == 20, 255)),
    # Outlines of others, which have become background.
    layers((grown(disc(15, 30, 60), 3), 255), (disc(15, 30, 60), 0),
           (grown(disc(12, 30, 20), 3), 255), (disc(12, 30, 20), 0),
           (grown(disc(5, 8, 8), 3), 255), (disc(5, 8, 8), 9)),
])
def test_narrower_regions_of_255_than_of_another_object_are_unknown(mask):
    assert meaning_of_pair(mask, 9, 255) is Meaning.OUTLINED


@pytest.mark.parametrize('grey', [1, 128, 254])
@pytest.mark.parametrize('region', [BIG, disc(4), disc(2)])
def test_a_thin_edge_around_255_is_no_object(grey, region):
    """Also if it has more pixels than the object."""
    mask = layers((grown(region, 1), grey), (region, 255))
    assert meaning_of_pair(mask, grey, 255) is Meaning.SMOOTH


def test_an_edge_at_two_of_four_sides_is_no_object():
    box = (Y > 20) & (Y < 40) & (X > 20) & (X < 60)
    for grey in (1, 128):
        mask = layers((box, 255), (box & np.isin(Y, (21, 39)), grey))
        assert meaning_of_pair(mask, grey, 255) is Meaning.SMOOTH


@pytest.mark.parametrize('grey', [1, 128, 254])
@pytest.mark.parametrize('where', [(30, 40), (2, 2), (30, 59)])
def test_a_stray_pixel_is_no_object_wherever_it_is(grey, where):
    mask = layers((BIG, 255))
    mask[where] = grey
    assert meaning_of_pair(mask, grey, 255) is Meaning.SMOOTH


@pytest.mark.parametrize('mask', [
    # The map of a matting: 128 is unknown, and 255 is the object.
    layers((disc(20), 128), (disc(12), 255)),
    layers((disc(12, 30, 20), 128), (disc(13, 30, 60), 255)),
    layers((np.ones(SIZE, bool), 128), (disc(12), 255)),
    layers((disc(14), 255), (SMALL, 128)),  # a hole, or an object
])
def test_two_objects_leave_the_meaning_open(mask):
    assert meaning_of_pair(mask, 128, 255) is Meaning.OPEN


CRACK = (Y - 30 - X // 5 % 2) ** 2 < 2
WIDE = X < 60


@pytest.mark.parametrize('grey', [1, 63])
@pytest.mark.parametrize('region', [CRACK, disc(2, 40, 20), BIG])
@pytest.mark.parametrize('unknown', [
    X > 40, WIDE, np.ones(SIZE, bool), disc(20, 10, 10) | disc(15, 60, 60)])
def test_a_dark_grey_is_an_object_beside_any_region_of_255(
        grey, region, unknown):
    mask = layers((unknown, 255), (region, grey))
    assert meaning_of_pair(mask, grey, 255) is Meaning.OUTLINED


@pytest.mark.parametrize('grey', [1, 63])
def test_dark_specks_beside_a_small_object_leave_the_meaning_open(grey):
    mask = layers((disc(2), 255))
    mask[5:55:20, 5] = grey
    assert meaning_of_pair(mask, grey, 255) is Meaning.OPEN


def test_a_thin_line_away_from_255_is_no_stray():
    mask = layers((WIDE, 255), ((X == 70) & (Y > 9), 128))
    assert meaning_of_pair(mask, 128, 255) is Meaning.OPEN


def smooth(mask):
    return is_smooth(mask, np.unique(mask))


@pytest.mark.parametrize('largest', [255, 254, 238, 200, 4095, 65535])
@pytest.mark.parametrize('radius', [2, 4, 20])
def test_a_blurred_object_is_smooth_for_any_largest_value(largest, radius):
    soft = cv2.GaussianBlur(disc(radius).astype(np.float32), (0, 0), 0.8)
    soft = np.rint(soft / soft.max() * largest)
    assert smooth(soft.astype(np.uint8 if largest < 256 else np.uint16))
    assert smooth(soft.astype(np.int64))


@pytest.mark.parametrize('width', [2, 3])
def test_a_thin_line_that_was_resized_is_smooth(width):
    for scale, way in ((0.5, cv2.INTER_LINEAR), (0.7, cv2.INTER_AREA),
                       (4, cv2.INTER_LINEAR), (4, cv2.INTER_CUBIC)):
        line = cv2.polylines(
            np.zeros((240, 320), np.uint8), [np.array([
                (9, 30), (60, 90), (130, 70), (210, 200), (300, 220)])],
            False, 255, width)
        line = cv2.resize(line, None, fx=scale, fy=scale, interpolation=way)
        assert smooth(line) and smooth(line.astype(np.int64) * 257)
        assert smooth(line.astype(np.uint16) * 257)


@pytest.mark.parametrize('ids', [
    (1, 2, 3, 4), (20, 70, 120, 170, 220), (120, 170, 220)])
@pytest.mark.parametrize('width', [1, 3])
def test_thin_lines_with_ids_that_touch_each_other_are_not_smooth(ids, width):
    """Lanes of a road, which meet far away."""
    mask = np.zeros((256, 448), np.uint8)
    for place, i in enumerate(ids):
        cv2.line(mask, (90 * place, 255), (200 + 3 * place, 60), i, width)
    assert not smooth(mask)
    assert not smooth(mask.astype(np.uint16) * 257)


def test_noise_of_a_jpeg_is_no_object():
    random = np.random.default_rng(0)
    mask = np.where(BIG, random.integers(243, 256, SIZE),
                    random.integers(0, 13, SIZE)).astype(np.uint8)
    assert smooth(mask)
    _, data = cv2.imencode('.jpg', layers((BIG, 255)))
    assert smooth(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))


@pytest.mark.parametrize('mask', [
    layers((BIG, 255), (SMALL_FAR, 1), (disc(3, 5, 20), 2)),  # ids
    layers((BIG, 255), (SMALL_FAR, 100), (disc(3, 5, 20), 200)),
    layers((BIG, 250), (SMALL_FAR, 240)),
    layers((BIG, 2), (grown(SMALL, 1), 1)),  # too dark for a white object
    (X * 3).astype(np.uint8),
    np.random.default_rng(0).integers(0, 256, SIZE, np.uint8),
    layers((BIG, 255)).astype(int) - 1,
])
def test_ids_and_photographs_are_not_smooth(mask):
    assert not smooth(mask)
