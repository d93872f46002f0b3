import csv
import json

import numpy as np
import pytest
from result_parts import CLASSES, PALETTE, prediction

from mmseg_panet.inference.images.image_list import ImageItem
from mmseg_panet.inference.results.mask_file import (
    mask_path,
    read_mask,
    write_prediction,
)
from mmseg_panet.inference.results.prediction import Prediction
from mmseg_panet.inference.results.prediction_tables import (
    write_areas,
    write_coco,
)


@pytest.fixture
def two(tmp_path):
    """Masks of two images, the second all Köter."""
    second = Prediction(
        np.full((2, 3), 2, np.uint8), np.full((2, 3), 0.9, np.float32),
        CLASSES)
    for name, of_image in (('deep/a', prediction()), ('00000001', second)):
        write_prediction(mask_path(tmp_path, name), of_image, PALETTE)
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
    write_coco(out_dir, images, ('cat', 'Köter'), PALETTE)
    coco = COCO(out_dir / 'coco.json')
    assert [category['name'] for category in coco.cats.values()] == [
        'cat', 'Köter']
    assert [category['color'] for category in coco.cats.values()] == [
        [250, 10, 20], [30, 240, 40]]
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


def test_tables_of_no_images_are_complete(tmp_path):
    write_areas(tmp_path, [])
    write_coco(tmp_path, [], ('cat',))
    assert json.loads((tmp_path / 'coco.json').read_text()) == {
        'categories': [{'id': 1, 'name': 'cat'}], 'images': [],
        'annotations': []}
    assert len((tmp_path / 'areas.csv').read_text().splitlines()) == 1
