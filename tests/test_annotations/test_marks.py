import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco

from mmseg_panet.errors import InputError
from mmseg_panet.inference.supports import read_supports

SIZE = (20, 30)
PHOTO = np.zeros((*SIZE, 3), np.uint8)
Y, X = np.mgrid[:SIZE[0], :SIZE[1]]


def labels(annotation):
    return read_supports(
        {'cat': [(PHOTO, annotation)]})['cat'][0].rasterize(SIZE)


@pytest.mark.parametrize('form', [list, tuple, np.array])
@pytest.mark.parametrize('wrap', [lambda x: x, lambda x: {'boxes': x}])
def test_the_pixels_that_boxes_touch_are_the_object(form, wrap):
    boxes = form([[2, 3, 4, 5], [10.5, 1.2, 2, 1], [25, 15, 5.9, 5.9]])
    expected = np.zeros(SIZE, np.uint8)
    expected[3:8, 2:6] = 1
    expected[1:3, 10:13] = 1  # 1.2..2.2 and 10.5..12.5
    expected[15:, 25:] = 1  # less than a pixel outside is cut off
    assert (labels(wrap(boxes)) == expected).all()


def test_four_columns_of_bool_are_a_mask():
    narrow = np.zeros((SIZE[0], 4), bool)
    narrow[2, 1] = True
    source = {'cat': [(PHOTO[:, :4], narrow)]}
    found = read_supports(source)['cat'][0].rasterize(narrow.shape)
    assert (found == narrow).all()


@pytest.mark.parametrize('box', [
    [10, 5, 25, 8],  # x1, y1, x2, y2
    [10, 5, 0.0, 8], [10.5, 5, 3, -1], [30, 0, 1, 1], [-1.1, 0, 3, 3],
    [0, 18, 2, 3.5], [float('nan'), 0, 1, 1], [1, 2, 3], 7])
def test_the_error_of_an_invalid_box_states_the_convention(box):
    with pytest.raises(
            InputError, match=r'x, y, width, height.* corners x1, y1') as err:
        labels([[1, 1, 2, 2], box])
    assert '\n' not in str(err.value)


def test_polygons_are_rasterized_as_in_coco():
    polygons = [[1.5, 2.5, 20.2, 3.1, 9.7, 17.3], [22, 2, 28, 2, 28, 9, 22, 9]]
    expected = coco.decode(coco.merge(coco.frPyObjects(polygons, *SIZE)))
    assert (expected[2:9, 22:28] == 1).all()
    assert (labels({'polygons': polygons}) == expected).all()
    arrays = [np.array(polygon) for polygon in polygons]
    assert (labels({'polygons': arrays}) == expected).all()


def test_scribbles_are_lines_and_the_rest_is_unknown():
    found = labels({
        'scribbles': [[(5.9, 4), (5.2, 10)], [(20, 3)]],
        'background_scribbles': [[(10, 15), (25, 15)]], 'width': 1})
    expected = np.full(SIZE, 255)
    expected[4:11, 5] = expected[3, 20] = 1
    expected[15, 10:26] = 0
    assert (found == expected).all()


def test_a_line_is_three_pixels_wide_by_default():
    """The ends have the shape of OpenCV's 3x3 ellipse, a plus."""
    found = labels({'scribbles': [[(5, 4), (5, 10)]]})
    expected = np.full(SIZE, 255)
    expected[4:11, 4:7] = expected[3:12, 5] = 1
    assert (found == expected).all()


def test_points_are_discs_and_the_rest_is_unknown():
    found = labels({
        'points': [(5.5, 6.5), (30, 0)], 'background_points': [(20, 10)]})
    expected = np.full(SIZE, 255)
    expected[(X - 5)**2 + (Y - 6)**2 <= 9] = 1
    expected[(X - 29)**2 + Y**2 <= 9] = 1
    expected[(X - 20)**2 + (Y - 10)**2 <= 9] = 0
    assert (found == expected).all()
    assert (labels({'points': [(5, 6)], 'radius': 0}) == 1).sum() == 1


def test_pixels_that_are_marked_both_ways_are_unknown():
    found = labels({
        'scribbles': [[(5, 5), (15, 5)]], 'width': 1,
        'background_scribbles': [[(10, 2), (10, 8)]]})
    assert found[5, 9] == 1
    assert found[4, 10] == 0
    assert found[5, 10] == 255


def test_values_of_a_scribble_file_besides_0_and_255_are_object(tmp_path):
    values = np.random.default_rng(0).choice([0, 3, 8, 255], SIZE)
    path = tmp_path / 'a.png'
    Image.fromarray(values.astype(np.uint8)).save(path)
    expected = np.select([values == 0, values == 255], [0, 255], 1)
    assert (labels({'scribbles': path}) == expected).all()
    assert (labels({'scribbles': str(path)}) == expected).all()


@pytest.mark.parametrize(('values', 'got'), [
    (np.where(X < 9, 0, 255), 'no'), (8 * X + Y % 2, '59')])
def test_a_scribble_file_has_a_value_for_the_object_and_no_smooth_edge(
        tmp_path, values, got):
    path = tmp_path / 'a.png'
    Image.fromarray(values.astype(np.uint8)).save(path)
    with pytest.raises(InputError, match=(
            rf'a\.png: expected 0 .* got {got} others; paint these with 1')):
        labels({'scribbles': path})


@pytest.mark.parametrize(('annotation', 'sentence'), [
    ({'boxs': []}, r"one of \['boxes', 'polygons', 'scribbles', 'points'\]"),
    ({}, 'expected one of'),
    ({'boxes': [[1, 1, 2, 2]], 'points': [(1, 1)]}, 'or remove the others'),
    ({'points': [(1, 1)], 'width': 3},
     r"only \['background_points', 'radius'\]"),
    ({'scribbles': 'absent.png'}, r'no file absent\.png'),
    ({'boxes': 'a.png'}, 'expected a list of boxes'),
    (7, 'expected a mask, boxes or a dict'),
    (None, 'expected a mask, boxes or a dict'),
    ('absent.png', r'no file absent\.png'),
])
def test_an_invalid_annotation_raises_an_error_when_it_is_read(
        annotation, sentence):
    with pytest.raises(
            InputError, match=r'example 1 of class .*' + sentence) as caught:
        read_supports({'cat': [(PHOTO, annotation)]})
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(('annotation', 'sentence'), [
    ([], 'at least one pixel of the class, got none'),
    ({'points': []}, 'at least one pixel of the class'),
    ({'points': [(31.5, 2)]}, r'inside the image of 30x20, got \(31\.5, 2'),
    ({'points': [3, 4]}, r'expected points \[\(x, y\), ...\], got'),
    ({'points': [(3, 4)], 'radius': -1}, 'radius of 0 or more, got -1'),
    ({'points': [(3, 4)], 'radius': 'a'}, 'radius of 0 or more'),
    ({'scribbles': [(3, 4), (5, 6)]}, r'expected points \[\(x, y\), ...\]'),
    ({'scribbles': [[(3, 4)]], 'width': 0}, r'width of 1\.\.30 pixels, got 0'),
    ({'scribbles': [[(3, 4)]], 'width': 31}, r'width of 1\.\.30 pixels'),
    ({'scribbles': [[(3, 25)]]}, 'inside the image of 30x20'),
    ({'polygons': [[1, 2, 3, 4]]}, 'polygons of three or more points'),
    ({'polygons': [[(1, 1), (5, 1)]]}, 'polygons of three or more'),
    ({'polygons': [[1, 2, 3, 4, 5, 1e9]]}, 'ten times'),
    ({'polygons': 5}, 'example 1'),
    ({'points': [('a', 'b')]}, 'example 1'),
])
def test_marks_that_cannot_be_rasterized_raise_an_input_error(
        annotation, sentence):
    support, = read_supports({'cat': [(PHOTO, annotation)]})['cat']
    with pytest.raises(InputError, match=sentence) as caught:
        support.rasterize(SIZE)
    assert "example 1 of class 'cat'" in str(caught.value)
    assert '\n' not in str(caught.value)


def test_a_polygon_is_a_list_of_points_or_of_numbers():
    flat, points = (
        read_supports({'cat': [(PHOTO, dict(polygons=[polygon]))]})['cat'][0]
        for polygon in ([1, 1, 9, 1, 9, 9], [(1, 1), (9, 1), (9, 9)]))
    np.testing.assert_array_equal(
        flat.rasterize(PHOTO.shape[:2]),
        points.rasterize(PHOTO.shape[:2]))
