import json
import math

import numpy as np
import pytest
from annotation_files import mask_of, zipped
from tool_exports import (
    save_image,
    sly_bitmap,
    sly_figure,
    sly_polygon,
    sly_rectangle,
    square,
    write_json,
    write_supervisely,
)

from mmseg_panet.annotations import convert_supervisely
from mmseg_panet.annotations.detection import read_any
from mmseg_panet.errors import InputError
from mmseg_panet.inference.supports.source import read_supports

SIZE = (8, 12)
TRIANGLE = [[1, 1], [5, 1], [5, 5]]


@pytest.fixture
def warnings(monkeypatch):
    found = []
    monkeypatch.setattr(
        'mmseg_panet.annotations.left_out.warn', found.append)
    return found


def labels_of(tmp_path, *figures):
    found = read_any(write_supervisely(
        tmp_path / 'project', {'ds/a.jpg': figures}), None)
    task, = found.tasks
    return found.rasterize(task.source)


def test_a_polygon_includes_the_pixels_of_its_outline(tmp_path):
    found = labels_of(
        tmp_path, sly_polygon([[2, 1], [5, 1], [5, 3], [2, 3]]))
    assert (found == square(SIZE, 1, 2, 3, 4)).all()


def test_a_hole_is_cut_out_with_the_pixels_of_its_outline(tmp_path):
    found = labels_of(tmp_path, sly_polygon(
        [[1, 1], [9, 1], [9, 6], [1, 6]], [[3, 3], [4, 3], [4, 4], [3, 4]],
        [[7, 2], [7, 3], [6, 3]]))
    expected = square(SIZE, 1, 1, 6, 9) & ~square(SIZE, 3, 3, 2, 2)
    expected[2, 7] = expected[3, 6:8] = False
    assert (found == expected).all()


def test_a_hole_is_only_cut_out_of_its_own_polygon(tmp_path):
    found = labels_of(
        tmp_path, sly_polygon([[0, 0], [11, 0], [11, 7], [0, 7]]),
        sly_polygon([[1, 1], [9, 1], [9, 6], [1, 6]],
                    [[3, 3], [5, 3], [5, 4], [3, 4]], title='dog'))
    assert (found[3:5, 3:6] == 1).all()
    assert found[2, 3] == 2


def test_parts_of_a_multipolygon_are_united(tmp_path):
    found = labels_of(tmp_path, sly_figure('multipolygon', parts=[
        dict(exterior=[[0, 0], [1, 0], [1, 1], [0, 1]], interior=[]),
        dict(exterior=[[4, 4], [8, 4], [8, 7], [4, 7]],
             interior=[[[5, 5], [6, 5], [6, 6], [5, 6]]])]))
    assert (found == (square(SIZE, 0, 0, 2, 2) | square(SIZE, 4, 4, 4, 5)
                      & ~square(SIZE, 5, 5, 2, 2))).all()


def test_a_rectangle_includes_both_corner_pixels(tmp_path):
    found = labels_of(tmp_path, sly_rectangle(5, 3, 2, 1))
    assert (found == square(SIZE, 1, 2, 3, 4)).all()


def test_an_oriented_box_is_rotated_clockwise_around_its_centre(tmp_path):
    found = labels_of(tmp_path, sly_figure(
        'oriented_bbox', points=[[3, 3], [7, 5]], angle=math.pi / 2))
    assert (found == square(SIZE, 2, 4, 5, 3)).all()


@pytest.mark.parametrize('mode', ['P', 'L', 'RGBA'])
@pytest.mark.parametrize('compress', [False, True])
def test_a_bitmap_lies_at_its_origin(tmp_path, mode, compress):
    mask = np.array([[1, 0, 1], [0, 1, 1]], bool)
    found = labels_of(tmp_path, sly_bitmap(
        mask, 7, 4, mode=mode, compress=compress))
    expected = np.zeros(SIZE, bool)
    expected[4:6, 7:10] = mask
    assert (found == expected).all()


def test_an_alpha_mask_is_divided_at_half_of_its_opacity(tmp_path):
    values = np.array([[0, 127, 128, 255]])
    found = labels_of(tmp_path, sly_bitmap(
        values, 0, 0, mode='alpha') | dict(geometryType='alpha_mask'))
    assert (found == square(SIZE, 0, 2, 1, 2)).all()


def test_figures_beyond_the_image_are_cut_off(tmp_path):
    found = labels_of(
        tmp_path, sly_polygon([[-3, -2], [3, -2], [3, 2], [-3, 2]]),
        sly_bitmap(np.ones((4, 4), bool), 10, 6),
        sly_rectangle(-2, 7, 1, 9))
    assert (found == (square(SIZE, 0, 0, 3, 4) | square(SIZE, 6, 10, 2, 2)
                      | square(SIZE, 7, 0, 1, 2))).all()


def test_the_later_figure_is_in_front(tmp_path):
    both = [sly_rectangle(0, 0, 11, 7), sly_rectangle(0, 0, 11, 7, 'dog')]
    assert (labels_of(tmp_path, *both) == 2).all()
    assert (labels_of(tmp_path, *both[::-1]) == 1).all()


def test_figures_of_old_exports_have_no_type(tmp_path):
    figures = [sly_polygon([[2, 1], [5, 1], [5, 3], [2, 3]]),
               sly_rectangle(9, 0, 9, 0), sly_bitmap(np.ones((1, 1)), 11, 7)]
    for figure in figures:
        del figure['geometryType']
    found = labels_of(tmp_path, *figures)
    assert (found == (square(SIZE, 1, 2, 3, 4) | square(SIZE, 0, 9, 1, 1)
                      | square(SIZE, 7, 11, 1, 1))).all()


def test_what_marks_no_area_is_left_out_with_one_warning(tmp_path, warnings):
    found = labels_of(
        tmp_path, sly_figure('point', points=dict(exterior=[[1, 1]])),
        sly_figure('line', points=dict(exterior=[[1, 1], [2, 2]])),
        sly_figure('graph', nodes={}), sly_figure('cuboid_2d', vertices={}),
        sly_polygon([[0, 0], [1, 1]]), sly_figure('future'),
        sly_rectangle(0, 0, 0, 0))
    assert (found == square(SIZE, 0, 0, 1, 1)).all()
    warning, = warnings
    for words in ('1 point', '1 line', '1 keypoint graph', '1 cuboid',
                  '1 degenerate polygon',
                  '1 unknown figure', 'object 1 (cat)'):
        assert words in warning


def test_classes_have_the_order_of_the_project(tmp_path):
    folder = write_supervisely(
        tmp_path / 'p', {'ds/a.jpg': [sly_rectangle(0, 0, 1, 1, 'ant'),
                                      sly_rectangle(2, 2, 3, 3, 'yak')]},
        ('zebra', 'ant'))
    found = read_any(folder, None)
    assert found.classes.names == ['background', 'zebra', 'ant', 'yak']
    (folder / 'meta.json').unlink()
    found = read_any(folder, None)
    assert found.classes.names == ['background', 'ant', 'yak']


@pytest.mark.parametrize('pack', [lambda folder: folder, zipped])
def test_a_project_is_prepared_and_fitted(tmp_path, pack):
    folder = write_supervisely(tmp_path / 'project', {
        'train/a.jpg': [sly_polygon([[2, 1], [5, 1], [5, 3], [2, 3]])],
        'val/a.jpg': [sly_bitmap(np.ones((2, 2)), 9, 5, 'dog')],
        'val/b.png': []})
    for name in ('train/img/a.jpg', 'val/img/a.jpg', 'val/img/b.png'):
        save_image(folder / name, SIZE)
    # Supervisely also writes these.
    write_json(folder / 'train/meta/a.jpg.json', {})
    write_json(folder / 'obj_class_to_machine_color.json', {'cat': [1, 2, 3]})
    save_image(folder / 'train/masks_machine/a.png', SIZE)
    path, out = pack(folder), tmp_path / 'out'
    assert convert_supervisely(path, out) == ['background', 'cat', 'dog']
    assert (mask_of(out, 'train/img/a') == square(SIZE, 1, 2, 3, 4)).all()
    assert (mask_of(out, 'val/img/a') == 2 * square(SIZE, 5, 9, 2, 2)).all()
    assert not mask_of(out, 'val/img/b').any()
    supports = read_supports(path)
    assert {name: [one.rasterize(SIZE).sum() for one in ones]
            for name, ones in supports.items()} == {'cat': [12], 'dog': [8]}


def test_a_part_of_a_project_is_read(tmp_path):
    folder = write_supervisely(tmp_path / 'project', {
        'ds/a.jpg': [sly_rectangle(0, 0, 1, 1, 'dog')]})
    save_image(folder / 'ds/img/a.jpg', SIZE)
    for part in ('ds', 'ds/ann', 'ds/ann/a.jpg.json'):
        support, = read_supports(folder / part)['dog']
        assert support.image == str(folder / 'ds/img/a.jpg')
        # The class list of the project above is read.
        assert support.names == ('cat', 'dog')
    convert_supervisely(
        folder / 'ds/ann/a.jpg.json', tmp_path / 'out', boxes=True)
    assert (mask_of(tmp_path / 'out', 'img/a')
            == 2 * square(SIZE, 0, 0, 2, 2)).all()


def test_an_old_export_leaves_out_the_suffix_of_the_image(tmp_path):
    folder = write_supervisely(tmp_path / 'project', {
        'ds/a.v2': [sly_rectangle(0, 0, 1, 1)]})
    save_image(folder / 'ds/img/a.v2.jpg', SIZE)
    convert_supervisely(folder, tmp_path / 'out', boxes=True)
    assert mask_of(tmp_path / 'out', 'ds/img/a.v2').sum() == 4


def test_images_are_found_in_another_folder(tmp_path):
    folder = write_supervisely(tmp_path / 'project', {
        f'{name}/a.jpg': [sly_polygon(TRIANGLE, title=title)]
        for name, title in (('one', 'cat'), ('two', 'dog'))})
    for name in ('one', 'two'):
        save_image(tmp_path / 'photos' / name / 'a.jpg', SIZE)
    convert_supervisely(folder, tmp_path / 'out', tmp_path / 'photos')
    assert mask_of(tmp_path / 'out', 'one/a').max() == 1
    assert mask_of(tmp_path / 'out', 'two/a').max() == 2
    save_image(tmp_path / 'flat/b.jpg', SIZE)
    with pytest.raises(InputError, match='give another folder as image_dir'):
        convert_supervisely(folder, tmp_path / 'no', tmp_path / 'flat')


def test_rectangles_must_be_asked_for_in_masks(tmp_path):
    folder = write_supervisely(tmp_path / 'project', {
        'ds/a.jpg': [sly_rectangle(0, 0, 1, 1)]})
    with pytest.raises(InputError, match=r'got a box; .* \(--boxes\)'):
        convert_supervisely(folder, tmp_path / 'out')


def test_hidden_files_are_not_read(tmp_path):
    folder = write_supervisely(tmp_path / 'project', {
        'ds/a.jpg': [sly_polygon(TRIANGLE)]})
    (folder / 'ds/ann/._a.jpg.json').write_bytes(b'\0')
    write_json(folder / '__MACOSX/ds/ann/b.jpg.json', dict(
        size=dict(height=1), objects=[]))
    convert_supervisely(folder, tmp_path / 'out')


@pytest.mark.parametrize(('figure', 'words'), [
    (sly_figure('polygon', points=dict(exterior=[[1, 2], [3], [4, 5]])), ''),
    (sly_figure('polygon', points=None), 'expected points with exterior'),
    (sly_polygon(TRIANGLE, 5), 'expected points x, y, got 5'),
    (sly_polygon([[0, 0], [1e9, 0], [5, 5]]), 'expected coordinates'),
    (sly_figure('multipolygon'), 'expected a list of polygons, got None'),
    (sly_figure('bitmap'), 'expected a bitmap with data and origin'),
    (sly_figure('bitmap', bitmap=dict(origin=[0, 0], data='!')), 'base64'),
    (sly_figure('bitmap', bitmap=dict(origin=[0, 0], data='aGVsbG8=')),
     'expected a mask as a PNG'),
    (sly_figure('bitmap', bitmap=dict(data='')), 'expected points'),
    (sly_rectangle(0, 0, 'x', 1), ''),
    (sly_figure('rectangle', points=dict(exterior=[[0, 0]])),
     'expected the two corners of a box'),
])
def test_a_malformed_figure_names_its_place(tmp_path, figure, words):
    with pytest.raises(InputError, match=rf'object 1 \(cat\): .*{words}'):
        labels_of(tmp_path, figure)


@pytest.mark.parametrize(('changes', 'words'), [
    (dict(size=dict(height=0, width=5)), 'expected objects and a size'),
    (dict(size=dict(height=10 ** 9, width=5)), 'pixels, expected at most'),
    (dict(objects=[5]), 'object 1: expected an object with a classTitle')])
def test_a_malformed_file_raises_an_input_error(tmp_path, changes, words):
    folder = write_supervisely(tmp_path / 'project', {'ds/a.jpg': []})
    path = folder / 'ds/ann/a.jpg.json'
    write_json(path, json.loads(path.read_text()) | changes)
    with pytest.raises(InputError, match=words):
        convert_supervisely(folder, tmp_path / 'out')


def test_a_malformed_list_of_classes_raises_an_input_error(tmp_path):
    folder = write_supervisely(tmp_path / 'project', {'ds/a.jpg': []})
    write_json(folder / 'meta.json', dict(classes=[dict(name='cat')]))
    with pytest.raises(InputError, match='each with a title'):
        convert_supervisely(folder, tmp_path / 'out')


def test_a_folder_without_annotations_raises_an_input_error(tmp_path):
    (tmp_path / 'project').mkdir()
    with pytest.raises(InputError, match='is not a project of Supervisely'):
        convert_supervisely(tmp_path / 'project', tmp_path / 'out')
