import numpy as np
import pytest
from annotation_files import mask_of, save_photograph, zipped
from tool_exports import (
    cvat_box,
    cvat_mask,
    cvat_polygon,
    element,
    save_image,
    square,
    write_cvat_xml,
)

from mmseg_panet.annotations import convert_cvat
from mmseg_panet.annotations.formats.cvat import read_cvat
from mmseg_panet.errors import InputError
from mmseg_panet.inference.supports.source import read_supports

SIZE = (8, 12)


@pytest.fixture
def warnings(monkeypatch):
    found = []
    monkeypatch.setattr(
        'mmseg_panet.annotations.left_out.warn', found.append)
    return found


def labels_of(tmp_path, *elements, boxes=True, **settings):
    path = write_cvat_xml(
        tmp_path / 'annotations.xml', {'a.jpg': elements}, **settings)
    found = read_cvat(path, tmp_path / 'unused', boxes=boxes)
    task, = found.tasks
    return found.rasterize(task.source)


def test_a_polygon_covers_the_pixels_inside(tmp_path):
    found = labels_of(
        tmp_path, cvat_polygon([(2, 1), (6, 1), (6, 4), (2, 4)]))
    assert (found == square(SIZE, 1, 2, 3, 4)).all()


def test_a_box_covers_the_pixels_that_it_touches(tmp_path):
    found = labels_of(tmp_path, cvat_box(2.5, 1, 5.5, 3.2))
    assert (found == square(SIZE, 1, 2, 3, 4)).all()


def test_a_box_is_rotated_clockwise_around_its_centre(tmp_path):
    # 4 wide and 2 high around (5, 4): upright after a quarter turn.
    found = labels_of(tmp_path, cvat_box(3, 3, 7, 5, rotation='90.00'))
    assert (found == square(SIZE, 2, 4, 4, 2)).all()
    # A flat box at 45 degrees leads from above left to below right.
    found = labels_of(tmp_path, cvat_box(2, 3, 10, 5, rotation=45))
    assert found[2, 4] and found[5, 7]
    assert not found[2, 7] and not found[5, 4]


def test_runs_of_a_mask_begin_with_the_background_and_go_row_by_row(tmp_path):
    found = labels_of(tmp_path, element(
        'mask', rle='2, 1, 1, 2', left=4, top=3, width=3, height=2))
    expected = np.zeros(SIZE, bool)
    expected[3, 6] = expected[4, 5:7] = True
    assert (found == expected).all()


def test_an_ellipse_covers_the_pixels_whose_centre_is_inside(tmp_path):
    found = labels_of(tmp_path, element('ellipse', cx=6, cy=4, rx=3, ry=1.6))
    rows, columns = np.mgrid[:8, :12] + .5
    expected = ((columns - 6) / 3)**2 + ((rows - 4) / 1.6)**2 <= 1
    assert expected.sum() == 16
    assert (found == expected).all()


def test_an_ellipse_is_rotated_clockwise(tmp_path):
    found = labels_of(tmp_path, element(
        'ellipse', cx=6, cy=4, rx=3, ry=1, rotation=90))
    assert (found == square(SIZE, 1, 5, 6, 2)).all()  # 0.5^2 + (2.5/3)^2 < 1
    slanted = labels_of(tmp_path, element(
        'ellipse', cx=6, cy=4, rx=4, ry=.8, rotation=45))
    assert slanted[6, 8] and slanted[1, 3]  # from above left to below right
    assert not slanted[6, 3] and not slanted[1, 8]


def test_objects_beyond_the_image_are_cut_off(tmp_path):
    found = labels_of(
        tmp_path, cvat_polygon([(-3, -2), (4, -2), (4, 3), (-3, 3)]),
        cvat_box(10, 6, 15, 20), cvat_mask(np.ones((4, 3), bool), -1, 6))
    assert (found == (square(SIZE, 0, 0, 3, 4) | square(SIZE, 6, 10, 2, 2)
                      | square(SIZE, 6, 0, 2, 2))).all()


def test_a_higher_z_order_is_in_front_and_of_equal_ones_the_later(tmp_path):
    everything = [(0, 0), (12, 0), (12, 8), (0, 8)]
    found = labels_of(
        tmp_path, cvat_polygon(everything, z_order=2),
        cvat_polygon(everything, 'dog', z_order=0))
    assert (found == 1).all()
    found = labels_of(tmp_path, cvat_polygon(everything, z_order=1),
                      cvat_polygon(everything, 'dog', z_order=1))
    assert (found == 2).all()


@pytest.mark.parametrize('meta', ['task', 'project', 'job'])
def test_labels_have_the_order_of_the_file(tmp_path, meta):
    path = write_cvat_xml(
        tmp_path / 'a.xml', {'a.jpg': [cvat_box(0, 0, 2, 2, 'ant')]},
        ('zebra', 'ant', 'bee'), meta=meta)
    found = read_cvat(path, tmp_path, boxes=True)
    assert found.classes.names == ['background', 'zebra', 'ant', 'bee']
    assert found.tasks[0].ids == {2}


def test_labels_that_are_not_listed_are_sorted(tmp_path):
    path = tmp_path / 'a.xml'
    path.write_text(
        '<annotations><version>1.1</version><image id="0" name="a.jpg" '
        f'width="12" height="8">{cvat_box(0, 0, 1, 1, "dog")}'
        f'{cvat_box(1, 1, 2, 2, "ant")}</image></annotations>')
    found = read_cvat(path, tmp_path, boxes=True)
    assert found.classes.names == ['background', 'ant', 'dog']


def test_points_of_a_skeleton_are_no_labels(tmp_path):
    path = write_cvat_xml(tmp_path / 'a.xml', {
        'a.jpg': [cvat_box(0, 0, 2, 2)]})
    path.write_text(path.read_text().replace(
        '</labels>', '<label><name>1</name><type>points</type><attributes>'
        '</attributes><parent>pose</parent></label></labels>'))
    found = read_cvat(path, tmp_path, boxes=True)
    assert found.classes.names == ['background', 'cat', 'dog']


def test_what_marks_no_area_is_left_out_with_one_warning(tmp_path, warnings):
    found = labels_of(
        tmp_path, element('polyline', points='0,0;12,8'),
        element('points', points='1,1'), element('points', points='2,2'),
        '<skeleton label="pose"><points label="1" points="1,1"/></skeleton>',
        element('cuboid', xtl1='0'), element('tag'),
        cvat_polygon([(0, 0), (1, 1)]), cvat_box(3, 3, 3, 5),
        element('ellipse', cx=1, cy=1, rx=0, ry=2),
        cvat_polygon([(0, 0), (9, 0), (9, 9)], label=''),
        cvat_mask(np.ones((1, 1), bool), 0, 0))
    assert (found == square(SIZE, 0, 0, 1, 1)).all()
    warning, = warnings
    for words in ('1 polyline', '2 keypoints', '1 skeleton', '1 cuboid',
                  '1 degenerate polygon', '1 empty rectangle',
                  '1 empty ellipse', '1 unlabelled object',
                  'the first at', "object 1 (polyline 'cat')"):
        assert words in warning
    assert '1 tag' not in warning


@pytest.mark.parametrize(('one', 'words'), [
    (element('polygon', points='0,0;5,x;5,5'), 'could not convert'),
    (element('polygon', points='0,0,1;5,5,5;5,5'), 'expected the points'),
    (element('polygon', points='0,0;1e9,0;5,5'), 'expected coordinates'),
    (element('polygon', points='0,0;nan,0;5,5'), 'expected coordinates'),
    (element('box', xtl=1), 'expected numbers as xtl, ytl, xbr, ybr'),
    (cvat_box(0, 0, 'inf', 5), 'expected numbers'),
    (cvat_box(0, 0, 5, 5, rotation='x'), 'expected numbers as rotation'),
    (cvat_box(0, 0, 5, 5, z_order='x'), 'expected a number as z_order'),
    (element('ellipse', cx=1, cy=1, rx=1), 'cx, cy, rx, ry'),
    (element('mask', rle='1, 2', left=0, top=0, width=2, height=2),
     'expected run-lengths that add up .* 2x2, got 3'),
    (element('mask', rle='-1, 5', left=0, top=0, width=2, height=2),
     'expected run-lengths'),
    (element('mask', rle='', left=0, top=0, width=2, height=2), 'invalid'),
    (element('mask', left=0, top=0, width=2, height=2), "attribute 'rle'"),
    (element('mask', rle=f'0, {10 ** 18}', left=0, top=0, width=10 ** 9,
             height=10 ** 9), 'pixels'),
])
def test_a_malformed_object_names_its_place(tmp_path, one, words):
    with pytest.raises(InputError, match=rf"'a\.jpg', object 1.*{words}"):
        labels_of(tmp_path, one)


def test_a_box_must_be_asked_for_in_masks(tmp_path):
    save_image(tmp_path / 'images/a.jpg', SIZE)
    path = write_cvat_xml(tmp_path / 'annotations.xml', {'a.jpg': [
        cvat_box(0, 0, 2, 2), cvat_polygon([(4, 4), (8, 4), (8, 8)], 'dog')]})
    with pytest.raises(InputError, match=r"object 1 \(box 'cat'\): expected a "
                       r'polygon or a mask, got a box; .* \(--boxes\)'):
        convert_cvat(path, tmp_path / 'out')
    convert_cvat(path, tmp_path / 'dogs', classes=['dog'])
    convert_cvat(path, tmp_path / 'filled', boxes=True)
    assert mask_of(tmp_path / 'filled', 'a')[:2, :2].all()


@pytest.mark.parametrize('pack', [lambda folder: folder, zipped])
def test_an_export_is_prepared_and_fitted(tmp_path, pack):
    folder = tmp_path / 'task'
    write_cvat_xml(folder / 'annotations.xml', {
        'a.jpg': [cvat_polygon([(2, 1), (6, 1), (6, 4), (2, 4)])],
        'day\\b.jpg': [cvat_mask(np.ones((2, 2), bool), 9, 5, 'dog')],
        'empty.jpg': []})
    for name in ('a.jpg', 'day/b.jpg', 'empty.jpg'):
        save_image(folder / 'images' / name, SIZE)
    path, out = pack(folder), tmp_path / 'out'
    assert convert_cvat(path, out) == ['background', 'cat', 'dog']
    assert (mask_of(out, 'a') == square(SIZE, 1, 2, 3, 4)).all()
    assert (mask_of(out, 'day/b') == 2 * square(SIZE, 5, 9, 2, 2)).all()
    assert not mask_of(out, 'empty').any()
    supports = read_supports(path)
    assert {name: [one.rasterize(SIZE).sum() for one in ones]
            for name, ones in supports.items()} == {'cat': [12], 'dog': [8]}


def test_an_export_without_images_is_prepared(tmp_path):
    path = write_cvat_xml(tmp_path / 'annotations.xml', {
        'sub\\a.jpg': [cvat_polygon([(2, 1), (6, 1), (6, 4), (2, 4)])]})
    convert_cvat(path, tmp_path / 'out')
    assert (mask_of(tmp_path / 'out', 'sub/a')
            == square(SIZE, 1, 2, 3, 4)).all()


def test_images_are_found_by_their_end_in_the_folder_of_images(tmp_path):
    path = write_cvat_xml(tmp_path / 'annotations.xml', {
        'C:\\data\\a.jpg': [cvat_polygon([(2, 1), (6, 1), (6, 4), (2, 4)])]})
    save_image(tmp_path / 'photos/deep/a.jpg', SIZE)
    convert_cvat(path, tmp_path / 'out', tmp_path / 'photos')
    assert mask_of(tmp_path / 'out', 'deep/a').sum() == 12
    save_image(tmp_path / 'other/b.jpg', SIZE)
    with pytest.raises(InputError, match='give another folder as image_dir'):
        convert_cvat(path, tmp_path / 'out', tmp_path / 'other')


def test_images_of_a_project_are_in_folders_of_its_subsets(tmp_path):
    polygon = cvat_polygon([(2, 1), (6, 1), (6, 4), (2, 4)])
    path = write_cvat_xml(
        tmp_path / 'annotations.xml', {'a.jpg': [polygon]}, subset='train')
    text = path.read_text()
    image = text[text.index('<image'):text.index('</annotations>')]
    path.write_text(text.replace(
        image, image + image.replace('train', 'val').replace('cat', 'dog')))
    convert_cvat(path, tmp_path / 'without')
    for subset in ('train', 'val'):
        save_image(tmp_path / 'images' / subset / 'a.jpg', SIZE)
    convert_cvat(path, tmp_path / 'out')
    for out in ('out', 'without'):
        assert mask_of(tmp_path / out, 'train/a').max() == 1
        assert mask_of(tmp_path / out, 'val/a').max() == 2


def test_frames_of_a_video_are_found_without_their_suffix(tmp_path):
    path = write_cvat_xml(tmp_path / 'annotations.xml', {
        'frame_000000': [cvat_polygon([(2, 1), (6, 1), (6, 4), (2, 4)])]})
    save_image(tmp_path / 'images/frame_000000.PNG', SIZE)
    support, = read_supports(path)['cat']
    assert support.image == str(tmp_path / 'images/frame_000000.PNG')


def test_masks_of_the_stored_photograph_are_oriented(tmp_path):
    path = write_cvat_xml(tmp_path / 'annotations.xml', {
        'a.jpg': [cvat_polygon([(2, 1), (6, 1), (6, 4), (2, 4)])]})
    save_photograph(
        tmp_path / 'images/a.jpg', np.zeros(SIZE, np.uint8), 8)
    convert_cvat(path, tmp_path / 'out')
    assert (mask_of(tmp_path / 'out', 'a')
            == np.rot90(square(SIZE, 1, 2, 3, 4))).all()


def test_tracks_of_a_video_raise_an_input_error(tmp_path):
    path = tmp_path / 'annotations.xml'
    path.write_text(
        '<annotations><version>1.1</version><meta></meta><track id="0" '
        'label="cat"><box frame="0" xtl="0" ytl="0" xbr="1" ybr="1"/></track>'
        '</annotations>')
    for read in (read_supports, lambda path: convert_cvat(
            path, tmp_path / 'out')):
        with pytest.raises(InputError, match="'CVAT for video'.* export as "
                           "'CVAT for images 1.1'"):
            read(path)


def test_hidden_files_are_not_read(tmp_path):
    write_cvat_xml(tmp_path / 'task/annotations.xml', {'a.jpg': [
        cvat_polygon([(2, 1), (6, 1), (6, 4), (2, 4)])]})
    for name in ('._annotations.xml', '__MACOSX/annotations.xml'):
        path = tmp_path / 'task' / name
        path.parent.mkdir(exist_ok=True)
        path.write_text('<annotations')
    convert_cvat(tmp_path / 'task', tmp_path / 'out')


def test_two_files_in_a_folder_raise_an_input_error(tmp_path):
    for name in ('a', 'b'):
        write_cvat_xml(tmp_path / f'task/{name}.xml', {'a.jpg': []})
    with pytest.raises(InputError, match='got 2: .*give one of them'):
        convert_cvat(tmp_path / 'task', tmp_path / 'out')


@pytest.mark.parametrize(('text', 'words'), [
    ('<annotations><image></annotations>', 'is not valid XML: mismatched'),
    ('<annotations>', 'is not valid XML'),
    ('<?xml version="1.0" encoding="nonsense"?><annotations/>', 'not valid'),
    ('<!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>',
     'expected XML without a DOCTYPE'),
    ('<?xml version="1.0"?><!-- <annotations --><other/>',
     "expected the element annotations first, got 'other'"),
    ('<annotations><image name="a.jpg" width="0" height="8"/></annotations>',
     'expected its width and height in pixels, got 0 and 8'),
    ('<annotations><image width="4" height="8"/></annotations>',
     'expected the name of an image file'),
    ('<annotations><image name="a.jpg" width="99999999" height="99999999"/>'
     '</annotations>', 'pixels, expected at most'),
])
def test_a_file_that_is_not_of_cvat_raises_an_input_error(
        tmp_path, text, words):
    path = tmp_path / 'annotations.xml'
    path.write_text(text)
    for read in (read_supports, lambda path: convert_cvat(
            path, tmp_path / 'out')):
        with pytest.raises(InputError, match=words):
            read(path)


@pytest.mark.parametrize(('start', 'encoding'), [
    ('<?xml version="1.0" encoding="utf-16"?>', 'utf-16'),
    ('<!-- ' + 'long ' * 2000 + '-->', 'utf-8-sig')])
def test_the_first_element_is_found_in_any_encoding(
        tmp_path, start, encoding):
    path = write_cvat_xml(tmp_path / 'task/annotations.xml', {
        'a.jpg': [cvat_polygon([(2, 1), (6, 1), (6, 4)])]})
    save_image(tmp_path / 'task/a.jpg', SIZE)
    path.write_text(start + path.read_text().rpartition('?>')[2], encoding)
    assert list(read_supports(tmp_path / 'task')) == ['cat']


def test_an_xml_file_of_something_else_raises_an_input_error(tmp_path):
    path = tmp_path / 'a.xml'
    path.write_text('<annotation><object/></annotation>')
    with pytest.raises(InputError, match='CVAT for images 1.1'):
        convert_cvat(path, tmp_path / 'out')
    with pytest.raises(InputError, match=r'a\.xml'):
        read_supports(path)
