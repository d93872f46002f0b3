import json
import os
import unicodedata

import annotation_files as files
import mmcv
import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from mmseg_panet import notices
from mmseg_panet.annotations import convert_coco, mask_folder, objects
from mmseg_panet.annotations.rasterize import object_runs
from mmseg_panet.errors import InputError

SIZE = (40, 56)
CATEGORIES = {90: 'dog', 2: 'cat', 18: 'potted plant'}  # ids 3, 1, 2


def random_mask(seed, size=SIZE):
    return np.random.default_rng(seed).random(size) < 0.5


def converted(folder, annotations, size=SIZE, categories=CATEGORIES,
              **settings):
    """Convert one image with these annotations, and read its mask."""
    files.write_coco(
        folder / 'a.json', {'a.jpg': size},
        [('a.jpg', *annotation) for annotation in annotations], categories)
    convert_coco(folder / 'a.json', folder / 'out', **settings)
    return files.mask_of(folder / 'out', 'a')


def test_ids_follow_the_category_ids_without_their_gaps(tmp_path):
    files.write_coco(
        tmp_path / 'a.json', {'a.jpg': SIZE},
        [('a.jpg', 90, [files.box_polygon(1, 3, 2, 6)], 0),
         ('a.jpg', 2, [files.box_polygon(10, 20, 30, 56)], 0)], CATEGORIES)
    names = convert_coco(tmp_path / 'a.json', tmp_path / 'out')
    assert names == ['background', 'cat', 'potted plant', 'dog']
    expected = np.zeros(SIZE, np.uint8)
    expected[1:3, 2:6] = 3
    expected[10:20, 30:56] = 1
    assert (files.mask_of(tmp_path / 'out', 'a') == expected).all()
    assert (tmp_path / 'out/classes.txt').read_text() == (
        '0 background\n1 cat\n2 potted plant\n3 dog\n')


def test_an_object_is_the_union_of_its_polygons(tmp_path):
    parts = [files.box_polygon(0, 4, 0, 4), files.box_polygon(30, 40, 50, 56),
             files.box_polygon(2, 6, 2, 6)]  # overlaps the first
    expected = np.zeros(SIZE, np.uint8)
    expected[0:4, 0:4] = expected[30:40, 50:56] = expected[2:6, 2:6] = 1
    assert (converted(tmp_path, [(2, parts, 0)]) == expected).all()


@pytest.mark.parametrize('form', [files.uncompressed, files.compressed])
@pytest.mark.parametrize('crowd', [0, 1])
def test_run_lengths_are_read_to_the_pixel(tmp_path, form, crowd):
    mask = random_mask(0)
    assert (converted(tmp_path, [(18, form(mask), crowd)]) == 2 * mask).all()


def test_a_hole_stays_open(tmp_path):
    ring = np.zeros(SIZE, bool)
    ring[5:30, 5:30] = True
    ring[10:20, 10:20] = False
    labels = converted(tmp_path, [(2, files.uncompressed(ring), 0)])
    assert (labels == ring).all()


@pytest.mark.parametrize('seed', range(5))
def test_any_polygon_covers_the_pixels_of_pycocotools(tmp_path, seed):
    rng = np.random.default_rng(seed)
    polygons = [
        (rng.uniform(-5, 60, 2 * rng.integers(3, 9))).round(2).tolist()
        for _ in range(3)]
    labels = converted(tmp_path, [(2, polygons, 0)])
    api = COCO(tmp_path / 'a.json')
    assert (labels == api.annToMask(api.anns[1000])).all()
    assert labels.any()


@pytest.mark.parametrize('order', [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
def test_the_smaller_object_is_in_front(tmp_path, order):
    crowd = np.zeros(SIZE, bool)
    crowd[0:30, 0:30] = True
    annotations = [
        (2, files.uncompressed(crowd), 1),
        (18, [files.box_polygon(5, 25, 5, 25)], 0),
        (90, [files.box_polygon(8, 12, 8, 40)], 0)]
    expected = np.zeros(SIZE, np.uint8)
    expected[0:30, 0:30] = 1
    expected[5:25, 5:25] = 2
    expected[8:12, 8:40] = 3
    labels = converted(tmp_path, [annotations[i] for i in order])
    assert (labels == expected).all()


def test_classes_select_and_order_the_categories(tmp_path):
    annotations = [
        (2, [files.box_polygon(0, 20, 0, 20)], 0),
        (18, [files.box_polygon(5, 9, 5, 9)], 0),
        (90, [files.box_polygon(30, 34, 0, 9)], 0)]
    expected = np.zeros(SIZE, np.uint8)
    expected[0:20, 0:20] = 2
    expected[30:34, 0:9] = 1
    labels = converted(tmp_path, annotations, classes=['dog', 'cat'])
    assert (labels == expected).all()


def test_a_category_named_background_is_id_0(tmp_path):
    annotations = [
        (7, [files.box_polygon(0, 20, 0, 20)], 0),
        (0, [files.box_polygon(5, 9, 5, 9)], 0)]
    expected = np.zeros(SIZE, np.uint8)
    expected[0:20, 0:20] = 1
    expected[5:9, 5:9] = 0
    labels = converted(
        tmp_path, annotations, categories={0: 'background', 7: 'cat'})
    assert (labels == expected).all()


def test_an_image_without_annotations_is_background(tmp_path):
    labels = converted(tmp_path, [])
    assert labels.shape == SIZE
    assert not labels.any()


def blocks(size):
    """A mask of 8x8 blocks, which JPEG preserves."""
    coarse = random_mask(3, (size[0] // 8, size[1] // 8))
    return np.kron(coarse, np.ones((8, 8))).astype(bool)


@pytest.mark.parametrize('orientation', [5, 6, 7, 8])
def test_annotations_of_the_stored_photograph_are_oriented(
        tmp_path, orientation):
    mask = blocks(SIZE)
    files.save_photograph(
        tmp_path / 'images/a.jpg', mask.astype(np.uint8) * 255, orientation)
    labels = converted(
        tmp_path, [(2, files.compressed(mask), 0)],
        image_dir=tmp_path / 'images')
    # The image shows its mask, so the decoded image is the expected result.
    oriented = mmcv.imread(tmp_path / 'images/a.jpg')[..., 0] > 128
    assert oriented.shape == SIZE[::-1]
    assert (labels == oriented).all()


@pytest.mark.parametrize('orientation', [None, 1, 2, 3, 4, 5, 6, 7, 8])
def test_annotations_of_the_oriented_photograph_are_unchanged(
        tmp_path, orientation):
    files.save_photograph(
        tmp_path / 'images/a.jpg', blocks(SIZE).astype(np.uint8) * 255,
        orientation)
    oriented = mmcv.imread(tmp_path / 'images/a.jpg')[..., 0] > 128
    labels = converted(
        tmp_path, [(2, files.compressed(oriented), 0)], size=oriented.shape,
        image_dir=tmp_path / 'images')
    assert (labels == oriented).all()


def test_an_image_of_another_size_raises_an_input_error(tmp_path):
    files.save_photograph(
        tmp_path / 'images/a.jpg', np.zeros((30, 20), np.uint8), 6)
    with pytest.raises(
            InputError, match=r'a\.jpg is 30x20, but it was annotated as 56x'):
        converted(tmp_path, [], image_dir=tmp_path / 'images')


def test_a_missing_image_raises_an_error_if_image_dir_is_given(tmp_path):
    (tmp_path / 'images').mkdir()
    with pytest.raises(
            InputError, match=r"a\.json: there is no image 'a\.jpg'"
            ' in .*images, neither by its path nor by its name; .* another'):
        converted(tmp_path, [], image_dir=tmp_path / 'images')


@pytest.mark.parametrize(('segmentation', 'sentence'), [
    ([[1, 1, 9, 9]], r'three or more points .* got \[1, 1, 9, 9\]'),
    ([[1, 1, 9, 9, 5, 9, 3]], 'three or more points'),
    ([[1, 1, 9, float('nan'), 5, 9]], 'expected coordinates .* got nan'),
    # Ten times the longer side, 56.
    ([[1, 1, 561, 3, 5, 9]], 'coordinates of -560..560, .* got 561'),
    ([[1, 1, 5, 9, -1e8, 3]], r'expected coordinates .* got -1e\+08'),
    ([[1, 1, 5, 9, 10 ** 400, 3]], 'too large'),
    ([], r'expected polygons or run-lengths, got \[\]'),
    (None, 'expected polygons or run-lengths, got None'),
    ([['a', 'b', 'c', 'd', 'e', 'f']], 'could not convert'),
    (dict(size=[56, 40], counts=[2240]), r'of the size \[40, 56\]'),
    (dict(size=[40, 56], counts=[2, 3]), r'add up to 40 \* 56'),
    (dict(size=[40, 56], counts=[2250, -10]), r'add up to 40 \* 56'),
    (dict(size=[40, 56], counts=''), r'add up to 40 \* 56'),
    (dict(size=[40, 56], counts='é'), 'expected compressed run-lengths'),
    # One number of five million bits, which would take minutes to add up.
    (dict(size=[40, 56], counts='o' * 10 ** 6), 'compressed run-lengths'),
    (dict(size=[40, 56], counts=[10 ** 400]), r'add up to 40 \* 56'),
    # Its edges are 500 pixels long: 20,002 of them are 10,001,000.
    ([[0, 0, 500, 0] * 10_001], 'at most 10000000 pixels, got 10001000'),
])
def test_a_malformed_segmentation_raises_an_input_error(
        tmp_path, segmentation, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        converted(tmp_path, [(2, segmentation, 0)])
    assert f"{tmp_path / 'a.json'}, annotation 1000: " in str(caught.value)
    assert '\n' not in str(caught.value)


def test_a_truncated_run_length_raises_an_input_error(tmp_path):
    runs = files.compressed(random_mask(1))
    runs['counts'] = runs['counts'][:-3]
    with pytest.raises(InputError, match='annotation 1000: .* add up to'):
        converted(tmp_path, [(2, runs, 0)])


def both_used(data, supercategory):
    """Two categories, 90 and 2, are named cat and have objects."""
    data['categories'][0].update(name='cat', supercategory=supercategory)
    data['annotations'] = [
        data['annotations'][0] | dict(id=category, category_id=category)
        for category in (2, 90)]


@pytest.mark.parametrize(('change', 'sentence'), [
    (lambda d: d['annotations'][0].update(category_id=3),
     'annotation 1000: there is no category with the id 3'),
    (lambda d: d['annotations'][0].update(image_id=7),
     'annotation 1000: there is no image with the id 7'),
    (lambda d: d['images'][0].pop('height'), 'image 100: expected a file_na'),
    (lambda d: d['images'][0].update(file_name='../a.jpg'),
     r"image '\.\./a' lies outside"),
    (lambda d: d['images'][0].update(file_name='s3://bucket/a.jpg'),
     r"image 's3:/bucket/a' lies outside"),
    (lambda d: d['images'].append(
        dict(id=5, file_name='a.png', height=40, width=56)),
     "2 annotated images are named 'a'"),
    (lambda d: d['images'].append(d['images'][0]), "'images' has an id twice"),
    (lambda d: d.pop('categories'), "expected a list 'categories'"),
    (lambda d: both_used(d, 'animal'), r"\['cat'\] more than"),
    (lambda d: d['categories'][0].update(name=' '),
     r"a\.json: expected the name .* got ' '"),
    (lambda d: d['categories'][0].update(name=['dog']),
     r"a\.json: expected the name .* got \['dog'\]"),
    (lambda d: d.update(categories=[]), '0 classes beside the background'),
    (lambda d: d['images'].clear() or d['annotations'].clear(),
     'no image is annotated'),
])
def test_a_malformed_file_raises_an_input_error(tmp_path, change, sentence):
    path = files.write_coco(
        tmp_path / 'a.json', {'a.jpg': SIZE},
        [('a.jpg', 2, [files.box_polygon(0, 4, 0, 4)], 0)], CATEGORIES)
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    with pytest.raises(InputError, match=sentence) as caught:
        convert_coco(path, tmp_path / 'out')
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(('change', 'sentence'), [
    (lambda d: both_used(d, 'animal'), r"\['cat'\] more than"),
    (lambda d: d['categories'][0].pop('name'),
     "expected the name .* got ''"),
])
def test_all_categories_are_checked_even_if_some_are_selected(
        tmp_path, change, sentence):
    path = files.write_coco(
        tmp_path / 'a.json', {'a.jpg': SIZE},
        [('a.jpg', 90, [files.box_polygon(0, 4, 0, 4)], 0)], CATEGORIES)
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    with pytest.raises(InputError, match=sentence):
        convert_coco(path, tmp_path / 'out', classes=['cat'])


def test_invalid_json_and_a_missing_file_raise_an_input_error(tmp_path):
    (tmp_path / 'a.json').write_text('{')
    with pytest.raises(InputError, match=r'a\.json is not valid JSON'):
        convert_coco(tmp_path / 'a.json', tmp_path / 'out')
    with pytest.raises(InputError, match=r'b\.json is missing'):
        convert_coco(tmp_path / 'b.json', tmp_path / 'out')


def test_unknown_classes_and_too_many_raise_an_input_error(tmp_path):
    with pytest.raises(InputError, match=r"no classes \['cow'\]"):
        converted(tmp_path, [], classes=['cat', 'cow'])
    with pytest.raises(InputError, match='a list of names, got'):
        converted(tmp_path, [], classes='cat')
    many = {i: f'class {i}' for i in range(65535)}
    with pytest.raises(InputError, match='65535 classes beside .* 1..65534'):
        converted(tmp_path, [], categories=many)


def test_more_than_254_categories_give_masks_of_16_bits(tmp_path):
    many = {i: f'class {i}' for i in range(1, 301)}
    files.save_photograph(
        tmp_path / 'images/a.jpg', np.zeros(SIZE, np.uint8), 6)
    path = files.write_coco(
        tmp_path / 'a.json', {'a.jpg': SIZE}, [
            ('a.jpg', label, [files.box_polygon(1, 3, x, x + 2)], 0)
            for x, label in [(0, 1), (4, 255), (8, 300)]], many)
    convert_coco(path, tmp_path / 'out')
    mask = files.mask_of(tmp_path / 'out', 'a', 'I;16')
    assert mask[1, [0, 4, 8, 12]].tolist() == [1, 255, 300, 0]
    assert (tmp_path / 'out/classes.txt').read_text().splitlines()[-2:] == [
        '300 class 300', '65535 ignored']
    # The photograph was stored rotated.
    convert_coco(path, tmp_path / 'rotated', tmp_path / 'images')
    assert (files.mask_of(tmp_path / 'rotated', 'a', 'I;16') == np.rot90(
        mask, -1)).all()


@pytest.fixture
def twelve(tmp_path):
    """A COCO file of twelve images with one box each."""
    sizes, annotations = {}, []
    for i in range(12):
        name = f'sub{i % 2}/{i}.v1.JPG'
        sizes[name] = SIZE
        annotations.append((name, 2, [files.box_polygon(0, i + 1, 0, 9)], 0))
        files.save_photograph(
            tmp_path / 'images' / f'sub{i % 2}/{i}.v1.jpg',
            np.zeros(SIZE, np.uint8))
    return files.write_coco(
        tmp_path / 'a.json', sizes, annotations, CATEGORIES)


def test_the_mask_folder_is_read_as_it_was_written(tmp_path, twelve):
    convert_coco(twelve, tmp_path / 'out')
    data = files.read_by_all(tmp_path / 'out', tmp_path / 'images', 'cat')
    assert data.metainfo['classes'] == [
        'background', 'cat', 'potted plant', 'dog']
    assert len(data) == 12
    for item in data:
        i = int(os.path.basename(item['img_path']).split('.')[0])
        expected = np.zeros(SIZE, np.uint8)
        expected[:i + 1, :9] = 1
        assert (item['gt_seg_map'] == expected).all()


def test_an_interrupted_conversion_is_resumed(tmp_path, twelve, monkeypatch):
    replace = os.replace

    def stop_at_seven(source, target):
        if target.name == '7.v1.png':
            raise RuntimeError('the power is gone')
        replace(source, target)

    out = tmp_path / 'out'
    monkeypatch.setattr(os, 'replace', stop_at_seven)
    with pytest.raises(RuntimeError, match='the power is gone'):
        convert_coco(twelve, out)
    monkeypatch.undo()
    assert not (out / 'masks/sub1/7.v1.png').exists()
    assert not (out / 'classes.txt').exists()
    done = {path: path.stat().st_mtime_ns for path in out.rglob('*.png')}
    assert done
    convert_coco(twelve, out)
    assert len(list(out.rglob('*.png'))) == 12
    assert not list(out.rglob('*.part'))
    for path, written in done.items():
        assert path.stat().st_mtime_ns == written


def test_other_annotations_or_classes_rasterize_all_masks_again(
        tmp_path, twelve):
    out = tmp_path / 'out'
    convert_coco(twelve, out)
    convert_coco(twelve, out, classes=['dog', 'cat'])
    assert set(np.unique(files.mask_of(out, 'sub0/0.v1'))) == {0, 2}
    data = json.loads(twelve.read_text())
    data['annotations'] = data['annotations'][1:2]
    data['images'] = data['images'][:2]
    twelve.write_text(json.dumps(data))
    convert_coco(twelve, out)
    assert not files.mask_of(out, 'sub0/0.v1').any()
    assert len(list(out.rglob('*.png'))) == 2


def test_masks_from_elsewhere_are_not_overwritten(tmp_path, twelve):
    (tmp_path / 'out/masks').mkdir(parents=True)
    with pytest.raises(InputError, match='contains other files masks'):
        convert_coco(twelve, tmp_path / 'out')


@pytest.mark.parametrize('size', [
    (10 ** 9, 10 ** 9), (10 ** 18, 1), (1, 10 ** 400), (1 << 15, 1 + (1 << 15))
])
def test_a_size_beyond_all_images_is_refused_before_it_is_allocated(
        tmp_path, size):
    with pytest.raises(InputError, match='image 100 has .*expected at most '):
        converted(tmp_path, [], size=size)
    assert not (tmp_path / 'out').exists()


def test_the_size_of_the_image_is_compared_before_anything_is_allocated(
        tmp_path, monkeypatch):
    """An annotation may claim 268 megapixels, of an image of 8x8."""
    files.save_photograph(
        tmp_path / 'images/a.jpg', np.zeros((8, 8), np.uint8))
    monkeypatch.setattr(
        objects, '_rasterize', lambda *_, **__: pytest.fail('allocated'))
    monkeypatch.setattr(  # in this process
        mask_folder, 'parallel_map', lambda do, tasks, _: list(map(do, tasks)))
    with pytest.raises(InputError, match='is 8x8, but it was annotated as 16'):
        converted(tmp_path, [], size=(1 << 14, 1 << 14),
                  image_dir=tmp_path / 'images')


@pytest.mark.parametrize('name', [
    'a\0.jpg', '\ud800.jpg', 'x' * 300 + '.jpg', 'd' * 300 + '/a.jpg'])
def test_a_name_that_no_file_can_have_raises_an_input_error(tmp_path, name):
    files.write_coco(tmp_path / 'a.json', {name: SIZE}, [], CATEGORIES)
    with pytest.raises(InputError, match='name of an image .* 250 bytes'):
        convert_coco(tmp_path / 'a.json', tmp_path / 'out')
    assert not (tmp_path / 'out/masks').exists()


def test_masks_are_not_written_through_a_link_out_of_the_folder(
        tmp_path, twelve):
    out, elsewhere = tmp_path / 'out', tmp_path / 'elsewhere'
    elsewhere.mkdir()
    out.mkdir()
    (out / 'masks').symlink_to(elsewhere)
    with pytest.raises(InputError, match='sub0 as a folder in .* a link'):
        convert_coco(twelve, out)
    assert not list(elsewhere.iterdir())
    # The folder itself may be a link, and so may its own folders, inside it.
    (tmp_path / 'link').symlink_to(elsewhere)
    convert_coco(twelve, tmp_path / 'link')
    assert len(list((elsewhere / 'masks').rglob('*.png'))) == 12


def test_a_mask_that_is_a_link_is_replaced_and_not_followed(tmp_path, twelve):
    out = tmp_path / 'out'
    convert_coco(twelve, out)
    mask = out / 'masks/sub0/0.v1.png'
    mask.unlink()
    mask.symlink_to(tmp_path / 'precious')
    convert_coco(twelve, out)
    assert not mask.is_symlink()
    assert not (tmp_path / 'precious').exists()


@pytest.fixture
def said(monkeypatch):
    """The warnings."""
    sentences = []
    monkeypatch.setattr(
        notices, 'print_log', lambda text, *_: sentences.append(text))
    return sentences


def square_in(path, name, size=SIZE):
    """Write a file of one image with an object, and one without."""
    return files.write_coco(
        path, {name: size, 'other.jpg': size},
        [(name, 2, [files.box_polygon(1, 5, 2, 9)], 0)], CATEGORIES)


FOREIGN = [
    'images\\a.jpg', r'C:\data\images\a.jpg', r'\\nas\share\images\a.jpg',
    '/home/user/images/a.jpg', 'images/1/a.jpg', 'images/a.JPG',
    r'..\..\label-studio\media\upload\4\a.jpg', 'file:///D:/images/a.jpg',
    './images/a.jpg', 'images/%61.jpg']


@pytest.mark.parametrize('name', FOREIGN)
def test_an_image_is_found_by_the_name_of_another_machine(tmp_path, name):
    """Its mask is named as the image below image_dir, so that it trains."""
    for image in ('a.jpg', 'other.jpg'):
        files.save_photograph(
            tmp_path / 'photos/images' / image, np.zeros(SIZE, np.uint8))
    path = files.write_coco(
        tmp_path / 'a.json', {name: SIZE, 'other.jpg': SIZE},
        [(image, 2, [files.box_polygon(1, 5, 2, 9)], 0)
         for image in (name, 'other.jpg')], CATEGORIES)
    out = tmp_path / 'out'
    convert_coco(path, out, tmp_path / 'photos')
    assert (out / 'images.txt').read_text().split() == [
        'images/a', 'images/other']
    assert (out / 'masks/images/a.png').is_file()
    data = files.read_by_all(out, tmp_path / 'photos', 'cat')
    assert len(data) == 2


def test_an_image_is_found_whatever_the_composition_of_its_letters(tmp_path):
    names = [unicodedata.normalize(form, 'é.jpg') for form in ('NFC', 'NFD')]
    assert names[0] != names[1]
    files.save_photograph(tmp_path / names[0], np.zeros(SIZE, np.uint8))
    files.write_coco(tmp_path / 'a.json', {names[1]: SIZE}, [], CATEGORIES)
    convert_coco(tmp_path / 'a.json', tmp_path / 'out', tmp_path)
    assert (tmp_path / 'out/masks' / f'{names[0][:-4]}.png').is_file()


def test_without_image_dir_masks_have_the_folders_of_the_names(tmp_path):
    path = square_in(tmp_path / 'a.json', r'images\a.jpg')
    convert_coco(path, tmp_path / 'out')
    assert (tmp_path / 'out/masks/images/a.png').is_file()


def test_an_image_of_which_there_are_two_is_an_error_that_names_both(
        tmp_path):
    for folder in ('x', 'y'):
        files.save_photograph(
            tmp_path / 'photos' / folder / 'a.jpg', np.zeros(SIZE, np.uint8))
    path = square_in(tmp_path / 'a.json', '/home/user/a.jpg')
    with pytest.raises(InputError, match=(
            r'a\.json, image 100: expected one image for .*x/a\.jpg and .*'
            r'y/a\.jpg; rename')):
        convert_coco(path, tmp_path / 'out', tmp_path / 'photos')


def test_two_entries_of_one_image_are_an_error_that_names_both(tmp_path):
    files.save_photograph(tmp_path / 'a.jpg', np.zeros(SIZE, np.uint8))
    path = files.write_coco(
        tmp_path / 'a.json', {'a.jpg': SIZE, 'old/a.jpg': SIZE}, [],
        CATEGORIES)
    with pytest.raises(InputError, match=(
            r"the images 100 \('a\.jpg'\) and 101 \('old/a\.jpg'\) are both "
            r'.*/a\.jpg; correct a file_name')):
        convert_coco(path, tmp_path / 'out', tmp_path)


def test_the_image_says_the_size_that_the_file_does_not(tmp_path):
    files.save_photograph(tmp_path / 'a.jpg', np.zeros(SIZE, np.uint8))
    path = square_in(tmp_path / 'a.json', 'a.jpg')
    data = json.loads(path.read_text())
    del data['images'][1]
    for key in ('height', 'width'):
        del data['images'][0][key]
    path.write_text(json.dumps(data))
    convert_coco(path, tmp_path / 'out', tmp_path)
    expected = np.zeros(SIZE, np.uint8)
    expected[1:5, 2:9] = 1
    assert (files.mask_of(tmp_path / 'out', 'a') == expected).all()
    with pytest.raises(InputError, match="image 100: .* got 'a.jpg', None"):
        convert_coco(path, tmp_path / 'other')


def test_boxes_are_filled_by_a_switch(tmp_path):
    labels = converted(tmp_path, [(2, [], 0)], boxes=True)
    expected = np.zeros(SIZE, np.uint8)
    expected[0, 0] = 1  # the box of write_coco
    assert (labels == expected).all()


def test_filled_boxes_are_rasterized_again_without_the_switch(tmp_path):
    annotations = [(2, [files.box_polygon(0, 4, 0, 4)], 0)]
    converted(tmp_path, annotations, boxes=True)
    record = (tmp_path / 'out/made_from.txt').read_text()
    converted(tmp_path, annotations)
    assert (tmp_path / 'out/made_from.txt').read_text() != record


@pytest.mark.parametrize('name', ['none', 'Undecided'])
def test_a_class_with_a_reserved_name_is_refused(tmp_path, name):
    with pytest.raises(InputError, match=(
            rf"a\.json: expected names of classes, got '{name}', which stands "
            'for pixels of no class')):
        converted(tmp_path, [(1, [files.box_polygon(0, 4, 0, 4)], 0)],
                  categories={1: name})


def test_counts_may_be_bytes():
    """As pycocotools returns them."""
    mask = random_mask(0)
    runs = files.compressed(mask)
    given = dict(runs, counts=runs['counts'].encode())
    assert (coco_mask.decode(object_runs(given, SIZE)) == mask).all()


def test_a_run_length_of_swapped_sides_says_so(tmp_path):
    runs = dict(size=[56, 40], counts=[0, 2240])
    with pytest.raises(InputError, match='whose height and width are swapped'):
        converted(tmp_path, [(2, runs, 0)])


def write_splits(folder, splits=('train', 'valid'), categories=CATEGORIES,
                 images=True):
    """Write splits as Roboflow does; their images have the same names."""
    for split in splits:
        if images:
            files.save_photograph(
                folder / split / 'a.jpg', np.zeros(SIZE, np.uint8))
        files.write_coco(
            folder / split / '_annotations.coco.json', {'a.jpg': SIZE},
            [('a.jpg', 2, [files.box_polygon(1, 5, 2, 9)], 0)], categories)
    return folder


@pytest.mark.parametrize('images', [True, False])
@pytest.mark.parametrize('pack', [lambda folder: folder, files.zipped])
def test_the_splits_of_a_folder_are_converted_together(
        tmp_path, images, pack, said):
    folder = write_splits(tmp_path / 'export', images=images)
    (folder / '.hidden.json').write_text('{')
    (folder / 'settings.json').write_text('{}')
    (folder / 'train/_annotations.createml.json').write_text(
        '[{"image": "a.jpg", "annotations": []}]')
    out = tmp_path / 'out'
    assert convert_coco(pack(folder), out)[1] == 'cat'
    assert (out / 'images.txt').read_text().split() == ['train/a', 'valid/a']
    note, = said
    assert note.endswith(
        'the 2 COCO files train/_annotations.coco.json, valid/_annotations.'
        'coco.json are read together; give one of them to read it alone')
    if images:
        assert len(files.read_by_all(out, folder, 'cat')) == 2


def test_splits_find_their_own_images_below_image_dir(tmp_path):
    folder = write_splits(tmp_path / 'export')
    convert_coco(folder, tmp_path / 'out', folder)
    assert (tmp_path / 'out/images.txt').read_text().split() == [
        'train/a', 'valid/a']
    convert_coco(
        folder / 'train/_annotations.coco.json', tmp_path / 'one', folder)
    assert (tmp_path / 'one/images.txt').read_text() == 'train/a\n'


def test_files_of_other_classes_are_not_read_together(tmp_path):
    write_splits(tmp_path / 'export', ['birds'], {2: 'bird'})
    write_splits(tmp_path / 'export', ['cats'])
    with pytest.raises(InputError, match=(
            'export has 2 COCO files with other classes, which are not read '
            r'together: birds/_anno.*\.json, cats/_anno.*\.json; give one')):
        convert_coco(tmp_path / 'export', tmp_path / 'out')


def test_a_class_may_be_used_in_one_split_alone(tmp_path):
    """It is a supercategory, and would be no class of valid alone."""
    folder = write_splits(tmp_path / 'export')
    for split in ('train', 'valid'):
        path = folder / split / '_annotations.coco.json'
        data = json.loads(path.read_text())
        data['categories'][0]['supercategory'] = 'cat'
        data['annotations'][0]['category_id'] = 2 if split == 'train' else 90
        path.write_text(json.dumps(data))
    names = convert_coco(folder, tmp_path / 'out')
    assert sorted(names) == ['background', 'cat', 'dog', 'potted plant']
    found = [np.unique(files.mask_of(tmp_path / 'out', f'{split}/a'))[-1]
             for split in ('train', 'valid')]
    assert [names[i] for i in found] == ['cat', 'dog']


def test_files_of_the_same_images_are_not_read_together(tmp_path):
    for name in ('a.json', 'b.json'):
        square_in(tmp_path / name, 'c.jpg')
    with pytest.raises(InputError, match=(
            r'has 2 COCO files with the same images such as c\.jpg, .*: '
            r'a\.json, b\.json; give one of them')):
        convert_coco(tmp_path, tmp_path / 'out')


def test_the_keypoints_beside_the_instances_of_coco_are_skipped(
        tmp_path, said):
    folder = tmp_path / 'annotations'
    square_in(folder / 'instances_val.json', 'a.jpg')
    square_in(folder / 'person_keypoints_val.json', 'a.jpg')
    (folder / 'captions_val.json').write_text(
        '{"images": [], "annotations": []}')
    convert_coco(folder, tmp_path / 'out')
    assert files.mask_of(tmp_path / 'out', 'a').any()
    assert said == []


def test_a_folder_without_a_coco_file_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match=r'a \.json of COCO with a list'):
        convert_coco(tmp_path, tmp_path / 'out')
