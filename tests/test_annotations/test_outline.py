import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageDraw
from pycocotools import mask as coco

from mmseg_panet.annotations.label_objects import label_objects
from mmseg_panet.annotations.outline import outline


def by_centres(polygon, size):
    """Fill as COCO does: the pixels whose centres are inside."""
    runs = coco.frPyObjects([polygon.astype(float).ravel().tolist()], *size)
    return coco.decode(runs)[..., 0] == 1


def by_pillow(polygon, size):
    """Fill as labelme does."""
    picture = Image.new('L', size[::-1])
    ImageDraw.Draw(picture).polygon(
        [tuple(point) for point in polygon.tolist()], 1, 1)
    return np.asarray(picture) == 1


def by_opencv(polygon, size):
    """Fill as Ultralytics does."""
    filled = np.zeros(size, np.uint8)
    cv2.fillPoly(filled, [polygon.astype(np.int32)], 1)
    return filled == 1


RULES = [by_centres, by_pillow, by_opencv]


def iou(one, other):
    return (one & other).sum() / (one | other).sum()


def drawn(*rows):
    return np.array([[letter == '#' for letter in row] for row in rows])


def ring(size, inner, outer):
    """A ring of two radii around the middle of a square."""
    place = np.arange(size) - (size - 1) / 2
    distance = np.hypot(place, place[:, None])
    return (distance >= inner) & (distance <= outer)


@pytest.mark.parametrize('rule', RULES)
@pytest.mark.parametrize('rows', [
    ['#'],
    ['#####'],
    ['#', '#', '#'],
    ['#..', '.#.', '..#'],
    ['..#', '.#.', '#..'],
    ['##..', '##..', '..##', '..##'],
    ['###', '#.#', '###'],
    ['.#.', '#.#', '.#.'],
    ['#######', '#.#.#.#', '#######', '#.###.#', '##...##', '#######'],
    ['#########', '#.......#', '#.#####.#', '#.#...#.#', '#.#.#.#.#',
     '#.#...#.#', '#.#####.#', '#.......#', '#########'],
    ['####..', '#..#..', '####..', '...###', '...#.#', '...###'],
], ids=lambda rows: '/'.join(rows))
def test_an_outline_is_filled_to_the_pixel_by_each_rule(rows, rule):
    mask = drawn(*rows)
    for one in label_objects(mask.astype(np.uint8)):
        filled = np.zeros((len(rows) + 2, len(rows[0]) + 2), bool)
        x, y, width, height = one.box
        filled[y + 1:y + 1 + height, x + 1:x + 1 + width] = one.mask
        polygon = one.polygon() + 1
        assert len(polygon) >= 4
        np.testing.assert_array_equal(rule(polygon, filled.shape), filled)


@settings(max_examples=60, deadline=None)
@given(arrays.arrays(bool, st.tuples(
    st.integers(1, 24), st.integers(1, 24))))
def test_no_object_is_changed_by_its_outline(mask):
    for one in label_objects(mask.astype(np.uint8)):
        polygon = outline(one.mask)
        for rule in RULES:
            assert iou(rule(polygon, one.mask.shape), one.mask) >= 0.98


@pytest.mark.parametrize('rule', RULES)
@pytest.mark.parametrize('inner', [0, 0.3])
@pytest.mark.parametrize('size', [20, 60, 300])
def test_a_smooth_object_keeps_its_iou(size, inner, rule):
    mask = ring(size, inner * size, size / 2)
    assert iou(rule(outline(mask), mask.shape), mask) >= 0.98


def test_a_large_object_has_few_vertices():
    assert len(outline(ring(600, 0, 290))) < 100


def test_the_vertices_lie_inside_the_pixels():
    assert outline(drawn('##', '##')).tolist() == [
        [0.25, 0.25], [0.25, 1.75], [1.75, 1.75], [1.75, 0.25]]
    points = outline(np.random.default_rng(0).random((50, 50)) < 2)
    assert (points.min(), points.max()) == (0.25, 49.75)


def test_a_hole_is_joined_by_a_line_there_and_back():
    polygon = outline(drawn('###', '#.#', '###')).tolist()
    # The hole's leftmost cells are those of the pixel on its left.
    assert [0.25, 1.25] in polygon or [0.25, 1.75] in polygon
    joints = [point for point in polygon if polygon.count(point) == 2]
    assert len({tuple(point) for point in joints}) == 2
    (left, first), (right, second) = sorted(joints[:2])
    assert (left, right) == (0.25, 0.75)
    assert first == second
