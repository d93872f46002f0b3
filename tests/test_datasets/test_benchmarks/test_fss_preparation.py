from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmseg_panet.config.settings import apply_settings
from mmseg_panet.datasets import EpisodicDataset
from mmseg_panet.datasets.benchmarks import prepare_fss_1000
from mmseg_panet.errors import InputError

CONFIGS = Path(__file__).parents[3] / 'configs'
NAMES = [f'class_{i:02d}' for i in range(30)]
TEST = NAMES[::4][:6]


def write(path, value, size=(4, 4)):
    Image.fromarray(np.full(size, value, np.uint8)).save(path)


@pytest.fixture
def root(tmp_path):
    """30 classes of 2 images; mask k is inside in its upper k rows."""
    root = tmp_path / 'fss'
    for name in NAMES:
        (root / name).mkdir(parents=True)
        for number in (1, 2):
            write(root / name / f'{number}.jpg', 90)
            mask = np.zeros((4, 4), np.uint8)
            mask[:number] = 255
            Image.fromarray(mask).save(root / name / f'{number}.png')
    (tmp_path / 'fss_test_set.txt').write_text('\n'.join(TEST))
    return root


@pytest.fixture
def test_list(root):
    return root.parent / 'fss_test_set.txt'


def lists(root):
    return {
        split: (root / f'{split}.txt').read_text().split()
        for split in ('trn', 'val', 'test')}


def test_the_rest_is_split_into_520_and_240_parts(root, test_list):
    prepare_fss_1000(root, test_list)
    found = lists(root)
    assert found['test'] == TEST
    # 24 classes remain; 24 * 240 / 760 = 7.6.
    assert [len(found[split]) for split in ('trn', 'val')] == [16, 8]
    assert sorted(sum(found.values(), [])) == NAMES


def test_the_split_is_the_same_every_time(root, test_list):
    prepare_fss_1000(root, test_list)
    first = lists(root)
    for split in ('trn', 'val'):
        (root / f'{split}.txt').unlink()
    prepare_fss_1000(root)
    assert lists(root) == first
    # Drawn at random, not cut: of 24 classes in a row, 8 at either end.
    rest = sorted(first['trn'] + first['val'])
    assert first['val'] not in (rest[:8], rest[-8:])


def test_lists_that_are_there_are_kept(root, test_list):
    rest = [name for name in NAMES if name not in TEST]
    (root / 'trn.txt').write_text('\n'.join(rest[:20]))
    (root / 'val.txt').write_text('\n'.join(rest[20:]))
    prepare_fss_1000(root, test_list)
    assert lists(root) == {'trn': rest[:20], 'val': rest[20:], 'test': TEST}


def test_other_counts_are_named(root, test_list):
    assert prepare_fss_1000(root, test_list) == [
        f'fss-1000 as published has {published} {name}, this folder has '
        f'{count}' for published, name, count in (
            (1000, 'classes', 30), (520, 'classes in trn.txt', 16),
            (240, 'classes in val.txt', 8), (240, 'classes in test.txt', 6)
        )] + [
            'fss-1000 as published has 10 images of every class, this folder '
            'has another number for 30: ' + ', '.join(NAMES[:10])]


def test_odd_masks_are_remarks(root, test_list):
    """As screw/8.png, peregine_falcon/8.png and an empty one would be."""
    write(root / 'class_03/2.png', 255, size=(9, 7))
    write(root / 'class_05/1.png', 140)
    write(root / 'class_07/1.png', 0)
    odd = prepare_fss_1000(root, test_list)[:-5]
    assert [remark.rsplit(': ', 1)[1] for remark in odd] == [
        str(root / 'class_03/2.png'), str(root / 'class_05/1.png'),
        str(root / 'class_07/1.png')]
    assert odd[0].startswith('masks that have another size than their image')
    assert odd[1].startswith('masks that are not black and white')
    assert odd[2].startswith('masks that have nothing inside')
    assert all('(1): ' in remark for remark in odd)


def test_a_jpeg_beside_the_images_is_no_image(root, test_list):
    (root / 'class_03/2.jpeg').write_bytes(b'')
    assert not any('mask' in r for r in prepare_fss_1000(root, test_list))


@pytest.mark.parametrize(('file', 'content', 'sentence'), [
    ('class_03/2.png', None, 'class_03/2.jpg has no mask 2.png'),
    ('class_03/2.png', b'', 'class_03/2.jpg or its mask cannot be read'),
    ('trn.txt', b'class_01', 'of trn.txt and val.txt only .*trn.txt is th'),
    ('test.txt', b'class_01', 'test.txt lists other classes than .*fss_test'),
    ('../fss_test_set.txt', b'car', "1 classes without a folder: .'car'"),
    ('../fss_test_set.txt', b'class_01\nclass_01', 'listed more than once'),
    ('../fss_test_set.txt', None, 'fss_test_set.txt is missing; give'),
    ('../fss_test_set.txt', b'\xff', 'fss_test_set.txt cannot be read'),
])
def test_what_is_wrong_is_one_sentence_and_no_list_is_written(
        root, test_list, file, content, sentence):
    if content is None:
        (root / file).unlink()
    else:
        (root / file).write_bytes(content)
    before = sorted(root.glob('*.txt'))
    with pytest.raises(InputError, match=sentence):
        prepare_fss_1000(root, test_list)
    assert sorted(root.glob('*.txt')) == before


def test_a_list_of_a_windows_editor_is_read(root, test_list):
    test_list.write_text('\n'.join(TEST), 'utf-8-sig')
    prepare_fss_1000(root, test_list)
    assert lists(root)['test'] == TEST


@pytest.mark.parametrize('split', ['trn', 'val'])
def test_a_class_in_two_lists_is_named(root, test_list, split):
    rest = [name for name in NAMES if name not in TEST]
    (root / 'trn.txt').write_text('\n'.join(rest[:20]))
    (root / 'val.txt').write_text('\n'.join(rest[20:]))
    with (root / f'{split}.txt').open('a') as file:
        file.write(f'\n{TEST[0]}\n')
    with pytest.raises(InputError, match=f"1 classes are .*'{TEST[0]}'"):
        prepare_fss_1000(root, test_list)


def test_without_a_test_list_the_address_is_named(root):
    with pytest.raises(InputError, match='HKUSTCV/FSS-1000 with --test-list'):
        prepare_fss_1000(root)


@pytest.mark.parametrize(('folder', 'sentence'), [
    ('nowhere', 'nowhere does not exist'),
    ('..', 'expected folders of classes .* got none with a .jpg')])
def test_a_folder_without_classes_is_named(root, folder, sentence):
    with pytest.raises(InputError, match=sentence):
        prepare_fss_1000(root / folder)


def test_the_config_draws_the_test_classes_and_scores_at_their_own_size(
        root, test_list):
    prepare_fss_1000(root, test_list)
    cfg = Config.fromfile(CONFIGS / '_base_/datasets/fss1000.py')
    apply_settings(cfg, data_root=str(root))
    settings = cfg.test_dataloader.dataset | dict(min_area=1)
    settings.pop('type')
    data = EpisodicDataset(**settings)
    assert data.class_names == TEST
    support, query = data[0]
    assert support['data_samples'].gt_sem_seg.shape == (473, 473)
    labels = query['data_samples'].gt_sem_seg.data[0]
    # The upper 1 or 2 rows, as the file's name says.
    inside = int(Path(query['data_samples'].img_path).stem)
    assert labels[:, 0].tolist() == [1] * inside + [0] * (4 - inside)
