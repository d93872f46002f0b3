import json

import cv2
import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile
from mmseg.datasets.transforms import LoadAnnotations
from PIL import Image

from mmseg_panet.datasets.toy import toy_dataset as toy
from mmseg_panet.datasets.toy.toy_dataset import (
    TOY_CLASSES,
    ToyDataset,
    make_toy_dataset,
    make_toy_examples,
)
from mmseg_panet.datasets.toy.toy_image import (
    CLASS_PAIRS,
    DISTRACTOR_PAIRS,
    SHAPES,
    TEXTURES,
    render_background,
    render_object,
    render_toy_image,
)
from mmseg_panet.errors import InputError
from mmseg_panet.inference.supports import read_supports


def files_of(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in sorted(folder.rglob('*')) if path.is_file()
    }


@pytest.fixture(scope='module')
def toy_200():
    return [render_toy_image(0, index, 128) for index in range(200)]


def test_same_arguments_render_the_same_image_in_any_global_state():
    np.random.seed(1)
    image, label = render_toy_image(3, 5, 64)
    np.random.seed(2)
    render_toy_image(3, 6, 64)
    again, label_again = render_toy_image(3, 5, 64)
    np.testing.assert_array_equal(image, again)
    np.testing.assert_array_equal(label, label_again)


@pytest.mark.parametrize('other', [(4, 5), (3, 17)])
def test_another_seed_or_index_renders_another_image(other):
    # Index 17 has the same class in front as index 5.
    assert (render_toy_image(3, 5, 64)[0]
            != render_toy_image(*other, 64)[0]).any()


def test_image_and_label_are_uint8_of_the_requested_size():
    image, label = render_toy_image(0, 0, 48)
    assert image.shape == (48, 48, 3)
    assert label.shape == (48, 48)
    assert image.dtype == label.dtype == np.uint8


def test_every_shape_and_texture_is_in_two_classes_of_different_folds():
    assert len(set(TOY_CLASSES)) == len(CLASS_PAIRS) == 12
    for position, nouns in enumerate((SHAPES, TEXTURES)):
        for noun in nouns:
            folds = {
                i // 3 for i, pair in enumerate(CLASS_PAIRS)
                if pair[position] == noun
            }
            assert len(folds) == 2, noun


def test_no_distractor_is_a_class():
    assert not set(DISTRACTOR_PAIRS) & set(CLASS_PAIRS)


@pytest.mark.parametrize('shape', SHAPES)
def test_label_of_an_object_is_where_the_image_changed(shape):
    rng = np.random.default_rng(0)
    before = render_background(rng, 96).astype(np.float32)
    image = before.copy()
    label = np.zeros((96, 96), np.uint8)
    # A texture without edges, so that each pixel of the object differs.
    render_object(
        image, label, shape, 'shaded', 7, np.array([48, 50]), 30, rng)
    inside = label == 7
    assert set(np.unique(label)) == {0, 7}
    assert (image[inside] != before[inside]).any(axis=1).all()
    # Antialiasing blends a border of one pixel, of two at sharp corners.
    around = cv2.dilate(label, np.ones((5, 5), np.uint8)) == 7
    np.testing.assert_array_equal(image[~around], before[~around])


def test_area_of_a_disc_is_pi_r_squared():
    label = np.zeros((96, 96), np.uint8)
    render_object(
        np.zeros((96, 96, 3), np.float32), label, 'disc', 'striped', 1,
        np.array([48, 48]), 30, np.random.default_rng(0))
    # The stretch keeps the area; rasterising adds half a pixel of border.
    assert label.sum() == pytest.approx(np.pi * 30.5**2, rel=0.02)


def test_later_objects_cover_earlier_ones():
    rng = np.random.default_rng(0)
    image = np.zeros((96, 96, 3), np.float32)
    label = np.zeros((96, 96), np.uint8)
    left, right = np.array([[40, 48], [70, 48]])
    render_object(image, label, 'disc', 'striped', 1, left, 30, rng)
    alone = label == 1
    render_object(image, label, 'disc', 'dotted', 2, right, 20, rng)
    assert label[48, 70] == 2
    assert alone[48, 62]
    assert label[48, 62] == 2
    assert label[48, 20] == 1


def test_labels_are_class_ids_with_void_around_objects(toy_200):
    for index, (_, label) in enumerate(toy_200[:24]):
        ids = set(np.unique(label))
        assert ids <= {0, *range(1, 13), 255}
        assert index % 12 + 1 in ids
        for i in ids - {0, 255}:
            # There is void between an object and the background.
            inside = label == i
            for a, b in ((inside[:, :-1], label[:, 1:]), (inside[:-1],
                                                          label[1:])):
                assert not (a & (b == 0)).any()


def test_every_class_covers_two_percent_of_at_least_25_of_200_images(toy_200):
    for class_id in range(1, 13):
        shares = [(label == class_id).mean() for _, label in toy_200]
        assert np.sum(np.array(shares) >= 0.02) >= 25, class_id


def test_colours_of_objects_are_those_of_the_background(toy_200):
    # Over many images, no colour channel distinguishes objects from the
    # background: the means are within a tenth of the range.
    inside = np.concatenate(
        [image[(label > 0) & (label < 255)] for image, label in toy_200])
    outside = np.concatenate([image[label == 0] for image, label in toy_200])
    np.testing.assert_allclose(
        inside.mean(axis=0), outside.mean(axis=0), atol=25)


def test_same_arguments_write_the_same_bytes(tmp_path):
    first = make_toy_dataset(tmp_path / 'a', 5, 48, 3)
    second = make_toy_dataset(tmp_path / 'b', 5, 48, 3)
    assert files_of(first) == files_of(second)
    third = make_toy_dataset(tmp_path / 'c', 5, 48, 4)
    assert files_of(first) != files_of(third)


def test_first_seventy_percent_are_for_training(tmp_path):
    out = make_toy_dataset(tmp_path, 10, 32, 0)
    lists = out / 'ImageSets' / 'Segmentation'
    assert (lists / 'train.txt').read_text().split() == [
        f'{i:06d}' for i in range(7)]
    assert (lists / 'val.txt').read_text().split() == [
        f'{i:06d}' for i in range(7, 10)]


def test_label_files_contain_class_ids_with_the_palette_of_voc(tmp_path):
    out = make_toy_dataset(tmp_path, 2, 48, 0)
    picture = Image.open(out / 'SegmentationClass' / '000001.png')
    assert picture.mode == 'P'
    np.testing.assert_array_equal(
        np.array(picture), render_toy_image(0, 1, 48)[1])
    assert picture.getpalette()[:6] == [0, 0, 0, 128, 0, 0]
    names = (out / 'classes.txt').read_text().splitlines()
    assert names[:2] == ['0 background', f'1 {TOY_CLASSES[0]}']


def test_a_complete_folder_is_not_changed(tmp_path, monkeypatch):
    out = make_toy_dataset(tmp_path / 'toy', 3, 32, 0)
    before = files_of(out)
    monkeypatch.setattr(toy, 'render_toy_image', None)
    make_toy_dataset(out, 3, 32, 0)
    assert files_of(out) == before


def test_an_interrupted_folder_is_rendered_again(tmp_path, monkeypatch):
    expected = files_of(make_toy_dataset(tmp_path / 'complete', 4, 32, 0))

    def interrupted(seed, index, size):
        if index == 2:
            raise KeyboardInterrupt
        return render_toy_image(seed, index, size)

    out = tmp_path / 'toy'
    with monkeypatch.context() as patch:
        patch.setattr(toy, 'render_toy_image', interrupted)
        with pytest.raises(KeyboardInterrupt):
            make_toy_dataset(out, 4, 32, 0)
    assert files_of(make_toy_dataset(out, 4, 32, 0)) == expected


def test_other_arguments_replace_a_folder_without_leftovers(tmp_path):
    out = make_toy_dataset(tmp_path / 'toy', 6, 32, 0)
    make_toy_dataset(out, 3, 40, 1)
    fresh = make_toy_dataset(tmp_path / 'fresh', 3, 40, 1)
    assert files_of(out) == files_of(fresh)


@pytest.mark.parametrize('record', [None, 'no json', '[]', '{"a": 1}'])
def test_a_folder_of_other_files_raises_an_error_and_is_kept(tmp_path, record):
    (tmp_path / 'JPEGImages').mkdir()
    (tmp_path / 'JPEGImages' / 'holiday.jpg').write_bytes(b'mine')
    if record is not None:
        (tmp_path / 'toy.json').write_text(record)
    before = files_of(tmp_path)
    with pytest.raises(InputError, match='empty or does not exist'):
        make_toy_dataset(tmp_path, 3, 32, 0)
    assert files_of(tmp_path) == before


@pytest.mark.parametrize(('arguments', 'message'), [
    ((0, 32, 0), 'num_images to be at least 1, got 0'),
    ((1, 31, 0), 'size to be at least 32, got 31'),
    ((1, 32, -1), 'seed to be at least 0, got -1'),
])
def test_arguments_out_of_range_raise_an_input_error(
        tmp_path, arguments, message):
    with pytest.raises(InputError, match=message):
        make_toy_dataset(tmp_path / 'toy', *arguments)
    assert not (tmp_path / 'toy').exists()


def test_a_file_as_folder_raises_an_input_error(tmp_path):
    path = tmp_path / 'toy'
    path.write_text('')
    with pytest.raises(InputError, match='to be a folder, got a file'):
        make_toy_dataset(path, 1, 32, 0)


def test_toy_dataset_reads_what_was_written(tmp_path):
    out = make_toy_dataset(tmp_path, 10, 48, 0)
    dataset = ToyDataset(
        data_root=str(out),
        ann_file='ImageSets/Segmentation/val.txt',
        pipeline=[LoadImageFromFile(), LoadAnnotations()])
    assert dataset.metainfo['classes'] == ('background', *TOY_CLASSES)
    assert len(dataset.metainfo['palette']) == 13
    assert len(dataset) == 3
    item = dataset[0]
    image, label = render_toy_image(0, 7, 48)
    np.testing.assert_array_equal(item['gt_seg_map'], label)
    # mmcv reads BGR. The remaining difference is the loss of JPEG, mostly in
    # the chroma.
    difference = np.abs(item['img'][..., ::-1].astype(int) - image)
    assert difference.mean() < 8


def test_the_record_contains_the_arguments(tmp_path):
    out = make_toy_dataset(tmp_path, 1, 32, 9)
    record = json.loads((out / 'toy.json').read_text())
    assert (record['num_images'], record['size'], record['seed']) == (1, 32, 9)


def test_examples_are_a_support_folder_of_the_novel_classes(tmp_path):
    make_toy_examples(tmp_path, num_shots=2, num_photos=4, size=48)
    supports = read_supports(tmp_path / 'examples')
    assert set(supports) == {
        'striped disc', 'checked square', 'dotted triangle'}
    for name, shots in supports.items():
        assert len(shots) == 2
        for shot in shots:
            labels = shot.rasterize((48, 48))
            assert shot.names == (name,) and (labels == 1).any()
    assert len(list((tmp_path / 'photos').iterdir())) == 4


def test_examples_are_the_same_each_time(tmp_path):
    for folder in ('a', 'b'):
        make_toy_examples(
            tmp_path / folder, num_shots=1, num_photos=1, size=48)
    one, other = (
        {path.relative_to(tmp_path / folder): path.read_bytes()
         for path in (tmp_path / folder).rglob('*.*')}
        for folder in ('a', 'b'))
    assert one == other and len(one) == 3 * (2 + 1) + 1
    for folder in (tmp_path / 'a/examples').iterdir():
        assert (folder / 'classes.txt').read_text().splitlines() == [
            '0 background', f'1 {folder.name}']


def test_photos_differ_from_the_examples(tmp_path):
    make_toy_examples(tmp_path, num_shots=1, num_photos=3, size=48)
    pictures = [
        np.asarray(Image.open(path)) for path in tmp_path.rglob('*.jpg')]
    assert len({picture.tobytes() for picture in pictures}) == 6
