"""The formats of an answer, and what JSON says."""
import io
import json

import numpy as np
import pytest

pytest.importorskip('fastapi')

from PIL import Image
from pycocotools import mask as coco
from pycocotools.coco import COCO

from mmseg_panet.annotations.class_colours import class_palette
from mmseg_panet.inference.results.mask_file import (
    encode_prediction,
    read_mask,
    read_summary,
    write_prediction,
)
from mmseg_panet.inference.results.prediction import Prediction
from mmseg_panet.service.answer import Settings, make_answer

CLASSES = ('cat', '<b>dog</b>')
PALETTE = class_palette(CLASSES)


def prediction():
    """Two cats and a dog, and two undecided pixels."""
    labels = np.zeros((20, 30), np.uint8)
    labels[2:8, 3:9] = 1
    labels[10:14, 1:4] = 1
    labels[5:15, 20:28] = 2
    labels[0, :2] = 255
    confidence = np.where(labels == 1, 0.75, 0.5).astype(np.float32)
    probabilities = np.stack([
        np.full(labels.shape, share, np.float32) for share in (.25, .7, .05)])
    return Prediction(labels, confidence, CLASSES, probabilities)


def answer(**settings):
    image = np.full((20, 30, 3), 90, np.uint8)
    return make_answer(
        image, prediction(), 'a.jpg', PALETTE, Settings(**settings))


def described(**settings):
    found = answer(format='json', **settings)
    assert found.media_type == 'application/json'
    return json.loads(found.body)


def test_the_png_is_the_file_that_segment_writes(tmp_path):
    write_prediction(tmp_path / 'a.png', prediction(), PALETTE)
    found = answer(format='png')
    assert found.media_type == 'image/png'
    assert found.body == (tmp_path / 'a.png').read_bytes()
    assert found.body == encode_prediction(prediction(), PALETTE)
    np.testing.assert_array_equal(
        read_mask(tmp_path / 'a.png'), prediction().class_map)
    assert read_summary(tmp_path / 'a.png').classes == CLASSES


def test_the_areas_are_those_of_all_labels():
    assert described()['areas'] == [
        dict(label=0, name='none', pixels=470, confidence=0.5),
        dict(label=1, name='cat', pixels=48, confidence=0.75),
        dict(label=2, name='<b>dog</b>', pixels=80, confidence=0.5),
        dict(label=255, name='undecided', pixels=2, confidence=0.5)]


@pytest.mark.parametrize('segmentation', ['polygons', 'rle'])
@pytest.mark.parametrize(('per', 'rows'), [
    ('object', [(2, 80, .5), (1, 36, .75), (1, 12, .75)]),
    ('class', [(1, 48, .75), (2, 80, .5)])])
def test_pycocotools_reads_the_json_with_the_same_pixels(
        per, rows, segmentation, tmp_path):
    found = described(per=per, segmentation=segmentation)
    (tmp_path / 'a.json').write_text(json.dumps(found))
    read = COCO(tmp_path / 'a.json')
    assert read.imgs[1] == dict(
        id=1, file_name='a.jpg', height=20, width=30)
    assert [one['name'] for one in read.cats.values()] == [*CLASSES]
    assert read.cats[2]['color'] == PALETTE[2].tolist()
    assert [(one['category_id'], one['area'], one['score'])
            for one in read.anns.values()] == rows
    labels = np.zeros((20, 30), np.uint8)
    for one in read.anns.values():
        labels[read.annToMask(one) == 1] = one['category_id']
        assert coco.toBbox(read.annToRLE(one)).tolist() == one['bbox']
    expected = prediction().class_map
    np.testing.assert_array_equal(labels, np.where(
        expected == 255, 0, expected))


def test_small_objects_are_left_out_if_they_are_not_wanted():
    assert [one['area'] for one in described(min_area=13)[
        'annotations']] == [80, 36]
    # A tenth of 600 pixels.
    assert [one['area'] for one in described(min_area=0.1)[
        'annotations']] == [80]


def test_an_image_of_no_class_has_no_annotations():
    nothing = prediction()._replace(
        class_map=np.zeros((20, 30), np.uint8))
    for per in ('object', 'class'):
        found = json.loads(make_answer(
            np.zeros((20, 30, 3), np.uint8), nothing, 'a', PALETTE,
            Settings(format='json', per=per)).body)
        assert found['annotations'] == []


def test_an_overlay_is_a_jpeg_with_a_legend_below_the_image():
    found = answer(format='overlay')
    assert found.media_type == 'image/jpeg'
    picture = Image.open(io.BytesIO(found.body))
    assert picture.format == 'JPEG' and picture.height > 20
    # The dog's colour is mixed with grey 90.
    pixel = np.array(picture.convert('RGB'), int)[10, 24]
    assert abs(pixel - (0.55 * 90 + 0.45 * PALETTE[2])).max() < 30


def test_a_probability_is_rounded_to_8_bits():
    found = answer(format='probability', class_name='cat')
    assert found.media_type == 'image/png'
    values = np.array(Image.open(io.BytesIO(found.body)))
    assert values.shape == (20, 30) and {*values.flat} == {round(0.7 * 255)}
