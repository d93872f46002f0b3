import annotation_files as files
import numpy as np
import pytest

from mmseg_panet import notices
from mmseg_panet.annotations.formats.coco_objects import ObjectReader
from mmseg_panet.annotations.formats.coco_tables import CocoImage, CocoObject
from mmseg_panet.annotations.rasterize import label_runs
from mmseg_panet.errors import InputError

SIZE = (40, 60)
SQUARE = files.box_polygon(2, 6, 3, 9)
LINE = [1, 1, 9, 9]


@pytest.fixture
def said(monkeypatch):
    """The warnings."""
    sentences = []
    monkeypatch.setattr(
        notices, 'print_log', lambda text, *_: sentences.append(text))
    return sentences


def read(*objects, boxes=False, classes=('cat',), size=SIZE):
    """Read objects (segmentation, bbox) of one image; return labels."""
    reader = ObjectReader('a.json', boxes, classes)
    found = reader.read(CocoImage(1, 'a.jpg', size, [
        CocoObject(i, 'cat', segmentation, bbox, 0)
        for i, (segmentation, bbox) in enumerate(objects, start=5)]))
    reader.finish()
    return [label_runs([(one.encode(SIZE), 1)], SIZE) for one in found]


def region(top, bottom, left, right):
    labels = np.zeros(SIZE, np.uint8)
    labels[top:bottom, left:right] = 1
    return labels


def test_a_malformed_polygon_is_left_out_of_its_object(said):
    labels, = read(([LINE, SQUARE, [1, 2, 3, 4, 5, 6, 7]], None))
    assert (labels == region(2, 6, 3, 9)).all()
    note, = said
    assert note == (
        'left out 2 polygons of fewer than three points, of an odd number of '
        'coordinates or with one that is not finite, the first in a.json, '
        'annotation 5; outline it again if it is an object')


@pytest.mark.parametrize('nothing', [
    ([LINE], [1, 1, 8, 8]), (None, None), ([], []), ([[]], None)])
def test_an_object_without_a_region_is_left_out(nothing, said):
    labels, = read(nothing, ([SQUARE], None))
    assert (labels == region(2, 6, 3, 9)).all()
    assert 'left out 1 object without a region, the first is a.json, ' \
        'annotation 5; outline it if it is one' in said


def test_the_only_object_is_refused_if_it_has_no_region(said):
    with pytest.raises(ValueError, match='three or more points'):
        read(([LINE], None))
    with pytest.raises(ValueError, match='got None'):
        read((None, None))
    assert said == []


@pytest.mark.parametrize('empty', [None, [], [[]], {}])
def test_boxes_are_filled_by_a_switch_beside_polygons(empty, said):
    box, square = read(
        (empty, [10, 20, 5, 4.5]), ([SQUARE], [0, 0, 1, 1]), boxes=True)
    assert (box == region(20, 25, 10, 15)).all()
    assert (square == region(2, 6, 3, 9)).all()
    assert said == []
    with pytest.raises(InputError, match=(
            r'^a\.json, annotation 5: expected polygons or run-lengths, got '
            r'.*, as for 1 of 2 objects; fill the boxes .* \(--boxes\)')):
        read((empty, [10, 20, 5, 4]), ([SQUARE], None))


def test_boxes_of_classes_that_are_not_selected_are_no_error():
    assert read((None, [1, 1, 2, 2]), classes=['dog']) == []


@pytest.mark.parametrize(('box', 'inside'), [
    ([-6.4, -3.1, 70, 40], (0, 37, 0, 60)), ([50, 30, 20, 20],
                                             (30, 40, 50, 60)),
    ([80, 10, 5, 5], (0, 0, 0, 0)), ([5, 5, 0, 9], (0, 0, 0, 0))])
def test_a_box_is_cut_off_at_the_border_of_the_image(box, inside, said):
    labels, = read((None, box), boxes=True)
    assert (labels == region(*inside)).all()
    assert said == []


def test_boxes_that_may_be_corners_are_noticed(said):
    """As x, y, width, height it would be 30 pixels beyond 60."""
    labels, _ = read((None, [30, 10, 60, 40]), (None, [1, 2, 9, 9]),
                     boxes=True)
    assert (labels == region(10, 40, 30, 60)).all()
    note, = said
    assert note.startswith('1 box extends far beyond the image and')
    assert 'annotation 5; if it is x1, y1, x2, y2, change' in note


@pytest.mark.parametrize('box', ['abcd', [1, 2, 3], [1, 2, -3, 4],
                                 [1, 2, float('nan'), 4], dict(x=1)])
def test_a_malformed_box_is_refused(box):
    with pytest.raises((ValueError, TypeError)):
        read((None, box), boxes=True)


def test_fractions_are_multiplied_by_the_size_of_the_image(said):
    """Azure writes them."""
    square = [3 / 60, 2 / 40, 9 / 60, 2 / 40, 9 / 60, 6 / 40, 3 / 60, 6 / 40]
    polygon, box = read(
        ([square], None), (None, [30 / 60, 10 / 40, 20 / 60, 0.25]),
        boxes=True)
    assert (polygon == region(2, 6, 3, 9)).all()
    assert (box == region(10, 20, 30, 50)).all()
    note, = said
    assert note.startswith('a.json: all coordinates are fractions of 0..1')


@pytest.mark.parametrize('other', [
    ([SQUARE], None), (files.uncompressed(np.ones(SIZE, bool)), None),
    (None, [0, 0, 1, 1])])
def test_a_file_with_pixels_has_no_fractions(other, said):
    labels, _ = read(([[0.2, 0.2, 0.9, 0.2, 0.9, 0.9]], None), other,
                     boxes=True)
    assert not labels[2:].any()
    assert said == []
