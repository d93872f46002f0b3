import base64
import json
import struct
import zlib

import annotation_files as files
import numpy as np
import pytest

from mmseg_panet.annotations import convert_labelme
from mmseg_panet.errors import InputError
from mmseg_panet.inference.supports import read_supports

SIZE = (40, 56)
Y, X = np.mgrid[:SIZE[0], :SIZE[1]]


def converted(folder, shapes, **settings):
    files.write_labelme(folder / 'in/a.json', SIZE, shapes)
    convert_labelme(folder / 'in', folder / 'out', **settings)
    return files.mask_of(folder / 'out', 'a')


def test_more_than_254_labels_give_masks_of_16_bits(tmp_path):
    names = [f'thing {i}' for i in range(1, 301)]
    shapes = [
        ('thing 300', 'rectangle', [[3, 5], [20, 9]]),
        ('thing 255', 'polygon', [[30, 5], [40, 5], [40, 9], [30, 9]]),
        ('thing 299', 'circle', [[30, 25], [33, 25]]),
        ('thing 7', 'point', [[10, 25]]),
        ('__ignore__', 'rectangle', [[50, 0], [55, 39]])]
    files.write_labelme(tmp_path / 'in/a.json', SIZE, [
        dict(label=label, shape_type=kind, points=points)
        for label, kind, points in shapes])
    convert_labelme(tmp_path / 'in', tmp_path / 'out', names)
    mask = files.mask_of(tmp_path / 'out', 'a', 'I;16')
    assert set(np.unique(mask)) == {0, 7, 255, 299, 300, 65535}
    assert (mask[5:10, 3:21] == 300).all()
    assert (mask[:, 50:] == 65535).all()
    assert mask[25, 30] == 299


@pytest.mark.parametrize(('kind', 'points', 'inside'), [
    # The outline belongs to the shape, so both ends do.
    ('polygon', [[3, 5], [20, 5], [20, 9], [3, 9]],
     (X >= 3) & (X <= 20) & (Y >= 5) & (Y <= 9)),
    ('oriented_rectangle', [[3, 5], [20, 5], [20, 9], [3, 9]],
     (X >= 3) & (X <= 20) & (Y >= 5) & (Y <= 9)),
    ('rectangle', [[3, 5], [20, 9]],
     (X >= 3) & (X <= 20) & (Y >= 5) & (Y <= 9)),
    ('rectangle', [[20, 5], [3, 9]],  # from right to left
     (X >= 3) & (X <= 20) & (Y >= 5) & (Y <= 9)),
    ('polygon', [[2, 2], [12, 2], [2, 12]],
     (X >= 2) & (Y >= 2) & (X + Y <= 14)),
    # The points are the centre and a point on the circle, which belongs to
    # the shape.
    ('circle', [[20, 15], [23, 15]],
     (X - 20) ** 2 + (Y - 15) ** 2 <= 3.5 ** 2),
    ('point', [[20, 15]], (X - 20) ** 2 + (Y - 15) ** 2 <= 5.5 ** 2),
    # Ten pixels wide.
    ('line', [[5, 20], [25, 20]],
     (X >= 5) & (X <= 25) & (Y >= 16) & (Y <= 25)),
    ('linestrip', [[5, 20], [15, 20], [25, 20]],
     (X >= 5) & (X <= 25) & (Y >= 16) & (Y <= 25)),
])
def test_a_shape_covers_the_same_pixels_as_in_labelme(
        tmp_path, kind, points, inside):
    labels = converted(tmp_path, [files.shape('cat', kind, points)])
    assert (labels == inside).all()


def test_a_shape_without_type_is_a_polygon(tmp_path):
    """Files of labelme before version 3.3 have no shape types."""
    points = [[3, 5], [20, 5], [20, 9], [3, 9]]
    labels = converted(tmp_path, [dict(label='cat', points=points)])
    assert (labels[5:10, 3:21] == 1).all()
    assert labels.sum() == 5 * 18


def test_a_mask_shape_is_pasted_into_its_box(tmp_path):
    mask = np.random.default_rng(0).random((7, 9)) < 0.5
    labels = converted(tmp_path, [files.shape(
        'cat', 'mask', [[10.0, 20.0], [18.0, 26.0]],
        mask=files.base64_png(mask))])
    expected = np.zeros(SIZE, np.uint8)
    expected[20:27, 10:19] = mask
    assert (labels == expected).all()


def test_later_shapes_are_in_front(tmp_path):
    big = files.shape('cat', 'rectangle', [[0, 0], [30, 30]])
    small = files.shape('ant', 'rectangle', [[5, 5], [9, 9]])
    labels = converted(tmp_path / 'one', [big, small])
    assert (labels[5:10, 5:10] == 1).all()
    assert labels[0, 0] == 2
    labels = converted(tmp_path / 'other', [small, big])
    assert (labels[:31, :31] == 2).all()


def test_background_and_ignore_have_fixed_ids(tmp_path):
    labels = converted(tmp_path, [
        files.shape('cat', 'rectangle', [[0, 0], [30, 30]]),
        files.shape('_background_', 'rectangle', [[5, 5], [9, 9]]),
        files.shape('__ignore__', 'rectangle', [[20, 20], [24, 24]])])
    expected = np.zeros(SIZE, np.uint8)
    expected[:31, :31] = 1
    expected[5:10, 5:10] = 0
    expected[20:25, 20:25] = 255
    assert (labels == expected).all()
    assert (tmp_path / 'out/classes.txt').read_text() == (
        '0 background\n1 cat\n')


def test_classes_number_the_labels_and_others_are_background(tmp_path):
    shapes = [
        files.shape('cat', 'rectangle', [[0, 0], [9, 9]]),
        files.shape('cow', 'rectangle', [[5, 5], [9, 9]])]
    labels = converted(
        tmp_path, shapes, classes=['__ignore__', '_background_', 'dog', 'cat'])
    assert (labels[:10, :10] == 2).all()
    assert labels.sum() == 200


@pytest.mark.parametrize('orientation', [6, 8])
def test_a_photograph_is_annotated_after_its_orientation(
        tmp_path, orientation):
    files.save_photograph(
        tmp_path / 'in/a.jpg', np.zeros(SIZE[::-1], np.uint8), orientation)
    labels = converted(
        tmp_path, [files.shape('cat', 'rectangle', [[3, 5], [20, 9]])])
    assert labels[5:10, 3:21].all()
    assert labels.sum() == 5 * 18


def test_an_old_file_of_the_stored_photograph_is_oriented(tmp_path):
    """labelme before version 3.7 ignored the EXIF orientation."""
    files.save_photograph(tmp_path / 'in/a.jpg', np.zeros(SIZE, np.uint8), 6)
    labels = converted(
        tmp_path, [files.shape('cat', 'rectangle', [[3, 5], [20, 9]])])
    expected = np.zeros(SIZE, np.uint8)
    expected[5:10, 3:21] = 1
    assert (labels == np.rot90(expected, k=-1)).all()  # clockwise


@pytest.fixture
def project(tmp_path):
    """Files beside the folder of their images, with Windows paths."""
    for i in range(3):
        files.save_photograph(
            tmp_path / f'images/day 1/{i}.jpg', np.zeros(SIZE, np.uint8))
        files.write_labelme(
            tmp_path / f'json/{i}.json', SIZE,
            [files.shape('cat', 'rectangle', [[0, 0], [9, i]])],
            image=f'..\\images\\day 1\\{i}.jpg')
    files.save_photograph(  # not annotated
        tmp_path / 'images/3.jpg', np.zeros(SIZE, np.uint8))
    return tmp_path


def test_the_mask_folder_is_read_as_it_was_written(project):
    names = convert_labelme(
        project / 'json', project / 'out', image_dir=project / 'images')
    assert names == ['background', 'cat']
    data = files.read_by_all(project / 'out', project / 'images', 'cat')
    assert len(data) == 3
    for i, item in enumerate(data):
        assert item['img_path'].endswith(f'day 1/{i}.jpg')
        assert item['gt_seg_map'].sum() == 10 * (i + 1)


def test_images_outside_the_folder_require_image_dir(project):
    with pytest.raises(InputError, match='lies outside .* as image_dir'):
        convert_labelme(project / 'json', project / 'out')


@pytest.mark.parametrize(
    'image', ['C:\\data\\imgs\\a.jpg', 'C:/data/imgs/a.jpg',
              '\\\\server\\imgs\\a.jpg', '/data/imgs/a.jpg'])
def test_an_absolute_path_elsewhere_raises_an_input_error(tmp_path, image):
    files.write_labelme(tmp_path / 'in/a.json', SIZE, [], image=image)
    with pytest.raises(InputError, match='lies outside the folder of images'):
        convert_labelme(tmp_path / 'in', tmp_path / 'out', classes=['cat'])


def test_a_label_with_a_trailing_space_raises_an_input_error(tmp_path):
    """It would be another class, or background if classes are selected."""
    with pytest.raises(InputError, match=r"shape 1: .* got 'cat '; rename"):
        converted(
            tmp_path, [files.shape('cat ', 'rectangle', [[0, 0], [9, 9]])],
            classes=['cat'])


@pytest.mark.parametrize(('bad', 'sentence'), [
    (dict(shape_type='spiral'), 'expected a shape_type of'),
    (dict(points=[[1, 2, 3], [4, 5, 6]]),
     'expected the points of a polygon, got'),
    (dict(points=[[1, 2, 3]] * 3), 'expected the points of a polygon'),
    (dict(points=[[1, 2], [3], [4, 5]]), r'shape 2 \(cat\): '),
    (dict(points=None), 'expected the points of a polygon'),
    (dict(shape_type='circle'), 'expected the points of a circle'),
    # Ten times the longer side, 56.
    (dict(shape_type='circle', points=[[9, 9], [9, 1e6]]),
     r'coordinates of -560..560, .* got 1e\+06'),
    (dict(points=[[1, 1], [5, 1], [5, -1e10]]), r'got -1e\+10'),
    (dict(points=[[1, 1], [5, 1], [5, float('nan')]]), 'got nan'),
    (dict(points=[[1, 1], [5, 1], [5, 10 ** 400]]), 'too large'),
    (dict(shape_type='mask', points=[[0, 0], [2, 2]], mask='abc'),
     'expected the mask as a PNG in base64'),
    (dict(shape_type='mask', points=[[0, 0], [2, 2]], mask=None), 'shape 2'),
    (dict(shape_type='mask', points=[[0, 0], [2, 4]],
          mask=files.base64_png(np.ones((3, 3)))), 'of the size of its box'),
    (dict(shape_type='mask', points=[[2, 2]],
          mask=files.base64_png(np.ones((3, 3)))), 'the points of a mask'),
])
def test_a_malformed_shape_raises_an_input_error(tmp_path, bad, sentence):
    good = files.shape('cat', 'polygon', [[1, 1], [5, 1], [5, 5]])
    with pytest.raises(InputError, match=sentence) as caught:
        converted(tmp_path, [good, good | bad])
    assert f"{tmp_path / 'in/a.json'}, shape 2 (cat): " in str(caught.value)
    assert '\n' not in str(caught.value)


def test_a_file_that_is_not_labelmes_raises_an_input_error(tmp_path):
    path = tmp_path / 'in/b.json'
    files.write_labelme(path, SIZE, [dict(points=[])])
    with pytest.raises(InputError, match=r'b\.json, shape 1: expected the n'):
        convert_labelme(tmp_path / 'in', tmp_path / 'out')
    path.write_text(json.dumps(dict(images=[])))
    with pytest.raises(InputError, match=r'b\.json is not a file of labelme'):
        convert_labelme(tmp_path / 'in', tmp_path / 'out')
    path.write_text('[')
    with pytest.raises(InputError, match=r'b\.json is not valid JSON'):
        convert_labelme(tmp_path / 'in', tmp_path / 'out')
    path.unlink()
    with pytest.raises(InputError, match=r'has no \.json files'):
        convert_labelme(tmp_path / 'in', tmp_path / 'out')


@pytest.mark.parametrize('name', [
    'a\0.jpg', '\ud800.jpg', 'x' * 300 + '.jpg'])
def test_a_name_that_no_file_can_have_raises_an_input_error(tmp_path, name):
    files.write_labelme(
        tmp_path / 'in/a.json', SIZE,
        [files.shape('cat', 'rectangle', [[0, 0], [9, 9]])], image=name)
    with pytest.raises(InputError, match='name of an image .* 250 bytes'):
        convert_labelme(tmp_path / 'in', tmp_path / 'out')


@pytest.mark.parametrize('size', [
    (10 ** 9, 10 ** 9), (10 ** 400, 1), (1 << 15, 1 + (1 << 15))])
def test_a_size_beyond_all_images_is_refused_before_it_is_allocated(
        tmp_path, size):
    files.write_labelme(
        tmp_path / 'in/a.json', size,
        [files.shape('cat', 'rectangle', [[0, 0], [9, 9]])])
    with pytest.raises(InputError, match='pixels, expected at most '):
        convert_labelme(tmp_path / 'in', tmp_path / 'out')


def test_the_header_of_an_embedded_mask_is_compared_before_it_is_decoded(
        tmp_path):
    """A PNG of 100 bytes may claim 169 megapixels."""
    png = bytearray(base64.b64decode(files.base64_png(np.ones((3, 3)))))
    png[16:24] = struct.pack('>II', 13000, 13000)
    png[29:33] = struct.pack('>I', zlib.crc32(bytes(png[12:29])))
    with pytest.raises(InputError, match=r'got \(13000, 13000\) in the box'):
        converted(tmp_path, [files.shape(
            'cat', 'mask', [[0, 0], [2, 2]],
            mask=base64.b64encode(png).decode())])


def test_an_embedded_mask_of_another_format_is_not_decoded(tmp_path):
    """Pillow would start another program for PostScript."""
    script = b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 3 3\n%%EOF\n'
    with pytest.raises(InputError, match='expected the mask as a PNG'):
        converted(tmp_path, [files.shape(
            'cat', 'mask', [[0, 0], [2, 2]],
            mask=base64.b64encode(script).decode())])


@pytest.fixture
def said(monkeypatch):
    """What labelme's reader warns of."""
    texts = []
    monkeypatch.setattr(
        'mmseg_panet.notices.print_log',
        lambda text, *_: texts.append(text))
    return texts


def test_shapes_without_an_extent_are_left_out_with_one_warning(
        tmp_path, said):
    labels = converted(tmp_path, [
        files.shape('cat', 'polygon', [[1, 1], [5, 1]]),
        files.shape('cat', 'rectangle', [[3, 5], [20, 9]]),
        files.shape('dog', 'circle', [[9, 9], [9, 9]]),
        files.shape('cow', 'polygon', [[1, 1]])], classes=['cat', 'dog'])
    assert labels.sum() == labels[5:10, 3:21].sum() == 5 * 18
    note, = said  # nothing is said of the class that is not selected
    assert note == (
        'left out 2 shapes without an extent, such as a polygon of two '
        f'points; the first is {tmp_path}/in/a.json, shape 1 (cat); draw it '
        'again if it is an object')


def test_an_image_is_no_support_of_a_shape_without_an_extent(tmp_path, said):
    files.save_photograph(tmp_path / 'a.jpg', np.zeros(SIZE, np.uint8))
    files.write_labelme(tmp_path / 'a.json', SIZE, [
        files.shape('cat', 'rectangle', [[3, 5], [20, 9]]),
        files.shape('dog', 'polygon', [[1, 1], [5, 1]])])
    assert list(read_supports(tmp_path)) == ['cat']
    assert len(said) == 1


@pytest.fixture
def leftovers(tmp_path):
    """A folder of labelme's files that came from a Mac, with other JSON."""
    folder = tmp_path / 'in'
    for name in ('a', 'b'):
        files.save_photograph(
            folder / f'{name}.jpg', np.zeros(SIZE, np.uint8))
        files.write_labelme(folder / f'{name}.json', SIZE, [
            files.shape('cat', 'rectangle', [[3, 5], [20, 9]])])
    for name in ('._a.json', '__MACOSX/._b.json', '.cache/c.json'):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b'\0\5\x16\7\0\2 Mac OS X \xb0')
    return folder


def test_hidden_files_are_skipped_without_a_word(leftovers, tmp_path, said):
    convert_labelme(leftovers, tmp_path / 'out')
    assert (tmp_path / 'out/images.txt').read_text() == 'a\nb\n'
    assert len(read_supports(leftovers)['cat']) == 2
    assert said == []


def test_json_of_other_programs_is_skipped_and_counted(
        leftovers, tmp_path, said):
    (leftovers / 'classes.json').write_text('["cat"]')
    (leftovers / 'package.json').write_text('{"name": "shapes"}')
    (leftovers / 'settings.json').write_text('{"imagePath": "photos", // no')
    convert_labelme(leftovers, tmp_path / 'out')
    assert len(read_supports(leftovers)['cat']) == 2
    assert said == [
        f'skipped 3 files of {leftovers} that labelme did not write, such as '
        f'{leftovers}/classes.json'] * 2


def test_a_coco_file_beside_labelmes_files_is_ambiguous(leftovers, tmp_path):
    """prepare-data is told which to take."""
    files.write_coco(leftovers / 'c.json', {'a.jpg': SIZE}, [], {1: 'cat'})
    with pytest.raises(InputError, match=r'of one format, got .*c\.json'):
        read_supports(leftovers)
    convert_labelme(leftovers, tmp_path / 'out')
    assert len(read_supports(leftovers / 'a.json')['cat']) == 1


def test_a_file_alone_is_converted(leftovers, tmp_path):
    convert_labelme(leftovers / 'a.json', tmp_path / 'out')
    assert (tmp_path / 'out/images.txt').read_text() == 'a\n'


def test_a_zip_of_a_mac_is_unpacked_and_converted(leftovers, tmp_path, said):
    path = files.zipped(leftovers)
    convert_labelme(path, tmp_path / 'out')
    assert (tmp_path / 'out/images.txt').read_text() == 'a\nb\n'
    assert (tmp_path / 'out/export/a.jpg').is_file()
    assert len(read_supports(path)['cat']) == 2
    assert said == []


def test_an_annotated_image_without_shapes_is_background(tmp_path):
    assert not converted(tmp_path, [], classes=['cat']).any()
