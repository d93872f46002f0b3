import hashlib
import json

import annotation_files as files
import cv2
import numpy as np
import pytest
import torch
from inference_parts import image_of, small_inferencer

from mmseg_panet.errors import InputError
from mmseg_panet.inference.supports import Support, annotated_files
from mmseg_panet.inference.supports.support_encoder import (
    encode_images,
    encode_supports,
)

SIZES = [(60, 80), (50, 50), (60, 80), (33, 47), (50, 50)]


@pytest.fixture(scope='module')
def inferencer():
    return small_inferencer()


def by_hand(image, labels, names=('cat',), **changes):
    settings = dict(class_name='cat', where='by hand') | changes
    return Support(
        names=names, image=image, labels_of=lambda size: labels, **settings)


def supports_of(sizes):
    supports = []
    for seed, size in enumerate(sizes):
        image, mask = image_of((20, 20, 230), size, (4, 4, 20, 20), seed)
        labels = mask.astype(np.uint8)
        supports.append(by_hand(image, labels))
    return supports


def assert_close(one, other):
    for name, tensor in one.tensors().items():
        torch.testing.assert_close(
            tensor, other.tensors()[name], rtol=1e-5, atol=1e-3)


def test_supports_of_different_sizes_are_encoded_in_batches(
        inferencer, monkeypatch):
    """Two of 60x80 and two of 50x50 together, one of 33x47 alone."""
    alone = [
        encode_supports(inferencer.model, inferencer.pipeline, [support], 1)
        for support in supports_of(SIZES)]
    sizes = []
    extract = inferencer.model.extract_feat
    monkeypatch.setattr(
        inferencer.model, 'extract_feat',
        lambda images: sizes.append(tuple(images.shape)) or extract(images))
    together = encode_supports(
        inferencer.model, inferencer.pipeline, supports_of(SIZES), 8)
    assert sorted(sizes) == [
        (1, 3, 33, 47), (2, 3, 50, 50), (2, 3, 60, 80)]
    for (one,), other in zip(alone, together, strict=True):
        assert one.image_sha256 == other.image_sha256
        assert_close(one.statistics, other.statistics)


def test_no_more_than_a_batch_of_a_size_is_held(inferencer):
    read = []

    def images():
        for image in [image_of((0, 0, 0))[0]] * 5:
            read.append(image)
            yield image

    ahead = [
        len(read) - index for index, _, _ in encode_images(
            inferencer.model, inferencer.pipeline, images(), 2)]
    # The first one of a batch of two comes when both are read.
    assert ahead == [2, 1, 2, 1, 1]


def test_the_own_class_comes_first_and_absent_ones_are_left_out(inferencer):
    image, mask = image_of((20, 20, 230))
    labels = np.zeros(mask.shape, np.uint8)
    labels[mask] = 3
    labels[:5] = 1
    labels[5:8] = 255
    banked, = encode_supports(
        inferencer.model, inferencer.pipeline,
        [by_hand(image, labels, ('dog', 'cow', 'cat'))], 1)
    assert banked.names == ('cat', 'dog')
    areas = [(labels != 255).sum(), (labels == 3).sum(), (labels == 1).sum()]
    torch.testing.assert_close(
        banked.statistics.areas, torch.tensor(areas).double())


def test_hashes_are_of_the_file_and_of_what_the_labels_say(
        inferencer, tmp_path):
    image, mask = image_of((20, 20, 230))
    cv2.imwrite(str(tmp_path / 'cat.png'), image)
    labels = mask.astype(np.uint8)
    banked, array = encode_supports(
        inferencer.model, inferencer.pipeline,
        [by_hand(str(tmp_path / 'cat.png'), labels),
         by_hand(image, labels)], 1)
    assert banked.image == 'cat.png' and array.image == 'array'
    assert banked.image_sha256 == hashlib.sha256(
        (tmp_path / 'cat.png').read_bytes()).hexdigest()
    assert array.image_sha256 != banked.image_sha256
    assert array.labels_sha256 == banked.labels_sha256
    torch.testing.assert_close(
        array.statistics.tensors(), banked.statistics.tensors())


def test_labels_without_the_class_are_refused(inferencer):
    """Of two classes in one image, the labels show the first alone."""
    image, mask = image_of((20, 20, 230))
    dog, cat = (
        by_hand(image, mask.astype(np.uint8), ('dog', 'cat'),
                class_name=name, labels_key='both')
        for name in ('dog', 'cat'))
    with pytest.raises(InputError, match="show 'cat', got those of .'dog'"):
        encode_supports(
            inferencer.model, inferencer.pipeline, [dog, cat], 1)


def test_an_object_between_the_cells_is_refused():
    """A resized mask is sampled at the corners of the cells."""
    pooled = small_inferencer(model=dict(
        decode_head=dict(type='PANetHead', in_channels=32, pool_at='feature')))
    image, _ = image_of((20, 20, 230))
    labels = np.zeros(image.shape[:2], np.uint8)
    labels[3, 3] = 1
    with pytest.raises(InputError, match='between the cells'):
        encode_supports(
            pooled.model, pooled.pipeline,
            [by_hand(image, labels)], 1)


def counted(inferencer, monkeypatch):
    """The numbers of images that pass the backbone together."""
    passed = []
    extract = inferencer.model.extract_feat
    monkeypatch.setattr(
        inferencer.model, 'extract_feat',
        lambda images: passed.append(len(images)) or extract(images))
    return passed


def test_an_image_of_six_classes_passes_the_backbone_once(
        tmp_path, monkeypatch):
    """Given as one annotated file, or as a mask with class values."""
    inferencer = small_inferencer()
    image, _ = image_of((20, 20, 230))
    labels = np.zeros(image.shape[:2], np.uint8)
    for value in range(1, 7):
        labels[10:50, 10 * value:10 * value + 8] = value
    (tmp_path / 'images').mkdir()
    (tmp_path / 'masks').mkdir()
    cv2.imwrite(str(tmp_path / 'images/a.png'), image)
    cv2.imwrite(str(tmp_path / 'masks/a.png'), labels)
    names = [f'class {value}' for value in range(1, 7)]
    (tmp_path / 'classes.txt').write_text('\n'.join(
        f'{i} {name}' for i, name in enumerate(['background', *names])))
    passed = counted(inferencer, monkeypatch)
    inferencer.fit(tmp_path)
    assert inferencer.classes == tuple(names) and passed == [1]
    passed.clear()
    path = str(tmp_path / 'images/a.png')
    inferencer.fit({
        name: [(path, labels, value)]
        for value, name in enumerate(names, start=1)})
    assert inferencer.classes == tuple(names) and passed == [1]


def write_three(folder, cats=True):
    """Write a COCO file in which dogs cover no, all or some pixels."""
    sizes = {f'{name}.png': (60, 80) for name in 'abc'}
    square = files.box_polygon(10, 40, 10, 50)
    for seed, name in enumerate(sizes):
        image, _ = image_of((20, 20, 230), seed=seed)
        cv2.imwrite(str(folder / name), image)
    return files.write_coco(folder / 'a.json', sizes, [
        *[(name, 1, [square], 0) for name in sizes if cats],
        ('a.png', 2, [[70, 50] * 3], 0),
        ('b.png', 2, [square] if cats else [[70, 50] * 3], 0),
        ('c.png', 2, [files.box_polygon(45, 59, 10, 50)] if cats else
         [[70, 50] * 3], 0)], {1: 'cat', 2: 'dog'})


@pytest.fixture
def said(monkeypatch):
    """The warnings."""
    sentences = []
    monkeypatch.setattr(
        'mmseg_panet.notices.print_log',
        lambda text, *_: sentences.append(text))
    return sentences


@pytest.mark.parametrize(('few', 'first'), [
    (0, ('dog', 'a.png')), (300, ('cat', 'b.png'))])
def test_an_image_in_which_a_class_has_no_pixel_is_no_example_of_it(
        inferencer, tmp_path, said, monkeypatch, few, first):
    """In a.png the dog is a point, and in b.png it covers the cat."""
    monkeypatch.setattr(annotated_files, '_FEW', few)
    inferencer.fit(write_three(tmp_path))
    assert {(one.class_name, one.image) for one in inferencer.bank.supports
            } == {('cat', 'a.png'), ('cat', 'c.png'), ('dog', 'b.png'),
                  ('dog', 'c.png')}
    note, = [text for text in said if 'left out' in text]
    assert note == (
        'left out 2 examples without a pixel of the class, as the object has '
        'none, others cover it, or it falls between the cells of the feature '
        f'map, the first is {tmp_path}/a.json, class {first[0]!r} in '
        f'{tmp_path}/{first[1]}')
    assert len(inferencer.check_support().rows) == 4


def test_a_class_of_which_nothing_is_left_is_named(
        inferencer, tmp_path, said):
    path = write_three(tmp_path)
    data = json.loads(path.read_text())
    data['annotations'] = data['annotations'][:4]
    path.write_text(json.dumps(data))
    inferencer.fit(path)
    assert inferencer.classes == ('cat',)
    note, = [text for text in said if 'left out' in text]
    assert note.startswith('left out 1 example without a pixel of the class')
    assert note.endswith(
        "a.png; nothing is left of ['dog'], which is not registered")


def test_examples_of_which_none_is_left_are_refused(inferencer, tmp_path):
    with pytest.raises(InputError, match='at least one pixel of the class'):
        inferencer.fit(write_three(tmp_path, cats=False))


def test_a_pair_without_a_pixel_is_refused(inferencer):
    image, mask = image_of((20, 20, 230))
    with pytest.raises(InputError, match='got only'):
        inferencer.fit({'cat': [(image, mask), (image, 0 * mask)]})
