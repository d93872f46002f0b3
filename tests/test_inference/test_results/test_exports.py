import base64
import io
import json
import os
import tracemalloc
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from PIL import Image
from pycocotools.coco import COCO

from mmseg_panet.annotations.class_colours import class_palette
from mmseg_panet.annotations.formats.coco import read_coco
from mmseg_panet.annotations.formats.labelme import read_labelme
from mmseg_panet.errors import InputError
from mmseg_panet.inference.images.image_list import ImageItem, list_images
from mmseg_panet.inference.results.exports import Export
from mmseg_panet.inference.results.mask_file import (
    mask_path,
    write_prediction,
)
from mmseg_panet.inference.results.prediction import Prediction
from mmseg_panet.inference.results.segmented_image import (
    SegmentedImage,
    read_segmented,
)

CLASSES = ('cat, "big"', 'ключ: yes', '#3')


def smooth_labels(size, seed, classes=CLASSES):
    """Blobs of all classes, with undecided pixels in one corner."""
    random = np.random.default_rng(seed)
    labels = np.zeros(size, np.uint8)
    for label in range(1, 1 + len(classes)):
        field = cv2.resize(
            random.random((7, 7)), size[::-1], interpolation=cv2.INTER_CUBIC)
        labels[field > 0.7] = label
    labels[:3, :9] = 255
    return labels


def hard_labels():
    """Single pixels, lines, touching corners, holes and border objects."""
    labels = np.zeros((40, 60), np.uint8)
    labels[0, 0] = labels[39, 59] = labels[20, 30] = 1
    labels[5:25, 5] = labels[30, 10:50] = 2
    np.fill_diagonal(labels[8:18, 40:50], 3)
    labels[3:12, 12:25] = 1
    labels[5:10, 14:23] = 0
    labels[7, 18] = 2
    labels[:, 57:] = 2
    labels[15:20, 55:60] = 255
    return labels


@pytest.fixture
def photos(tmp_path):
    """Images whose names are unusual, and their label maps by name."""
    maps = {
        'a': smooth_labels((60, 90), 1), 'empty': np.zeros((9, 7), np.uint8),
        'sub folder/ä, ö.v2': hard_labels(),
        'large': smooth_labels((700, 900), 2)}
    for name, labels in maps.items():
        path = tmp_path / 'photos' / f'{name}.jpg'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((*labels.shape, 3), np.uint8)).save(path)
    return tmp_path / 'photos', maps


def exported(out, photos, export, classes=CLASSES):
    folder, maps = photos
    items = list_images(str(folder))
    export.check(out, items)
    export.write(
        out, items, lambda item: SegmentedImage(item, maps[item.name]),
        classes, class_palette(classes))
    return items


def read_yolo(folder):
    """Fill the polygons as Ultralytics does, in the order of the lines."""
    named = yaml.safe_load((folder / 'data.yaml').read_text('utf-8'))
    assert named['train'] == named['val'] == 'images'
    found = {}
    for image in sorted((folder / 'images').rglob('*.*')):
        stem = image.relative_to(folder / 'images').with_suffix('')
        labels = np.zeros(Image.open(image).size[::-1], np.uint8)
        text = (folder / 'labels' / f'{stem}.txt').read_text()
        for line in text.splitlines():
            number, *points = line.split()
            polygon = np.array(points, np.float32).reshape(-1, 2)
            assert len(polygon) >= 3
            assert ((polygon > 0) & (polygon < 1)).all()
            cv2.fillPoly(
                labels, [(polygon * labels.shape[::-1]).astype(np.int32)],
                1 + int(number))
        found[stem.as_posix()] = labels
    return ['background', *named['names'].values()], found


def read_back(annotations):
    return annotations.classes.names, {
        task.stem: annotations.rasterize(task.source)
        for task in annotations.tasks}


READERS = dict(
    coco=lambda out, images: read_back(
        read_coco(out / 'coco' / 'instances.json', images)),
    labelme=lambda out, images: read_back(
        read_labelme(out / 'labelme', image_dir=images)),
    yolo=lambda out, images: read_yolo(out / 'yolo'))


def assert_same(names, found, maps, is_exact):
    """Compare label maps, of which all but the large one are exact."""
    assert found.keys() == maps.keys()
    for image, labels in maps.items():
        for label, class_name in enumerate(CLASSES, start=1):
            expected = labels == label
            got = found[image] == names.index(class_name)
            union = (got | expected).sum()
            iou = (got & expected).sum() / union if union else 1
            least = 1 if is_exact or image != 'large' else 0.98
            assert iou >= least, (image, class_name, iou)


@pytest.mark.parametrize(('name', 'polygons'), [
    ('coco', True), ('coco', False), ('labelme', True), ('labelme', False),
    ('yolo', True)])
def test_masks_that_leave_come_back(name, polygons, photos, tmp_path):
    exported(tmp_path, photos, Export((name,), polygons))
    names, found = READERS[name](tmp_path, photos[0])
    assert_same(names, found, photos[1], not polygons)


def test_yolo_comes_back_through_its_reader(photos, tmp_path):
    formats = 'mmseg_panet.annotations.formats'
    read_yolo = pytest.importorskip(f'{formats}.yolo').read_yolo
    exported(tmp_path, photos, Export(('yolo',)))
    assert_same(
        *read_back(read_yolo(tmp_path / 'yolo')), photos[1], is_exact=False)


def test_coco_is_read_by_pycocotools_and_says_what_the_mask_says(
        photos, tmp_path):
    exported(tmp_path, photos, Export(('coco',), polygons=False))
    file = COCO(tmp_path / 'coco' / 'instances.json')
    assert [one['name'] for one in file.cats.values()] == [*CLASSES]
    assert [*file.cats] == [1, 2, 3]
    for image in file.imgs.values():
        labels = photos[1][image['file_name'].removesuffix('.jpg')]
        assert (image['height'], image['width']) == labels.shape
        seen = np.zeros_like(labels)
        for one in file.loadAnns(file.getAnnIds(image['id'])):
            mask = file.annToMask(one)
            assert one['area'] == mask.sum()
            assert one['iscrowd'] == 0
            seen += mask * np.uint8(one['category_id'])
        np.testing.assert_array_equal(seen, np.where(
            labels == 255, 0, labels))


def test_labelme_finds_the_image_of_its_file(photos, tmp_path):
    exported(tmp_path, photos, Export(('labelme',), polygons=False))
    for path in (tmp_path / 'labelme').rglob('*.json'):
        data = json.loads(path.read_text())
        image = path.parent / data['imagePath']
        assert Image.open(image).size == (
            data['imageWidth'], data['imageHeight'])
        assert data['imageData'] is None
        assert data['version'].startswith('5.')
        for shape in data['shapes']:
            (left, top), (right, bottom) = shape['points']
            mask = Image.open(io.BytesIO(base64.b64decode(shape['mask'])))
            assert mask.size == (right - left + 1, bottom - top + 1)
            assert np.asarray(mask).max() == 1
            assert 0 <= left <= right < data['imageWidth']
            assert 0 <= top <= bottom < data['imageHeight']


def test_small_objects_are_left_out(photos, tmp_path):
    exported(tmp_path, photos, Export(('labelme', 'coco'), min_area=40))
    data = json.loads((tmp_path / 'coco' / 'instances.json').read_text())
    assert min(one['area'] for one in data['annotations']) >= 40
    shapes = json.loads(
        (tmp_path / 'labelme' / 'sub folder' / 'ä, ö.v2.json').read_text()
    )['shapes']
    # The frame of 117 - 45 pixels, the line of 40, and the border of 120
    # without 15 undecided pixels in two parts: 45 and 60.
    assert len(shapes) == 4


def test_300_classes_keep_their_numbers(tmp_path):
    classes = tuple(f'class {i}' for i in range(300))
    labels = np.arange(1, 301, dtype=np.uint16).reshape(15, 20)
    (tmp_path / 'photos').mkdir()
    Image.new('RGB', (20, 15)).save(tmp_path / 'photos' / 'a.png')
    exported(tmp_path, (tmp_path / 'photos', dict(a=labels)),
             Export(('coco', 'yolo')), classes)
    names, found = READERS['coco'](tmp_path, tmp_path / 'photos')
    assert names == ['background', *classes]
    np.testing.assert_array_equal(found['a'], labels)
    lines = (tmp_path / 'yolo/labels/a.txt').read_text().splitlines()
    assert {line.split()[0] for line in lines} == {*map(str, range(300))}


@pytest.fixture
def results(tmp_path):
    """A folder with the mask of an image of two objects."""
    Image.new('RGB', (9, 6)).save(tmp_path / 'a.png')
    item = ImageItem('a', str(tmp_path / 'a.png'))
    labels = np.zeros((6, 9), np.uint8)
    labels[1:4, 1:4], labels[5, 7] = 2, 1
    out = tmp_path / 'out'
    write_prediction(
        mask_path(out, 'a'), Prediction(
            labels, np.full((6, 9), 0.75, np.float32), CLASSES),
        class_palette(CLASSES))
    return out, item


def write_results(results, export):
    out, item = results
    export.write(out, [item], partial(read_segmented, out), CLASSES,
                 class_palette(CLASSES))


def test_the_confidence_of_a_mask_is_the_score(results):
    write_results(results, Export(('coco', 'labelme')))
    data = json.loads((results[0] / 'coco/instances.json').read_text())
    assert [(one['score'], one['bbox'], one['area'])
            for one in data['annotations']] == [
        (0.75, [1, 1, 3, 3], 9), (0.75, [7, 5, 1, 1], 1)]
    shapes = json.loads(
        (results[0] / 'labelme' / 'a.json').read_text())['shapes']
    assert [one['score'] for one in shapes] == [0.75, 0.75]


@pytest.mark.parametrize(('name', 'file'), [
    ('labelme', 'labelme/a.json'), ('yolo', 'yolo/labels/a.txt')])
def test_a_corrected_file_is_kept_until_its_mask_is_newer(
        name, file, results, monkeypatch):
    said = []
    monkeypatch.setattr(
        'mmseg_panet.notices.print_log', lambda text, *_: said.append(text))
    path = results[0] / file
    write_results(results, Export((name,)))
    written = path.read_bytes()
    write_results(results, Export((name,)))
    assert not said
    path.write_bytes(b'corrected')
    write_results(results, Export((name,)))
    assert path.read_bytes() == b'corrected'
    assert f'1 file such as {path}' in said.pop()
    later = path.stat().st_mtime + 5
    os.utime(mask_path(results[0], 'a'), (later, later))
    write_results(results, Export((name,)))
    assert path.read_bytes() == written
    assert not said


def test_the_images_of_yolo_are_links_or_copies(results, monkeypatch):
    write_results(results, Export(('yolo',)))
    link = results[0] / 'yolo' / 'images' / 'a.png'
    assert link.is_symlink() and not os.path.isabs(os.readlink(link))
    link.unlink()

    def no_links(*_):
        raise OSError('a privilege is missing')

    monkeypatch.setattr('os.symlink', no_links)
    write_results(results, Export(('yolo',)))
    assert not link.is_symlink()
    assert link.read_bytes() == Path(results[1].source).read_bytes()


def test_the_memory_does_not_grow_with_the_number_of_images(tmp_path):
    Image.new('RGB', (60, 40)).save(tmp_path / 'a.png')
    labels = hard_labels()

    def peak(number):
        items = [ImageItem(f'{i}', str(tmp_path / 'a.png'))
                 for i in range(number)]
        tracemalloc.start()
        # Not run lengths: pytest keeps each warning of pycocotools.
        Export(('coco',)).write(
            tmp_path, items, lambda item: SegmentedImage(item, labels),
            CLASSES, class_palette(CLASSES))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    few = peak(20)
    # Only the row of an image remains, without its objects.
    assert peak(220) - few < 200 * 1000


@pytest.mark.parametrize(('settings', 'message'), [
    (dict(formats=('voc',)), "'voc'"),
    (dict(formats=('yolo',), polygons=False), 'leave out --rle'),
    (dict(formats=('coco',), min_area=-1), 'expected min_area as a number')])
def test_a_wrong_setting_is_an_error(settings, message):
    with pytest.raises(InputError, match=message):
        Export(**settings)


def test_an_image_that_is_no_file_goes_to_coco_only(tmp_path):
    item = ImageItem('00000000', np.zeros((4, 5, 3), np.uint8))
    Export(('coco',)).check(tmp_path, [item])
    for name in ('labelme', 'yolo'):
        with pytest.raises(InputError, match='got 00000000, an array'):
            Export((name,)).check(tmp_path, [item])


def test_a_folder_of_other_files_is_refused(results, tmp_path):
    out = results[0]
    (out / 'labelme').mkdir()
    (out / 'labelme' / 'mine.json').write_text('{}')
    with pytest.raises(InputError, match='labelme holds files that were not'):
        Export(('labelme',)).check(out, [results[1]])
    Export(('coco',)).check(out, [results[1]])
    (out / 'made_with.txt').write_text('results')
    Export(('labelme',)).check(out, [results[1]])


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    (tmp_path / 'elsewhere').mkdir()
    (tmp_path / 'out').mkdir()
    os.symlink(tmp_path / 'elsewhere', tmp_path / 'out' / 'coco')
    with pytest.raises(InputError, match='got a link to'):
        Export(('coco',)).check(tmp_path / 'out', [])
