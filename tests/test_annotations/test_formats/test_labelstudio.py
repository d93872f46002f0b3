import base64
import io

import numpy as np
import pytest
from annotation_files import mask_of, zipped
from PIL import Image
from tool_exports import (
    brush_rle,
    json_min,
    ls_box,
    ls_brush,
    ls_polygon,
    ls_result,
    ls_task,
    percent,
    save_image,
    square,
    write_json,
)

from mmseg_panet.annotations import convert_labelstudio
from mmseg_panet.annotations.detection import read_any
from mmseg_panet.annotations.formats.labelstudio_tasks import image_path
from mmseg_panet.errors import InputError
from mmseg_panet.inference.supports.source import read_supports

SIZE = (8, 12)
UPLOAD = '/data/upload/1/1a2b3c4d-a.jpg'
SQUARE = [(2, 1), (6, 1), (6, 4), (2, 4)]


@pytest.fixture
def warnings(monkeypatch):
    found = []
    monkeypatch.setattr(
        'mmseg_panet.annotations.left_out.warn', found.append)
    return found


def read(tmp_path, *tasks):
    return read_any(write_json(tmp_path / 'export.json', [*tasks]), None)


def labels_of(tmp_path, *results):
    found = read(tmp_path, ls_task(1, UPLOAD, *results))
    one, = found.tasks
    return found.rasterize(one.source)


def test_a_polygon_is_in_percent_of_the_image(tmp_path):
    found = labels_of(tmp_path, ls_polygon(SQUARE))
    assert (found == square(SIZE, 1, 2, 3, 4)).all()


def test_a_file_may_be_in_utf_16(tmp_path):
    path = write_json(tmp_path / 'task/export.json', [
        ls_task(1, UPLOAD, ls_polygon(SQUARE))])
    path.write_text(path.read_text(), 'utf-16')
    save_image(tmp_path / 'task/a.jpg', SIZE)
    for source in (path, path.parent):
        assert list(read_supports(source)) == ['cat']
    assert convert_labelstudio(path.parent, tmp_path / 'out') == [
        'background', 'cat']


@pytest.mark.parametrize('size', [(8, 12), (7, 30), (93, 47)])
def test_a_box_on_the_pixels_covers_no_other_pixel(tmp_path, size):
    # The percentages of most pixels have infinitely many digits.
    for x in range(0, size[1] - 4):
        found = labels_of(tmp_path, ls_box(x, 1, 4, 3, size=size))
        assert (found == square(size, 1, x, 3, 4)).all()


def test_a_box_is_rotated_clockwise_around_its_upper_left_corner(tmp_path):
    # 4 wide and 2 high at (6, 1): after a quarter turn, it is 2 wide, left
    # of x=6, and 4 high, in pixels and not in percent.
    found = labels_of(tmp_path, ls_box(6, 1, 4, 2, rotation=90))
    assert (found == square(SIZE, 1, 4, 4, 2)).all()


def test_an_ellipse_has_its_centre_and_two_radii(tmp_path):
    (centre, radii), = [percent([(6, 4), (3, 1)])]
    value = dict(x=centre[0], y=centre[1], radiusX=radii[0], radiusY=radii[1])
    found = labels_of(
        tmp_path, ls_result('ellipselabels', dict(value, rotation=0)))
    assert (found == square(SIZE, 3, 3, 2, 6)).all()
    found = labels_of(
        tmp_path, ls_result('ellipselabels', dict(value, rotation=90)))
    assert (found == square(SIZE, 1, 5, 6, 2)).all()


def test_a_brush_covers_the_pixels_whose_alpha_is_above_0(tmp_path):
    mask = np.random.default_rng(0).random(SIZE) < .4
    assert (labels_of(tmp_path, ls_brush(mask)) == mask).all()


def test_a_bitmask_is_a_png_with_a_transparent_background(tmp_path):
    mask = np.eye(*SIZE, dtype=bool)
    pixels = np.zeros((*SIZE, 4), np.uint8)
    pixels[mask] = 0, 0, 0, 255  # black, as the tool paints it
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, 'PNG')
    url = 'data:image/png;base64,' + base64.b64encode(file.getvalue()).decode()
    found = labels_of(
        tmp_path, ls_result('bitmasklabels', dict(imageDataURL=url)))
    assert (found == mask).all()


def test_regions_beyond_the_image_are_cut_off(tmp_path):
    found = labels_of(
        tmp_path, ls_polygon([(-3, -2), (4, -2), (4, 3), (-3, 3)]),
        ls_box(10, 6, 9, 9))
    assert (found == (square(SIZE, 0, 0, 3, 4)
                      | square(SIZE, 6, 10, 2, 2))).all()


def test_the_later_region_is_in_front(tmp_path):
    both = [ls_box(0, 0, 12, 8), ls_box(0, 0, 12, 8, 'dog')]
    for i, one in enumerate(both):
        one['id'] = f'r{i}'
    assert (labels_of(tmp_path, *both) == 2).all()
    assert (labels_of(tmp_path, *both[::-1]) == 1).all()


@pytest.mark.parametrize('geometry', [{}, dict(
    format='rle', rle=brush_rle(np.eye(*SIZE, dtype=bool)))])
def test_a_brush_without_labels_has_those_of_the_same_id(tmp_path, geometry):
    mask = np.eye(*SIZE, dtype=bool)
    brush = ls_brush(mask, None, i='r1') | dict(
        type='brush', from_name='brush')
    labels = ls_result('labels', geometry, 'dog', i='r1')
    found = read(tmp_path, ls_task(1, UPLOAD, brush, labels))
    assert found.classes.names == ['background', 'dog']
    assert (found.rasterize(found.tasks[0].source) == mask).all()


def test_choices_and_relations_are_no_objects(tmp_path, warnings):
    region = ls_polygon(SQUARE, i='r1')
    choices = dict(region, type='choices', from_name='kind', value=dict(
        region['value'], choices=['big']))
    choices['value'].pop('polygonlabels')
    found = labels_of(
        tmp_path, dict(type='choices', from_name='c', id='x',
                       value=dict(choices=['good'])), region, choices,
        dict(type='relation', from_id='r1', to_id='r2', direction='right'))
    assert (found == square(SIZE, 1, 2, 3, 4)).all()
    assert not warnings


def test_what_marks_no_area_is_left_out_with_one_warning(tmp_path, warnings):
    found = read(
        tmp_path, ls_task(
            1, UPLOAD, ls_result('keypointlabels', dict(x=1, y=1, width=.3)),
            ls_result('vectorlabels', dict(vertices=[], closed=True)),
            ls_polygon([(0, 0), (1, 1)]), ls_box(3, 3, 0, 2),
            ls_result('ellipselabels', dict(x=1, y=1, radiusX=0, radiusY=1)),
            ls_result('brushlabels', dict(format='rle', touches=[1])),
            ls_polygon([(0, 0), (9, 0), (9, 9)], None), ls_polygon(SQUARE)),
        ls_task(2, '/data/upload/1/b.jpg', annotations=[]))
    labels = found.rasterize(found.tasks[0].source)
    assert (labels == square(SIZE, 1, 2, 3, 4)).all()
    warning, = warnings
    for words in ('1 keypoint', '1 vector', '1 degenerate polygon',
                  '1 empty rectangle', '1 empty ellipse',
                  '1 unfinished brush stroke', '1 unlabelled region',
                  '1 unannotated task', 'task 1, region keypointlabels'):
        assert words in warning


def test_an_object_with_two_labels_has_the_class_of_the_first(
        tmp_path, warnings):
    region = ls_polygon(SQUARE, 'dog')
    region['value']['polygonlabels'].append('cat')
    found = read(tmp_path, ls_task(1, UPLOAD, region))
    assert found.classes.names == ['background', 'dog']
    assert '1 further label' in warnings[0]


def annotation(label, created, **changes):
    return dict(id=1, result=[ls_polygon(SQUARE, label)],
                was_cancelled=False, ground_truth=False,
                created_at=created, lead_time=1.) | changes


@pytest.mark.parametrize(('annotations', 'names'), [
    ([annotation('a', '2026-02'), annotation('b', '2026-01')], 'a'),
    ([annotation('a', '2026-01'), annotation('b', '2026-02')], 'b'),
    ([annotation('a', '2026-01', ground_truth=True),
      annotation('b', '2026-02')], 'a'),
    ([annotation('a', '2026-01'),
      annotation('b', '2026-02', was_cancelled=True)], 'a'),
    ([annotation('a', '2026-01'), annotation('b', '2026', skipped=True)], 'a'),
])
def test_one_annotation_of_a_task_is_read(
        tmp_path, annotations, names, warnings):
    found = read(tmp_path, ls_task(1, UPLOAD, annotations=annotations))
    assert found.classes.names == ['background', names]
    cancelled = any(one['was_cancelled'] or one.get('skipped')
                    for one in annotations)
    assert ['left out 1 annotation, ' in one for one in warnings] == (
        [] if cancelled else [True])


def test_tasks_of_old_versions_have_completions(tmp_path):
    old = ls_task(1, UPLOAD, ls_polygon(SQUARE))
    old['completions'] = old.pop('annotations')
    found = read(tmp_path, old)
    assert (found.rasterize(found.tasks[0].source)
            == square(SIZE, 1, 2, 3, 4)).all()


def test_files_of_a_target_storage_have_one_annotation(tmp_path):
    for i, label in enumerate('ab'):
        one = ls_task(i, f'/data/upload/1/{label}.jpg',
                   ls_polygon(SQUARE, label))
        annotation, = one.pop('annotations')
        write_json(tmp_path / f'stored/{i}.json', annotation | dict(task=one))
    found = read_any(tmp_path / 'stored', None)
    assert found.classes.names == ['background', 'a', 'b']
    assert [one.stem for one in found.tasks] == ['a', 'b']


def test_json_min_gives_the_same_masks(tmp_path):
    results = [ls_polygon(SQUARE), ls_brush(square(SIZE, 5, 5, 2, 2), 'dog'),
               ls_box(10, 0, 2, 2)]
    found = read(tmp_path, json_min(1, UPLOAD, *results))
    assert found.classes.names == ['background', 'cat', 'dog']
    assert (found.rasterize(found.tasks[0].source)
            == labels_of(tmp_path, *results)).all()


def test_json_min_repeats_the_region_of_a_tool_without_labels(
        tmp_path, warnings):
    mask = square(SIZE, 5, 5, 2, 2)
    brush = ls_brush(mask, None) | dict(from_name='brush')
    labels = ls_result('labels', brush['value'], 'dog')
    found = read(tmp_path, json_min(1, UPLOAD, brush, labels, kind='good'))
    assert (found.rasterize(found.tasks[0].source) == mask).all()
    assert not warnings


def test_json_min_has_a_row_for_each_annotation_of_a_task(tmp_path):
    found = read(
        tmp_path, json_min(1, UPLOAD, ls_polygon(SQUARE, 'a')),
        json_min(1, UPLOAD, ls_polygon(SQUARE, 'b'), created_at='2027'))
    assert found.classes.names == ['background', 'b']
    assert len(found.tasks) == 1


@pytest.mark.parametrize(('url', 'path'), [
    (UPLOAD, '1a2b3c4d-a.jpg'),
    ('http://localhost:8080/data/upload/12/a.jpg', 'a.jpg'),
    ('/data/local-files/?d=photos/a.jpg', 'photos/a.jpg'),
    ('http://host/data/local-files/?d=photos%2Fa%20b.jpg&x=1',
     'photos%2Fa%20b.jpg'),
    ('s3://bucket/photos/a.jpg', 'photos/a.jpg'),
    ('gs://bucket/a.jpg', 'a.jpg'), ('azure-blob://box/a.jpg', 'a.jpg'),
    ('https://host.org/photos/a.jpg?X-Amz-Date=2#f', 'photos/a.jpg'),
    ('/tasks/1/resolve/?fileuri=' + base64.b64encode(
        b's3://bucket/photos/a.jpg').decode(), 'photos/a.jpg'),
    ('/tasks/1/resolve/?fileuri=?', '/tasks/1/resolve/?fileuri=?'),
    ('photos/a?b.jpg', 'photos/a?b.jpg'),
    ('file:///home/me/a.jpg', 'file:///home/me/a.jpg')])
def test_the_path_of_an_image_is_taken_from_its_url(url, path):
    assert image_path(url) == path


@pytest.mark.parametrize(('url', 'there', 'stem'), [
    (UPLOAD, '1a2b3c4d-a.jpg', '1a2b3c4d-a'), (UPLOAD, 'a.jpg', 'a'),
    ('/data/local-files/?d=x%5Csub%2Fa%20b.jpg', 'sub/a b.jpg', 'sub/a b'),
    ('s3://bucket/some/where/a.JPG', 'deep/a.jpg', 'deep/a'),
    ('/data/local-files/?d=/home/me/a.jpg', 'a.jpg', 'a')])
def test_images_are_found_in_the_folder_of_images(
        tmp_path, url, there, stem):
    save_image(tmp_path / 'photos' / there, SIZE)
    path = write_json(tmp_path / 'export.json', [
        ls_task(1, url, ls_polygon(SQUARE))])
    convert_labelstudio(path, tmp_path / 'out', tmp_path / 'photos')
    assert mask_of(tmp_path / 'out', stem).sum() == 12
    support, = read_supports(path, tmp_path / 'photos')['cat']
    assert support.image == str(tmp_path / 'photos' / there)


def test_an_image_that_is_missing_is_named(tmp_path):
    save_image(tmp_path / 'photos/b.jpg', SIZE)
    path = write_json(tmp_path / 'export.json', [
        ls_task(7, UPLOAD, ls_polygon(SQUARE))])
    with pytest.raises(InputError, match=r'task 7: there is no image '
                       r"'1a2b3c4d-a\.jpg' .*give another folder"):
        convert_labelstudio(path, tmp_path / 'out', tmp_path / 'photos')
    with pytest.raises(InputError, match='give the folder of the images'):
        read_supports(path)


@pytest.mark.parametrize('pack', [lambda folder: folder, zipped])
def test_an_export_is_prepared_and_fitted(tmp_path, pack):
    folder = tmp_path / 'project'
    write_json(folder / 'export.json', [
        ls_task(1, UPLOAD, ls_polygon(SQUARE)),
        ls_task(2, '/data/upload/1/b.jpg',
             ls_brush(square(SIZE, 5, 9, 2, 2), 'dog')),
        ls_task(3, '/data/upload/1/nothing.jpg')])
    for name in ('a.jpg', 'b.jpg', 'nothing.jpg'):
        save_image(folder / 'images' / name, SIZE)
    path, out = pack(folder), tmp_path / 'out'
    assert convert_labelstudio(path, out) == ['background', 'cat', 'dog']
    assert (mask_of(out, 'a') == square(SIZE, 1, 2, 3, 4)).all()
    assert (mask_of(out, 'b') == 2 * square(SIZE, 5, 9, 2, 2)).all()
    assert not mask_of(out, 'nothing').any()
    supports = read_supports(path)
    assert {name: [one.rasterize(SIZE).sum() for one in ones]
            for name, ones in supports.items()} == {'cat': [12], 'dog': [8]}


def test_an_export_without_images_is_prepared(tmp_path):
    path = write_json(tmp_path / 'export.json', [
        ls_task(1, UPLOAD, ls_polygon(SQUARE))])
    convert_labelstudio(path, tmp_path / 'out')
    assert mask_of(tmp_path / 'out', '1a2b3c4d-a').sum() == 12


def test_the_image_gives_a_size_that_the_regions_lack(tmp_path):
    region = ls_polygon(SQUARE)
    del region['original_width'], region['original_height']
    path = write_json(tmp_path / 'export.json', [ls_task(1, UPLOAD, region)])
    with pytest.raises(InputError, match="there is no image '1a2b3c4d-a.jpg'"):
        convert_labelstudio(path, tmp_path / 'out')
    save_image(tmp_path / 'a.jpg', SIZE)
    convert_labelstudio(path, tmp_path / 'out')
    assert mask_of(tmp_path / 'out', 'a').sum() == 12


def test_an_empty_image_without_a_size_is_left_out_if_it_is_missing(
        tmp_path, warnings):
    found = read(tmp_path, ls_task(1, UPLOAD, ls_polygon(SQUARE)),
                 ls_task(2, '/data/upload/1/b.jpg'))
    assert [one.stem for one in found.tasks] == ['1a2b3c4d-a']
    assert '1 missing empty image' in warnings[0]


@pytest.mark.parametrize(('upload', 'stem'), [
    ('1a2b3c4d-a.jpg', '1a2b3c4d-a'), ('1a2b3c4d-tasks.json', 'image/7')])
def test_an_image_may_have_a_url_without_its_name(tmp_path, upload, stem):
    found = read(tmp_path, ls_task(
        1, '/image/7', ls_polygon(SQUARE), file_upload=upload))
    assert [one.stem for one in found.tasks] == [stem]


def test_a_thumbnail_beside_the_image_is_none(tmp_path):
    found = read(tmp_path, ls_task(1, '', ls_polygon(SQUARE), data=dict(
        thumbnail='small.jpg', image='a.jpg')))
    assert [one.stem for one in found.tasks] == ['a']


def test_a_task_may_show_several_images(tmp_path):
    left, right = ls_polygon(SQUARE), ls_polygon(SQUARE, 'dog')
    left['to_name'], right['to_name'], right['id'] = 'left', 'right', 'r2'
    found = read(tmp_path, ls_task(1, '', left, right, data=dict(
        left='/data/upload/1/l.jpg', right='/data/upload/1/r.jpg')))
    assert [(one.stem, one.ids) for one in found.tasks] == [
        ('l', {1}), ('r', {2})]
    pages = dict(images=['/data/upload/1/l.jpg', '/data/upload/1/r.jpg'])
    left['item_index'], right['item_index'] = 0, 1
    found = read(tmp_path, ls_task(1, '', left, right, data=pages))
    assert [(one.stem, one.ids) for one in found.tasks] == [
        ('l', {1}), ('r', {2})]


@pytest.mark.parametrize(('one', 'words'), [
    (ls_task(1, '', ls_polygon(SQUARE), data=dict(
        left='l.jpg', right='r.jpg')), r"got \['left', 'right'\]"),
    (ls_task(1, '', ls_polygon(SQUARE), data={}), 'expected one image'),
    (ls_task(1, '', dict(ls_polygon(SQUARE), item_index=2), data=dict(
        images=['l.jpg', 'r.jpg'])), 'expected item_index of 0..1, got 2'),
    (ls_task(1, UPLOAD, annotations=[dict(result=5)]), 'with a list result'),
    (ls_task(1, UPLOAD, annotations=5) | dict(result=1), 'with a list result'),
    (ls_task(1, UPLOAD, ls_polygon(SQUARE, size=(10 ** 9, 10 ** 9))),
     'pixels, expected at most'),
    (5, 'task 2: expected a task of Label Studio, got 5'),
])
def test_a_malformed_task_raises_an_input_error(tmp_path, one, words):
    good = ls_task(9, '/data/upload/1/good.jpg', ls_polygon(SQUARE))
    with pytest.raises(InputError, match=words):
        read(tmp_path, good, one)


@pytest.mark.parametrize(('region', 'words'), [
    (ls_result('polygonlabels', dict(points=[[0, 0], [5], [5, 5]])), ''),
    (ls_result('polygonlabels', dict(points=[[0, 0], [5, None], [5, 5]])), ''),
    (ls_result('polygonlabels', dict(points=5)), 'expected pairs x, y'),
    (ls_result('polygonlabels', dict(points=[[0, 0], [1e9, 0], [5, 5]])),
     'expected coordinates'),
    (ls_result('rectanglelabels', dict(x=0, y=None, width=1, height=1)),
     'expected a box'),
    (ls_result('rectanglelabels', dict(
        x=0, y=0, width=1, height=1, rotation='x')), 'could not convert'),
    (ls_result('ellipselabels', dict(x=0, y=0, radiusX='x', radiusY=1)),
     'could not convert'),
    (ls_result('brushlabels', dict(rle=[1, 2, 3])), 'ends early'),
    (ls_result('brushlabels', dict(rle=brush_rle(np.eye(3, dtype=bool)))),
     '384 values, got 36'),
    (ls_result('bitmasklabels', dict(imageDataURL='data:,aGVsbG8=')),
     'expected a mask as a PNG'),
])
def test_a_malformed_region_names_its_place(tmp_path, region, words):
    with pytest.raises(InputError, match=f'task 1, region .*{words}'):
        labels_of(tmp_path, region)


def test_boxes_must_be_asked_for_in_masks(tmp_path):
    path = write_json(tmp_path / 'export.json', [
        ls_task(1, UPLOAD, ls_box(0, 0, 2, 2))])
    with pytest.raises(InputError, match=r'got a box; .* \(--boxes\)'):
        convert_labelstudio(path, tmp_path / 'out')
    convert_labelstudio(path, tmp_path / 'filled', boxes=True)
    assert mask_of(tmp_path / 'filled', '1a2b3c4d-a').sum() == 4


def test_masks_of_the_brush_export_raise_an_input_error(tmp_path):
    folder = tmp_path / 'brush'
    (folder / 'seal').mkdir(parents=True)
    name = 'task-1-annotation-2-by-1-tag-seal-0.png'
    Image.new('L', SIZE[::-1]).save(folder / 'seal' / name)
    save_image(folder / 'seal/1a2b3c4d-a.jpg', SIZE)
    for read_it in (read_supports, lambda path: convert_labelstudio(
            path, tmp_path / 'out')):
        with pytest.raises(InputError, match=f"{name} is of Label Studio's "
                           r"export 'Brush labels to PNG'.* export as 'JSON'"):
            read_it(folder)


def test_a_folder_without_exports_raises_an_input_error(tmp_path):
    (tmp_path / 'folder').mkdir()
    with pytest.raises(InputError, match='has no export of Label Studio'):
        convert_labelstudio(tmp_path / 'folder', tmp_path / 'out')
