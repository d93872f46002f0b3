from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from mmengine.config import Config
from PIL import Image

from mmseg_panet.config.settings import apply_settings
from mmseg_panet.datasets import EpisodicDataset, load_class_index
from mmseg_panet.datasets.benchmarks.fss import (
    FSSDataset,
    LoadFSSAnnotations,
    prepare_fss_1000,
    with_ids,
)
from mmseg_panet.errors import InputError
from mmseg_panet.locks import LOCK

CONFIGS = Path(__file__).parents[3] / 'configs'
NAMES = [f'class_{i:02d}' for i in range(30)]
TEST = NAMES[::4][:6]

PIPELINE = [
    dict(type='LoadImageFromFile'), dict(type='LoadFSSAnnotations'),
    dict(type='EpisodeLabels'), dict(type='PackEpisodeInputs')]


def write(folder, number, mask, size=(8, 6)):
    """Write an image of width and height ``size``, and its mask (H, W)."""
    folder.mkdir(exist_ok=True, parents=True)
    Image.fromarray(np.zeros((*size[::-1], 3), np.uint8)).save(
        folder / f'{number}.jpg')
    Image.fromarray(mask).save(folder / f'{number}.png')


def corner(number):
    """Build a mask whose upper left number x number pixels are foreground."""
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


def test_images_are_sorted_by_number_and_jpeg_is_skipped(root):
    (root / 'bus/10.jpeg').write_bytes(b'')
    dataset = FSSDataset(data_root=str(root), ann_file='trn.txt')
    paths = [dataset.get_data_info(i)['img_path'] for i in range(6)]
    assert paths == [
        f'{root}/{name}/{number}.jpg'
        for name in ('bus', "abe's_flyingfish") for number in (1, 2, 10)]


def test_the_foreground_of_a_mask_is_the_class_of_its_folder(root):
    dataset = FSSDataset(data_root=str(root), ann_file='trn.txt')
    for index, class_id, number in ((0, 1, 1), (1, 1, 2), (4, 2, 2)):
        expected = np.zeros((6, 8))
        expected[:number, :number] = class_id
        np.testing.assert_array_equal(load(dataset, index), expected)


@pytest.mark.parametrize('mode', ['L', 'RGB', 'P', 'RGBA'])
def test_grey_is_foreground_from_128_in_any_kind_of_png(tmp_path, mode):
    grey = np.array([[0, 127, 128, 255]], np.uint8)
    write(tmp_path / 'bus', 1, grey, size=(4, 1))
    Image.fromarray(grey).convert(mode).save(tmp_path / 'bus/1.png')
    labels = load(FSSDataset(data_root=str(tmp_path)), 0)
    assert labels.tolist() == [[0, 0, 1, 1]]


def test_a_mask_of_another_size_is_resized_to_its_image(tmp_path):
    write(tmp_path / 'bus', 1, np.kron(corner(3), np.ones((2, 2), np.uint8)))
    labels = load(FSSDataset(data_root=str(tmp_path)), 0)
    np.testing.assert_array_equal(labels, corner(3) // 255)


def test_no_class_has_the_id_255_and_ids_continue_after_it(tmp_path):
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
    assert data.rules.class_ids == [254, *range(256, 262)]
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
    # Of the 48 pixels of an image, 1, 4 or 25 are foreground.
    assert index.counts.tolist() == [
        [47, 1, 0], [44, 4, 0], [23, 25, 0],
        [47, 0, 1], [44, 0, 4], [23, 0, 25]]


@pytest.mark.parametrize(('content', 'sentence'), [
    (None, 'the list of classes .*trn.txt is missing; .*fss-1000'),
    ('bus\ncar\n', "class 'car' has no images in .*car; correct data_root"),
])
def test_an_inconsistent_list_raises_an_input_error(
        root, content, sentence):
    (root / 'trn.txt').unlink()
    if content:
        (root / 'trn.txt').write_text(content)
    with pytest.raises(InputError, match=sentence):
        FSSDataset(data_root=str(root), ann_file='trn.txt')


def write_grey(path, value, size=(4, 4)):
    Image.fromarray(np.full(size, value, np.uint8)).save(path)


@pytest.fixture
def release(tmp_path):
    """A folder of 30 classes with 2 images.

    The upper k rows of mask k are foreground.
    """
    release = tmp_path / 'fss'
    for name in NAMES:
        (release / name).mkdir(parents=True)
        for number in (1, 2):
            write_grey(release / name / f'{number}.jpg', 90)
            mask = np.zeros((4, 4), np.uint8)
            mask[:number] = 255
            Image.fromarray(mask).save(release / name / f'{number}.png')
    (tmp_path / 'fss_test_set.txt').write_text('\n'.join(TEST))
    return release


@pytest.fixture
def test_list(release):
    return release.parent / 'fss_test_set.txt'


def lists(release):
    return {
        split: (release / f'{split}.txt').read_text().split()
        for split in ('trn', 'val', 'test')}


def test_the_rest_is_split_into_520_and_240_parts(release, test_list):
    prepare_fss_1000(release, test_list)
    found = lists(release)
    assert found['test'] == TEST
    # 24 classes remain; 24 * 240 / 760 = 7.6.
    assert [len(found[split]) for split in ('trn', 'val')] == [16, 8]
    assert sorted(sum(found.values(), [])) == NAMES


def test_the_split_is_the_same_every_time(release, test_list):
    prepare_fss_1000(release, test_list)
    first = lists(release)
    for split in ('trn', 'val'):
        (release / f'{split}.txt').unlink()
    prepare_fss_1000(release)
    assert lists(release) == first
    # The classes are shuffled, and not the first or last 8 of 24.
    rest = sorted(first['trn'] + first['val'])
    assert first['val'] not in (rest[:8], rest[-8:])


@pytest.mark.parametrize('killed_before', [
    ['trn'], ['val'], ['test'], ['trn', 'test'], ['val', 'test']])
def test_lists_that_a_killed_process_left_are_completed(
        release, test_list, killed_before):
    prepare_fss_1000(release, test_list)
    first = lists(release)
    for split in killed_before:
        (release / f'{split}.txt').unlink()
    prepare_fss_1000(release, test_list)
    assert lists(release) == first


def test_two_processes_do_not_prepare_one_folder(release, test_list):
    with FileLock(release / LOCK), pytest.raises(
            InputError, match='expected one run at a time'):
        prepare_fss_1000(release, test_list)
    prepare_fss_1000(release, test_list)
    assert not (release / LOCK).exists()


def test_existing_lists_are_kept(release, test_list):
    rest = [name for name in NAMES if name not in TEST]
    (release / 'trn.txt').write_text('\n'.join(rest[:20]))
    (release / 'val.txt').write_text('\n'.join(rest[20:]))
    prepare_fss_1000(release, test_list)
    assert lists(release) == {'trn': rest[:20], 'val': rest[20:], 'test': TEST}


def test_other_counts_are_reported(release, test_list):
    assert prepare_fss_1000(release, test_list) == [
        f'fss-1000 as published has {published} {name}, this folder has '
        f'{count}' for published, name, count in (
            (1000, 'classes', 30), (520, 'classes in trn.txt', 16),
            (240, 'classes in val.txt', 8), (240, 'classes in test.txt', 6)
        )] + [
            'fss-1000 as published has 10 images of every class, this folder '
            'has another number for 30: ' + ', '.join(NAMES[:10])]


def test_unusual_masks_are_reported(release, test_list):
    """The release has such masks: screw/8.png and peregine_falcon/8.png."""
    write_grey(release / 'class_03/2.png', 255, size=(9, 7))
    write_grey(release / 'class_05/1.png', 140)
    write_grey(release / 'class_07/1.png', 0)
    odd = prepare_fss_1000(release, test_list)[:-5]
    assert [remark.rsplit(': ', 1)[1] for remark in odd] == [
        str(release / 'class_03/2.png'), str(release / 'class_05/1.png'),
        str(release / 'class_07/1.png')]
    assert odd[0].startswith('masks that differ in size from their image')
    assert odd[1].startswith('masks that are not black and white')
    assert odd[2].startswith('masks that have no foreground')
    assert all('(1): ' in remark for remark in odd)


def test_a_jpeg_file_is_not_an_image(release, test_list):
    (release / 'class_03/2.jpeg').write_bytes(b'')
    assert not any('mask' in r for r in prepare_fss_1000(release, test_list))


@pytest.mark.parametrize(('file', 'content', 'sentence'), [
    ('class_03/2.png', None, 'class_03/2.jpg has no mask 2.png'),
    ('class_03/2.png', b'', 'class_03/2.jpg or its mask cannot be read'),
    ('trn.txt', b'class_01', 'of trn.txt and val.txt, only .*trn.txt exi'),
    ('test.txt', b'class_01', 'test.txt lists other classes than .*fss_test'),
    ('../fss_test_set.txt', b'car', "1 classes without a folder: .'car'"),
    ('../fss_test_set.txt', b'class_01\nclass_01', 'listed more than once'),
    ('../fss_test_set.txt', None, 'fss_test_set.txt is missing; pass'),
    ('../fss_test_set.txt', b'\xff', 'fss_test_set.txt cannot be read'),
])
def test_invalid_input_raises_an_error_and_no_list_is_written(
        release, test_list, file, content, sentence):
    if content is None:
        (release / file).unlink()
    else:
        (release / file).write_bytes(content)
    before = sorted(release.glob('*.txt'))
    with pytest.raises(InputError, match=sentence):
        prepare_fss_1000(release, test_list)
    assert sorted(release.glob('*.txt')) == before


def test_a_list_with_a_bom_is_read(release, test_list):
    test_list.write_text('\n'.join(TEST), 'utf-8-sig')
    prepare_fss_1000(release, test_list)
    assert lists(release)['test'] == TEST


@pytest.mark.parametrize('split', ['trn', 'val'])
def test_a_class_in_two_lists_is_named(release, test_list, split):
    rest = [name for name in NAMES if name not in TEST]
    (release / 'trn.txt').write_text('\n'.join(rest[:20]))
    (release / 'val.txt').write_text('\n'.join(rest[20:]))
    with (release / f'{split}.txt').open('a') as file:
        file.write(f'\n{TEST[0]}\n')
    with pytest.raises(InputError, match=f"1 classes are .*'{TEST[0]}'"):
        prepare_fss_1000(release, test_list)


def test_the_error_of_a_missing_test_list_contains_its_address(release):
    with pytest.raises(InputError, match='HKUSTCV/FSS-1000 with --test-list'):
        prepare_fss_1000(release)


@pytest.mark.parametrize(('folder', 'sentence'), [
    ('nowhere', 'nowhere does not exist'),
    ('..', 'expected folders of classes .* got none with a .jpg')])
def test_a_folder_without_classes_is_named(release, folder, sentence):
    with pytest.raises(InputError, match=sentence):
        prepare_fss_1000(release / folder)


def test_the_config_scores_the_test_classes_at_original_size(
        release, test_list):
    prepare_fss_1000(release, test_list)
    cfg = Config.fromfile(CONFIGS / '_base_/datasets/fss1000.py')
    apply_settings(cfg, data_root=str(release))
    settings = cfg.test_dataloader.dataset | dict(min_area=1)
    settings.pop('type')
    data = EpisodicDataset(**settings)
    assert data.class_names == TEST
    support, query = data[0]
    assert support['data_samples'].gt_sem_seg.shape == (473, 473)
    labels = query['data_samples'].gt_sem_seg.data[0]
    # The name of the file is the number of foreground rows.
    inside = int(Path(query['data_samples'].img_path).stem)
    assert labels[:, 0].tolist() == [1] * inside + [0] * (4 - inside)
