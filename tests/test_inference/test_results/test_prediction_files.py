import csv
import json

import numpy as np
import pytest
from PIL import Image

from mmseg_panet.errors import InputError
from mmseg_panet.inference.images.image_list import ImageItem
from mmseg_panet.inference.results.prediction import Prediction
from mmseg_panet.inference.results.prediction_files import (
    mask_path,
    overlay_path,
    read_mask,
    read_summary,
    remove_parts,
    remove_prediction,
    write_prediction,
)
from mmseg_panet.inference.results.prediction_tables import (
    write_areas,
    write_coco,
)

PALETTE = np.zeros((256, 3), np.uint8)
PALETTE[1:3] = (250, 10, 20), (30, 240, 40)
PALETTE[255] = 128
IMAGE = np.full((4, 6, 3), 100, np.uint8)


def prediction():
    """Of 24 pixels 6 are cat, 2 undecided, none is Köter."""
    labels = np.zeros((4, 6), np.uint8)
    labels[:2, :3] = 1
    labels[3, :2] = 255
    confidence = np.full((4, 6), 0.5, np.float32)
    confidence[:2, :3] = 0.75
    confidence[3, 0], confidence[3, 1] = 0.25, 0.5
    return Prediction(labels, confidence, ('cat', 'Köter'))


def test_a_mask_is_a_palette_png_of_the_class_map(tmp_path):
    write_prediction(tmp_path, 'deep/a', prediction(), PALETTE)
    with Image.open(tmp_path / 'masks/deep/a.png') as mask:
        assert mask.mode == 'P'
        assert (np.array(mask) == prediction().class_map).all()
        assert (np.array(mask.convert('RGB'))[0, 0] == (250, 10, 20)).all()
    assert not (tmp_path / 'overlays').exists()


def test_a_mask_says_what_it_shows(tmp_path):
    write_prediction(tmp_path, 'a', prediction(), PALETTE)
    summary = read_summary(mask_path(tmp_path, 'a'))
    assert summary.classes == ('cat', 'Köter')
    assert summary.size == (4, 6)
    assert summary.areas == (
        (0, 16, 0.5), (1, 6, 0.75), (2, 0, None), (255, 2, 0.375))


def test_the_mask_of_another_program_is_an_error(tmp_path):
    Image.fromarray(prediction().class_map).save(tmp_path / 'other.png')
    with pytest.raises(InputError, match='other.png is no mask'):
        read_summary(tmp_path / 'other.png')


def test_an_overlay_has_the_colours_of_the_palette_over_the_image(tmp_path):
    # Large enough that a pixel is not in the outline of its class.
    labels, confidence, image = (
        small.repeat(32, 0).repeat(32, 1)
        for small in (*prediction()[:2], IMAGE))
    write_prediction(
        tmp_path, 'a', Prediction(labels, confidence, ('cat', 'Köter')),
        PALETTE, image)
    with Image.open(overlay_path(tmp_path, 'a')) as overlay:
        picture = np.array(overlay).astype(int)
    # 55 % of grey 100 and 45 % of the class's colour.
    assert np.abs(picture[16, 16] - (167, 59, 64)).max() < 8
    assert np.abs(picture[80, 180] - 100).max() < 4


def test_a_mask_is_written_after_its_overlay(tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError('disk full')
    monkeypatch.setattr(Image.Image, 'save', fail)
    with pytest.raises(OSError, match='disk full'):
        write_prediction(tmp_path, 'a', prediction(), PALETTE, IMAGE)
    assert [path.name for path in tmp_path.rglob('*.*')] == ['a.jpg']


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    part = '.part-0123abcd-12'
    keep = ['masks/a.png', 'masks/.a.png', 'overlays/a.jpg', '.part-1',
            f'deep/{part}']
    left = [f'masks/{part}', f'masks/b/{part}', f'overlays/{part}', part]
    for file in keep + left:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    remove_parts(tmp_path)
    assert all((tmp_path / file).exists() for file in keep)
    assert not any((tmp_path / file).exists() for file in left)


def test_removing_a_prediction_removes_its_files_if_there_are_any(tmp_path):
    write_prediction(tmp_path, 'a', prediction(), PALETTE, IMAGE)
    for _ in range(2):
        remove_prediction(tmp_path, 'a')
        assert not list(tmp_path.rglob('*.*'))


@pytest.fixture
def two(tmp_path):
    """Masks of two images, the second all Köter."""
    second = Prediction(
        np.full((2, 3), 2, np.uint8), np.full((2, 3), 0.9, np.float32),
        ('cat', 'Köter'))
    write_prediction(tmp_path, 'deep/a', prediction(), PALETTE)
    write_prediction(tmp_path, '00000001', second, PALETTE)
    return tmp_path, [
        ImageItem('deep/a', '/photos/deep/a.jpg'),
        ImageItem('00000001', np.zeros((2, 3, 3), np.uint8))]


def test_the_table_has_a_row_an_image_and_class(two):
    out_dir, images = two
    write_areas(out_dir, images)
    with (out_dir / 'areas.csv').open(encoding='utf-8') as file:
        rows = list(csv.reader(file))
    assert rows == [
        ['image', 'class', 'pixels', 'share', 'confidence'],
        ['deep/a', 'none', '16', '0.666667', '0.5000'],
        ['deep/a', 'cat', '6', '0.250000', '0.7500'],
        ['deep/a', 'Köter', '0', '0.000000', ''],
        ['deep/a', 'undecided', '2', '0.083333', '0.3750'],
        ['00000001', 'none', '0', '0.000000', ''],
        ['00000001', 'cat', '0', '0.000000', ''],
        ['00000001', 'Köter', '6', '1.000000', '0.9000'],
        ['00000001', 'undecided', '0', '0.000000', ''],
    ]


def test_pycocotools_reads_the_masks_back(two):
    from pycocotools.coco import COCO
    out_dir, images = two
    write_coco(out_dir, images, ('cat', 'Köter'))
    coco = COCO(out_dir / 'coco.json')
    assert [category['name'] for category in coco.cats.values()] == [
        'cat', 'Köter']
    assert [image['file_name'] for image in coco.imgs.values()] == [
        'deep/a.jpg', '00000001']
    assert len(coco.anns) == 2
    for item, annotation in zip(images, coco.anns.values(), strict=True):
        labels = read_mask(mask_path(out_dir, item.name))
        mask = labels == annotation['category_id']
        assert (coco.annToMask(annotation) == mask).all()
        assert annotation['area'] == mask.sum() == 6
    first, second = coco.anns.values()
    assert (first['bbox'], first['score']) == ([0, 0, 3, 2], 0.75)
    assert (second['image_id'], second['score']) == (2, 0.9)


def test_tables_of_no_images_are_whole(tmp_path):
    write_areas(tmp_path, [])
    write_coco(tmp_path, [], ('cat',))
    assert json.loads((tmp_path / 'coco.json').read_text()) == {
        'categories': [{'id': 1, 'name': 'cat'}], 'images': [],
        'annotations': []}
    assert len((tmp_path / 'areas.csv').read_text().splitlines()) == 1
