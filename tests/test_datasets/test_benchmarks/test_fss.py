import numpy as np
import pytest
from PIL import Image

from mmseg_panet.datasets import EpisodicDataset, load_class_index
from mmseg_panet.datasets.benchmarks.fss import (
    FSSDataset,
    LoadFSSAnnotations,
    with_ids,
)
from mmseg_panet.errors import InputError

PIPELINE = [
    dict(type='LoadImageFromFile'), dict(type='LoadFSSAnnotations'),
    dict(type='EpisodeLabels'), dict(type='PackEpisodeInputs')]


def write(folder, number, mask, size=(8, 6)):
    """An image of width and height ``size`` with its mask, uint8 (H, W)."""
    folder.mkdir(exist_ok=True, parents=True)
    Image.fromarray(np.zeros((*size[::-1], 3), np.uint8)).save(
        folder / f'{number}.jpg')
    Image.fromarray(mask).save(folder / f'{number}.png')


def corner(number):
    """A mask whose upper left number x number pixels are inside."""
    mask = np.zeros((6, 8), np.uint8)
    mask[:number, :number] = 255
    return mask


@pytest.fixture
def root(tmp_path):
    for name in ('bus', "abe's_flyingfish", 'ab_wheel'):
        for number in (1, 2, 10):
            write(tmp_path / name, number, corner(min(number, 5)))
    (tmp_path / 'trn.txt').write_text("bus\nabe's_flyingfish\n")
    return tmp_path


def load(dataset, index):
    return LoadFSSAnnotations()(dataset.get_data_info(index))['gt_seg_map']


def test_classes_are_numbered_from_1_in_the_order_of_the_list(root):
    dataset = FSSDataset(data_root=str(root), ann_file='trn.txt')
    assert dataset.metainfo['classes'] == (
        'background', 'bus', "abe's_flyingfish")


def test_without_a_list_every_folder_is_a_class(root):
    dataset = FSSDataset(data_root=str(root))
    assert dataset.metainfo['classes'] == (
        'background', 'ab_wheel', "abe's_flyingfish", 'bus')
    assert len(dataset) == 9


def test_images_of_a_class_come_by_their_numbers_and_a_jpeg_is_none(root):
    (root / 'bus/10.jpeg').write_bytes(b'')
    dataset = FSSDataset(data_root=str(root), ann_file='trn.txt')
    paths = [dataset.get_data_info(i)['img_path'] for i in range(6)]
    assert paths == [
        f'{root}/{name}/{number}.jpg'
        for name in ('bus', "abe's_flyingfish") for number in (1, 2, 10)]


def test_the_inside_of_a_mask_is_the_class_of_its_folder(root):
    dataset = FSSDataset(data_root=str(root), ann_file='trn.txt')
    for index, class_id, number in ((0, 1, 1), (1, 1, 2), (4, 2, 2)):
        expected = np.zeros((6, 8))
        expected[:number, :number] = class_id
        np.testing.assert_array_equal(load(dataset, index), expected)


@pytest.mark.parametrize('mode', ['L', 'RGB', 'P', 'RGBA'])
def test_grey_is_inside_from_128_in_any_kind_of_png(tmp_path, mode):
    grey = np.array([[0, 127, 128, 255]], np.uint8)
    write(tmp_path / 'bus', 1, grey, size=(4, 1))
    Image.fromarray(grey).convert(mode).save(tmp_path / 'bus/1.png')
    labels = load(FSSDataset(data_root=str(tmp_path)), 0)
    assert labels.tolist() == [[0, 0, 1, 1]]


def test_a_mask_of_another_size_is_resized_to_its_image(tmp_path):
    write(tmp_path / 'bus', 1, np.kron(corner(3), np.ones((2, 2), np.uint8)))
    labels = load(FSSDataset(data_root=str(tmp_path)), 0)
    np.testing.assert_array_equal(labels, corner(3) // 255)


def test_no_class_has_the_id_255_and_ids_go_on_after_it(tmp_path):
    names = [f'class_{i:03d}' for i in range(1, 300)]
    classes = with_ids(names)
    assert classes[254:257] == ('class_254', '(ignored)', 'class_255')
    assert classes[299] == 'class_298'
    assert with_ids(names[:254]) == ('background', *names[:254])
    assert len(with_ids(names[:255])) == 257


def test_episodes_of_classes_beyond_255_have_the_right_labels(tmp_path):
    names = [f'class_{i:03d}' for i in range(1, 261)]
    for name in names:
        for number in (1, 2):
            write(tmp_path / name, number, corner(number))
    pool = dict(type='FSSDataset', data_root=str(tmp_path))
    data = EpisodicDataset(
        pool, PIPELINE, PIPELINE, num_episodes=5, classes=names[253:])
    assert data.header['class_ids'] == [254, *range(256, 262)]
    everything = EpisodicDataset(
        pool, PIPELINE, PIPELINE, num_episodes=5, classes='all')
    assert everything.class_names == names
    for index in range(5):
        for item in data[index]:
            sample = item['data_samples']
            name, number = sample.img_path.rsplit('/', 2)[-2:]
            assert sample.class_names == [name]
            expected = corner(int(number[0])) // 255
            np.testing.assert_array_equal(
                sample.gt_sem_seg.data[0].numpy(), expected)


def test_pixels_are_counted_for_the_class_of_the_folder(root):
    dataset = FSSDataset(data_root=str(root), ann_file='trn.txt')
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    index = load_class_index(infos, 3, LoadFSSAnnotations())
    # 48 pixels an image, of which 1, 4 and 25 are inside.
    assert index.counts.tolist() == [
        [47, 1, 0], [44, 4, 0], [23, 25, 0],
        [47, 0, 1], [44, 0, 4], [23, 0, 25]]


@pytest.mark.parametrize(('content', 'sentence'), [
    (None, 'the list of classes .*trn.txt is missing; .*fss-1000'),
    ('bus\ncar\n', "class 'car' has no images in .*car; correct data_root"),
])
def test_a_list_that_does_not_fit_is_one_sentence(root, content, sentence):
    (root / 'trn.txt').unlink()
    if content:
        (root / 'trn.txt').write_text(content)
    with pytest.raises(InputError, match=sentence):
        FSSDataset(data_root=str(root), ann_file='trn.txt')
