import json
import os

import annotation_files as files
import mmcv
import numpy as np
import pytest
from pycocotools.coco import COCO

from mmseg_panet.annotations import convert_coco, mask_folder
from mmseg_panet.annotations.formats import coco as coco_format
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
    with pytest.raises(InputError, match=r'a\.jpg is not a readable image'):
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


@pytest.mark.parametrize(('change', 'sentence'), [
    (lambda d: d['annotations'][0].update(category_id=3),
     'annotation 1000: there is no category with the id 3'),
    (lambda d: d['annotations'][0].update(image_id=7),
     'annotation 1000: there is no image with the id 7'),
    (lambda d: d['images'][0].pop('height'), 'image 100: expected a file_na'),
    (lambda d: d['images'][0].update(file_name='../a.jpg'),
     r"image '\.\./a' lies outside"),
    (lambda d: d['images'].append(
        dict(id=5, file_name='a.png', height=40, width=56)),
     "2 annotated images are named 'a'"),
    (lambda d: d['images'].append(d['images'][0]), "'images' has an id twice"),
    (lambda d: d.pop('categories'), "expected a list 'categories'"),
    (lambda d: d['categories'][0].update(name='cat'), r"\['cat'\] more than"),
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
    (lambda category: category.update(name='cat'), r"\['cat'\] more than"),
    (lambda category: category.pop('name'), "expected the name .* got ''"),
])
def test_all_categories_are_checked_even_if_some_are_selected(
        tmp_path, change, sentence):
    path = files.write_coco(
        tmp_path / 'a.json', {'a.jpg': SIZE},
        [('a.jpg', 90, [files.box_polygon(0, 4, 0, 4)], 0)], CATEGORIES)
    data = json.loads(path.read_text())
    change(data['categories'][0])  # dog
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
        coco_format, '_rasterize', lambda *_, **__: pytest.fail('allocated'))
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
