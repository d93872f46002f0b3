import pickle
from functools import partial

import numpy as np
import pytest
from PIL import Image

from mmseg_panet.annotations.objects import (
    MarkedImage,
    MarkedObject,
    bitmap,
    box,
    ellipse,
    mark,
    no_box,
    polygons,
    rotated_box,
    runs,
)
from mmseg_panet.errors import InputError

SIZE = (6, 8)


def labels(*objects, size=SIZE, image=None, classes=None, **settings):
    marked = [MarkedObject(name, encode, 'file, object 1')
              for name, encode in objects]
    found = mark([MarkedImage('a', marked, image, size, 'a.jpg')],
                 ['cat', 'dog'], 'hash', 'file', classes, **settings)
    task, = found.tasks
    return found.rasterize(task.source)


def square(top, left, height, width, size=SIZE):
    region = np.zeros(size, np.uint8)
    region[top:top + height, left:left + width] = 1
    return region


@pytest.mark.parametrize('encode', [
    polygons([[2, 1, 5, 1, 5, 4, 2, 4]]), box([2, 1, 3, 3]),
    polygons([[2 / 8, 1 / 6, 5 / 8, 1 / 6, 5 / 8, 4 / 6, 2 / 8, 4 / 6]],
             relative=True),
    box([2 / 8, 1 / 6, 3 / 8, 3 / 6], relative=True),
    bitmap(lambda: np.ones((3, 3), bool), 2, 1),
    runs(dict(size=list(SIZE), counts=[13, 3, 3, 3, 3, 3, 20]))])
def test_every_kind_of_region_covers_the_same_pixels(encode):
    assert (labels(('cat', encode)) == square(1, 2, 3, 3)).all()


@pytest.mark.parametrize(('x', 'y', 'inside'), [
    (-1, -2, (0, 0, 1, 2)), (6, 4, (4, 6, 2, 2)), (9, 1, (0, 0, 0, 0)),
    (-5, 1, (0, 0, 0, 0)), (1, -9, (0, 0, 0, 0))])
def test_a_mask_that_extends_beyond_the_image_is_cut_off(x, y, inside):
    found = labels(('cat', bitmap(lambda: np.ones((3, 3), bool), x, y)))
    assert (found == square(*inside)).all()


@pytest.mark.parametrize(('small_in_front', 'expected'), [
    (False, 2), (True, 1)])
def test_either_later_or_smaller_objects_are_in_front(
        small_in_front, expected):
    found = labels(('cat', box([2, 1, 2, 2])), ('dog', box([0, 0, 8, 6])),
                   small_in_front=small_in_front)
    assert found[1, 2] == expected
    assert found[0, 0] == 2


def test_only_selected_classes_are_rasterized():
    found = labels(('cat', box([0, 0, 1, 1])), ('dog', box([2, 2, 1, 1])),
                   classes=['dog'])
    assert (found == square(2, 2, 1, 1)).all()


def test_the_image_gives_a_size_that_the_annotations_lack(tmp_path):
    path = tmp_path / 'a.png'
    Image.new('L', SIZE[::-1]).save(path)
    found = labels(('cat', box([0, 0, .5, .5], relative=True)), size=None,
                   image=path)
    assert (found == square(0, 0, 3, 4)).all()


def test_a_malformed_region_names_its_place():
    with pytest.raises(InputError, match='file, object 1: expected polygons'):
        labels(('cat', polygons([[0, 0, 1, 1]])))
    with pytest.raises(InputError, match='file, object 1: expected pairs'):
        labels(('cat', polygons([[0, 0, .1]], relative=True)))


def test_a_box_is_rotated_clockwise_around_a_point():
    upright = rotated_box([2, 1, 4, 2], 90, centre=(2, 1))
    assert (labels(('cat', upright)) == square(1, 0, 4, 2)).all()
    around = rotated_box([2, 2, 4, 2], -90, centre=(4, 3))
    assert (labels(('cat', around)) == square(1, 3, 4, 2)).all()
    turned = rotated_box([2, 1, 3, 3], 720, centre=(0, 0))
    assert (labels(('cat', turned)) == square(1, 2, 3, 3)).all()


def test_an_ellipse_covers_the_pixels_whose_centre_is_inside():
    found = labels(('cat', ellipse((4, 3), (2, 1))))
    rows, columns = np.mgrid[:6, :8] + .5
    assert (found == (((columns - 4) / 2)**2 + (rows - 3)**2 <= 1)).all()
    assert found.sum() == 8  # 1.5, 0.5 is inside, 2.5, 0.5 is not


def test_an_ellipse_beyond_the_image_is_cut_off():
    assert labels(('cat', ellipse((0, 0), (2, 2)))).sum() == 3
    assert not labels(('cat', ellipse((-5, 3), (2, 2)))).any()


@pytest.mark.parametrize(('radii', 'words'), [
    ((0, 1), 'radii above 0'), ((float('nan'), 1), 'radii above 0'),
    ((1e9, 1), 'expected coordinates'), ((1, float('inf')), 'coordinates')])
def test_a_malformed_ellipse_is_refused(radii, words):
    with pytest.raises(InputError, match=f'file, object 1: .*{words}'):
        labels(('cat', ellipse((4, 3), radii)))


def test_a_box_that_is_not_to_be_filled_is_refused():
    with pytest.raises(InputError, match=r'^the place: .*got a box.*--boxes'):
        labels(('cat', no_box('the place')))


@pytest.mark.parametrize('encode', [
    polygons([[2, 1, 5, 1, 5, 4, 2, 4]]), box([2, 1, 3, 3]),
    ellipse((3, 3), (2, 1), 30), rotated_box([1, 1, 3, 2], 30, (1, 1)),
    bitmap(partial(np.ones, (3, 3), bool), 2, 1)])
def test_objects_can_be_sent_to_the_processes_that_rasterize_them(encode):
    assert pickle.loads(pickle.dumps(encode))(SIZE) == encode(SIZE)
