"""Every fault that can be planted in a data set is found by its kind."""
import shutil
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_panet.apis import apply_protocol, apply_settings
from mmseg_panet.config.config_file import read_config
from mmseg_panet.datasets.check import checked_pool
from mmseg_panet.datasets.check.data_check import check_data
from mmseg_panet.datasets.check.report import NOTE, format_report
from mmseg_panet.errors import InputError

PIPELINE = [
    dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
    dict(type='EpisodeLabels'), dict(type='PackEpisodeInputs')]
LISTS = 'ImageSets/Segmentation'
# Names of images in the lists of the toy data.
TRAINED, TESTED = '000005', '000110'


@pytest.fixture(autouse=True)
def _one_process(monkeypatch):
    """Check files in this process, as starting others takes longer."""
    monkeypatch.setattr(
        checked_pool, 'parallel_map',
        lambda function, tasks, _: [function(task) for task in tasks])


def toy_config(root):
    cfg = read_config('panet_r18-d8_1xb4-800iters_toy3i-128x128')
    apply_settings(cfg, data_root=str(root))
    cfg.train_dataloader.dataset.novel_pixels = 'drop'
    return cfg


@pytest.fixture
def toy(toy_root, tmp_path):
    return Path(shutil.copytree(toy_root, tmp_path / 'toy'))


def image(root, name=TRAINED):
    return root / f'JPEGImages/{name}.jpg'


def mask(root, name=TRAINED):
    return root / f'SegmentationClass/{name}.png'


def add_to_list(root, split, name):
    with (root / LISTS / f'{split}.txt').open('a') as file:
        file.write(f'{name}\n')


def copy_as(root, name, source=TRAINED):
    shutil.copy(image(root, source), image(root, name))
    shutil.copy(mask(root, source), mask(root, name))


def missing_mask(root):
    mask(root).unlink()


def missing_image(root):
    image(root).unlink()


def no_image(root):
    image(root).write_text('<html>404</html>')


def no_mask(root):
    mask(root).write_bytes(mask(root).read_bytes()[:-40])


def other_size(root):
    Image.fromarray(np.zeros((64, 63), np.uint8)).save(mask(root))


def turned(root):
    """Store an image of 64x48 that is oriented to 48x64; the mask is not."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new('RGB', (64, 48)).save(image(root), exif=exif)
    Image.new('L', (64, 48)).save(mask(root))


def strange_id(root):
    labels = np.array(Image.open(mask(root)))
    labels[0, 0] = 77
    Image.fromarray(labels).save(mask(root))


def wide_mask(root):
    labels = np.array(Image.open(mask(root))).astype(np.uint16)
    Image.fromarray(labels).save(mask(root))


def colour_mask(root):
    Image.open(mask(root)).convert('RGB').save(mask(root))


def listed_twice(root):
    add_to_list(root, 'train', TRAINED)


def two_names(root):
    copy_as(root, 'again')
    add_to_list(root, 'train', 'again')


def in_both_lists(root):
    add_to_list(root, 'val', TRAINED)


def in_both_by_another_name(root):
    copy_as(root, 'renamed')
    add_to_list(root, 'val', 'renamed')


def rare_class(root):
    """Remove the first class from all test images except one."""
    shown = []
    for name in (root / LISTS / 'val.txt').read_text().split():
        labels = np.array(Image.open(mask(root, name)))
        if (labels == 1).any():
            shown.append(name)
            labels[labels == 1] = 0 if shown[1:] else 1
            Image.fromarray(labels).save(mask(root, name))


FAULTS = {
    missing_mask: ('missing', f'{TRAINED}.png is missing'),
    missing_image: ('missing', f'{TRAINED}.jpg is missing'),
    no_image: ('unreadable', f'{TRAINED}.jpg is not a readable image'),
    no_mask: ('unreadable', f'{TRAINED}.png is not a readable mask'),
    other_size: ('size', f'{TRAINED}.png is 63x64 but its image'),
    turned: ('size', f'{TRAINED}.png is 64x48 but its image'),
    strange_id: ('ids', f'{TRAINED}.png contains the ids [77]'),
    wide_mask: ('format', f'{TRAINED}.png is a I;16 image'),
    colour_mask: ('format', f'{TRAINED}.png has shape (64, 64, 3)'),
    listed_twice: ('duplicate', f'{TRAINED}.jpg is listed 2 times'),
    two_names: ('duplicate', 'again.jpg has the same bytes as'),
    in_both_lists: (
        'overlap', f'{TRAINED}.jpg is in training and in validation/test'),
    in_both_by_another_name: (
        'overlap', 'renamed.jpg of validation/test has the same bytes as'),
}


def test_good_data_has_no_faults(toy_root):
    report = check_data(toy_config(toy_root))
    assert report.num_faults() == {}
    assert format_report(report).splitlines()[-1] == 'no faults'


@pytest.mark.parametrize('plant', FAULTS, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_found_and_no_other(toy, plant):
    plant(toy)
    report = check_data(toy_config(toy))
    kind, sentence = FAULTS[plant]
    assert report.num_faults() == {kind: 1}
    found, = report.sentences(kind)
    assert sentence in found
    assert str(toy) in found


def test_all_faults_of_one_image_are_found(toy):
    labels = np.full((64, 63), 77, np.uint8)
    Image.fromarray(labels).save(mask(toy))
    no_image(toy)
    # The size of the mask is checked only if that of the image is known.
    assert check_data(toy_config(toy)).num_faults() == {
        'unreadable': 1, 'ids': 1}
    Image.new('RGB', (64, 64)).save(image(toy))
    assert check_data(toy_config(toy)).num_faults() == {'size': 1, 'ids': 1}


def test_a_listed_name_without_files_is_two_missing_files(toy):
    add_to_list(toy, 'val', 'ghost')
    report = check_data(toy_config(toy))
    assert report.num_faults() == {'missing': 2}
    assert f'{image(toy, "ghost")} is missing' in report.sentences(
        'missing')[0]


def test_a_truncated_image_is_found_when_images_are_decoded(toy):
    complete = image(toy).read_bytes()
    image(toy).write_bytes(complete[:len(complete) // 2])
    assert check_data(toy_config(toy)).num_faults() == {}
    report = check_data(toy_config(toy), decode=True)
    assert report.num_faults() == {'unreadable': 1}
    assert f'{image(toy)} cannot be decoded' in report.sentences(
        'unreadable')[0]


def test_an_image_without_a_header_is_one_fault_with_decode(toy):
    no_image(toy)
    report = check_data(toy_config(toy), decode=True)
    assert report.num_faults() == {'unreadable': 1}


def test_a_missing_list_is_a_fault_and_the_rest_is_checked(toy):
    (toy / LISTS / 'train.txt').unlink()
    mask(toy, TESTED).unlink()
    report = check_data(toy_config(toy))
    assert report.num_faults() == {'list': 1, 'missing': 1}
    assert 'train.txt' in report.sentences('list')[0]


def test_a_mask_without_image_is_a_note(toy):
    shutil.copy(mask(toy), mask(toy, 'lonely'))
    report = check_data(toy_config(toy))
    assert report.num_faults() == {}
    assert any('1 masks have no image' in note and 'lonely.png' in note
               for note in report.sentences(NOTE))


def test_a_class_with_too_few_images_is_named_with_the_number(toy):
    rare_class(toy)
    report = check_data(toy_config(toy))
    # It is a novel class of fold 0 in the test, and a base class of the three
    # other folds in the validation.
    assert report.num_faults() == {'few': 2}
    validation, test = report.sentences('few')
    assert "class 'striped disc' has 1 images" in test
    assert 'for test as a novel class of fold 0, but' in test
    assert 'need 2' in test
    assert 'for validation as a base class of fold 1, 2, 3, but' in validation


def test_a_class_that_255_hides_is_named_so(toy):
    for path in (toy / 'SegmentationClass').glob('*.png'):
        picture = Image.open(path)
        ids = np.array(picture)
        ids[ids == 1] = 255
        hidden = Image.fromarray(ids)
        hidden.putpalette(picture.getpalette())
        hidden.save(path)
    report = check_data(toy_config(toy))
    assert set(report.num_faults()) == {'few'}
    for sentence in report.sentences('few'):
        assert 'ignored pixels, 255, occur in ' in sentence
        assert sentence.endswith(' 255,255,255`')


def test_repeated_supports_need_one_image_for_all_shots(toy_root):
    cfg = toy_config(toy_root)
    cfg.test_dataloader.dataset.num_shots = 20
    assert set(check_data(cfg).num_faults()) == {'few'}
    cfg.test_dataloader.dataset.repeat_supports = True
    assert check_data(cfg).num_faults() == {}


def test_training_on_another_fold_than_the_test_is_a_fault(toy_root):
    cfg = toy_config(toy_root)
    cfg.train_dataloader.dataset.fold = 1
    report = check_data(cfg)
    assert report.num_faults() == {'classes': 1}
    assert ("sample the same classes ['striped disc', 'checked square', "
            "'dotted triangle']" in report.sentences('classes')[0])


CLASSES = ('background', 'cat', 'dog', 'car', 'tree')
FOLDS = [['cat', 'dog'], ['car', 'tree']]


def columns(*ids):
    """Build a mask of 4x6 pixels whose six columns have these ids."""
    return np.tile(np.array(ids, np.uint8), (4, 1))


def write_photograph(path):
    """Write noise of 4x6 pixels, which depends on the path."""
    rng = np.random.default_rng(list(str(path).encode()))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rng.integers(0, 256, (4, 6, 3), np.uint8)).save(path)


def write_mask(path, ids):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(columns(*ids)).save(path)


def write_folder(root, masks):
    for name, ids in masks.items():
        write_photograph(root / f'images/{name}.png')
        write_mask(root / f'masks/{name}.png', ids)
    return dict(
        type='BaseSegDataset', data_root=str(root), img_suffix='.png',
        data_prefix=dict(img_path='images', seg_map_path='masks'),
        reduce_zero_label=False, metainfo=dict(classes=CLASSES))


def episodes(dataset, split, folds=FOLDS, pipeline=PIPELINE, **settings):
    return dict(dataset=dict(
        type='EpisodicDataset', dataset=dataset, folds=folds, split=split,
        support_pipeline=pipeline, query_pipeline=pipeline) | settings)


def config(train, test, **settings):
    return Config(dict(
        train_dataloader=episodes(train, 'base', **settings),
        test_dataloader=episodes(test, 'novel')))


@pytest.fixture
def mine(tmp_path):
    """The configs of a training and a test folder.

    Two of the training images show two classes of different folds.
    """
    train = write_folder(tmp_path / 'train', {
        'cat1': (0, 1, 1, 1, 1, 1), 'cat2': (1, 1, 1, 1, 1, 1),
        'dog': (0, 0, 2, 2, 2, 255), 'dog_tree': (2, 2, 2, 2, 2, 4),
        'car1': (0, 3, 3, 3, 3, 0), 'cat_car': (1, 1, 3, 3, 3, 3),
        'car2': (3, 3, 3, 3, 3, 3), 'dog3': (2, 2, 2, 2, 2, 2),
        'tree': (4, 0, 0, 0, 0, 0), 'tree2': (4, 4, 4, 4, 4, 4)})
    test = write_folder(tmp_path / 'the test', {
        f'{name}{i}': (i + 1,) * 6 if i < 4 else (0, 0, 0, 255, 0, 0)
        for name in 'abc' for i in range(5)})
    return train, test


def test_novel_classes_in_base_training_are_counted_for_every_fold(mine):
    # The images are the same two: cat and car are of different folds, and so
    # are dog and tree.
    report = check_data(config(*mine))
    assert report.num_faults() == {'leak': 2}
    for fold, sentence in enumerate(report.sentences('leak')):
        assert sentence.startswith(f'fold {fold}: 2 images')
        assert 'cat_car.png, dog_tree.png;' in sentence


def test_images_that_are_never_sampled_do_not_leak(mine):
    # In fold 1, cat and dog are sampled. The cat of 'cat_car' is a third of
    # the image, and the dog of 'dog_tree' five sixths. In fold 0, the car is
    # two thirds of its image, and the tree a sixth.
    report = check_data(config(*mine, min_area=0.6))
    fold_0, fold_1 = report.sentences('leak')
    assert fold_0.startswith('fold 0: 1 images')
    assert 'cat_car.png;' in fold_0
    assert fold_1.startswith('fold 1: 1 images')
    assert 'dog_tree.png;' in fold_1


@pytest.mark.parametrize(('novel_pixels', 'words'), [
    ('drop', 'and are excluded'), ('ignore', 'whose pixels are ignored')])
def test_novel_pixels_without_a_leak_are_a_note_for_every_fold(
        mine, novel_pixels, words):
    report = check_data(config(*mine, novel_pixels=novel_pixels))
    assert report.num_faults() == {}
    notes = [note for note in report.sentences(NOTE) if words in note]
    assert [note[:16] for note in notes] == [
        'fold 0: 2 images', 'fold 1: 2 images']


def test_dropped_images_do_not_count_for_their_classes(mine):
    # Two images show only cats, which is enough for one shot, but not two.
    report = check_data(config(*mine, novel_pixels='drop', num_shots=2))
    assert set(report.num_faults()) == {'few'}
    assert report.sentences('few')[0].startswith(
        "class 'car' has 2 images in which it covers at least 1 pixels for "
        'training as a base class of fold 0,')
    assert len(report.sentences('few')) == 4
    report = check_data(config(*mine, novel_pixels='ignore', num_shots=2))
    assert report.num_faults() == {}


def test_an_episodic_dataset_raises_an_error_for_a_fault(mine):
    cfg = config(*mine, novel_pixels='drop', num_shots=2)
    assert 'few' in check_data(cfg).num_faults()
    with pytest.raises(InputError, match="class 'car' of fold 0 has 2 images"):
        DATASETS.build(cfg.train_dataloader.dataset)
    cfg.train_dataloader.dataset.num_shots = 1
    assert check_data(cfg).num_faults() == {}
    DATASETS.build(cfg.train_dataloader.dataset)


def test_images_without_any_class_are_a_note(mine):
    report = check_data(config(*mine, novel_pixels='drop'))
    assert 'test: 3 images show no class: a4.png, b4.png, c4.png' in (
        report.sentences(NOTE))


def test_the_table_lists_the_number_of_images_of_each_class(mine):
    report = check_data(config(*mine, novel_pixels='drop', min_area=13))
    assert report.pools == [
        'training: 10 images, 4 of 4 classes, 12 image-class pairs '
        '(BaseSegDataset)',
        'test: 15 images, 4 of 4 classes, 12 image-class pairs '
        '(BaseSegDataset)']
    # At least 13 of 24 pixels: four columns or more.
    assert report.classes == [
        ('images of class', 'fold', 'training >= 13 pixels',
         'test >= 1 pixels'),
        ('cat', '0', '2', '3'), ('dog', '0', '2', '3'),
        ('car', '1', '3', '3'), ('tree', '1', '1', '3')]
    assert report.counts == []


@pytest.mark.parametrize(('folds', 'sentence'), [
    ([['cat', 'dog'], ['car', 'horse']], "lacks ['horse']"),
    ([['cat', 'dog'], ['car', 'cat', 'tree']],
     "class 'cat' is 2 times in the folds"),
])
def test_folds_that_do_not_fit_the_classes_are_a_fault(mine, folds, sentence):
    cfg = config(*mine, novel_pixels='drop')
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        loader.dataset.folds = folds
    assert any(sentence in found
               for found in check_data(cfg).sentences('classes'))


def test_a_class_with_two_ids_is_a_fault(mine):
    cfg = config(*mine, novel_pixels='drop')
    cfg.test_dataloader.dataset.dataset.metainfo.classes = (
        *CLASSES, 'extra', 'extra')
    report = check_data(cfg)
    assert report.num_faults() == {'classes': 1}
    assert "has the class 'extra' 2 times" in report.sentences('classes')[0]
    assert ('test: 2 classes are in no fold and never sampled: extra, extra'
            in report.sentences(NOTE))


def test_one_data_set_for_training_and_test_is_a_note(mine):
    train, _ = mine
    report = check_data(config(train, train, novel_pixels='ignore'))
    assert report.num_faults() == {}
    assert any('from the same data set' in note
               for note in report.sentences(NOTE))


def test_one_class_for_training_and_test_is_a_note(mine):
    cfg = config(*mine)
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        loader.dataset.folds = [['cat'], []]
    report = check_data(cfg)
    assert report.num_faults() == {}
    assert any("hold no class out, so that ['cat'] are trained on" in note
               for note in report.sentences(NOTE))


def test_classes_without_folds_also_leak(mine):
    train, _ = mine
    base = dict(folds=None, split=None)
    cfg = Config(dict(
        train_dataloader=episodes(
            train, **base, classes=['cat'], novel_pixels='drop'),
        test_dataloader=episodes(train, **base, classes=['car'])))
    report = check_data(cfg)
    # Without folds, it is unknown which images to drop.
    assert report.num_faults() == {'leak': 1}
    assert report.sentences('leak')[0].startswith('1 images')
    cfg.test_dataloader.dataset.classes = ['cat', 'car']
    assert check_data(cfg).num_faults() == {'classes': 1, 'leak': 1}


def test_concatenated_data_sets_are_checked_as_one(mine, tmp_path):
    train, test = mine
    more = write_folder(tmp_path / 'more', {'new': (1,) * 6, 'bad': (9,) * 6})
    joined = dict(type='ConcatDataset', datasets=[train, more])
    shutil.copy(f"{test['data_root']}/masks/a0.png", tmp_path / 'more/masks')
    report = check_data(config(joined, test, novel_pixels='drop'))
    assert report.num_faults() == {'ids': 1}
    assert 'bad.png contains the ids [9]' in report.sentences('ids')[0]
    assert any('1 masks have no image' in note and 'more/masks/a0.png'
               in note for note in report.sentences(NOTE))


def test_a_folder_of_the_user_is_checked(mine, tmp_path):
    train, test = mine
    root = Path(train['data_root'])
    write_photograph(root / 'images/odd.jpg')
    write_mask(root / 'masks/odd.png', [5] * 6)
    (root / 'classes.txt').write_text('\n'.join(CLASSES))
    folder = dict(type='FolderDataset', data_root=str(root))
    report = check_data(config(folder, test, novel_pixels='drop'))
    assert report.num_faults() == {'ids': 1}
    assert not any('have no image' in note for note in report.sentences(NOTE))
    (root / 'list.txt').write_text('cat1\nghost\n')
    folder['ann_file'] = 'list.txt'
    report = check_data(config(folder, test, novel_pixels='drop'))
    assert report.num_faults() == {'list': 1}
    assert "list.txt, line 2: there is no image 'ghost'" in (
        report.sentences('list')[0])


def test_ids_of_ade20k_are_counted_after_their_shift(tmp_path):
    # 1 is wall, 150 flag; 0 is ignored and 151 is no class.
    write_folder(tmp_path / 'ade', {
        'a': (1, 1, 0, 0, 150, 150), 'b': (1, 0, 0, 0, 0, 151)})
    dataset = dict(
        type='ADE20KDataset', data_root=str(tmp_path / 'ade'),
        img_suffix='.png',
        data_prefix=dict(img_path='images', seg_map_path='masks'))
    folds = [['wall'], ['flag']]
    cfg = Config(dict(test_dataloader=episodes(dataset, 'novel', folds)))
    report = check_data(cfg)
    assert report.num_faults() == {'ids': 1, 'few': 1}
    assert 'b.png contains the ids [150]' in report.sentences('ids')[0]
    assert report.classes[1] == ('wall', '0', '2')
    assert report.classes[-1] == ('flag', '1', '1')


def write_voc(root, split, names, ids):
    for name in names:
        write_photograph(root / f'JPEGImages/{name}.jpg')
        for folder in ('SegmentationClass', 'SegmentationClassAug'):
            write_mask(root / f'{folder}/{name}.png', ids)
    (root / LISTS).mkdir(parents=True, exist_ok=True)
    (root / LISTS / f'{split}.txt').write_text('\n'.join(names))


def test_pascal_is_compared_with_its_published_counts(tmp_path):
    write_voc(tmp_path, 'pascal5i_train', ['t0', 't1', 't2'], [1] * 6)
    # aeroplane of fold 0; bus and cat of fold 1; 5 images
    write_voc(tmp_path, 'val', [f'v{i}' for i in range(5)],
              [0, 1, 6, 8, 8, 255])
    cfg = read_config('panet_r50-d8-no-align_1xb4-6k_pascal5i-473x473')
    apply_settings(cfg, data_root=str(tmp_path))
    report = check_data(cfg)
    assert report.counts[1:] == [
        ('pascal-5i, training images', '5953', '3'),
        ('pascal-5i, validation images', '1449', '5'),
        ('pascal-5i, image-class pairs of fold 0', '346', '5'),
        ('pascal-5i, image-class pairs of fold 1', '451', '10'),
        ('pascal-5i, image-class pairs of fold 2', '725', '0'),
        ('pascal-5i, image-class pairs of fold 3', '346', '0')]
    assert set(report.num_faults()) == {'few', 'counts'}
    assert report.sentences('counts')[0] == (
        'pascal-5i as published has 5953 training images, this folder has 3')


def test_the_protocol_of_panet_tests_on_the_training_images(tmp_path):
    write_voc(tmp_path, 'pascal5i_train', ['t0', 't1', 't2'], [1] * 5 + [6])
    write_voc(tmp_path, 'val', ['v0', 'v1'], [1] * 6)
    cfg = read_config('panet_vgg16-d8_1xb1-30k_pascal5i-417x417')
    apply_protocol(cfg, 'panet')
    apply_settings(cfg, data_root=str(tmp_path))
    report = check_data(cfg)
    # Aeroplane is of fold 0, bus of fold 1, and every image has both.
    assert report.num_faults()['leak'] == 2
    assert 'overlap' not in report.num_faults()
    assert [line.split(',')[0] for line in report.pools] == [
        'training/test: 3 images', 'validation: 2 images']
    assert ('pascal-5i, validation images', '1449', '2') in report.counts


def test_coco_is_compared_with_the_published_counts_of_its_year(tmp_path):
    for split in ('train2014', 'val2014'):
        write_photograph(tmp_path / f'{split}/a.jpg')
        write_mask(tmp_path / f'coco-20i/{split}/masks/a.png', [80] * 6)
        (tmp_path / f'coco-20i/{split}/images.txt').write_text('a')
    cfg = read_config('panet_r50-d8-no-align_1xb4-6k_coco20i-473x473')
    apply_settings(cfg, data_root=str(tmp_path))
    report = check_data(cfg)
    assert report.counts[1:] == [
        ('coco-20i, train2014 images', '82783', '1'),
        ('coco-20i, val2014 images', '40504', '1')]
    assert report.num_faults()['counts'] == 2


def test_fss_is_compared_with_its_published_counts(tmp_path):
    for split, name in (
            ('trn', 'ab_wheel'), ('val', 'abacus'), ('test', 'ant')):
        (tmp_path / f'{split}.txt').write_text(name)
        for i in range(1, 11):
            write_photograph(tmp_path / f'{name}/{i}.jpg')
            write_mask(tmp_path / f'{name}/{i}.png', (0, 255, 255, 0, 0, 0))
    (tmp_path / 'ant/10.jpg').unlink()
    cfg = read_config('panet_r50-d8-no-align_1xb4-6k_fss1000-473x473')
    apply_settings(cfg, data_root=str(tmp_path))
    report = check_data(cfg)
    assert report.counts[1:] == [
        ('fss-1000, classes in trn.txt', '520', '1'),
        ('fss-1000, classes in val.txt', '240', '1'),
        ('fss-1000, classes in test.txt', '240', '1')]
    assert report.num_faults() == {'counts': 4}
    assert report.sentences('counts')[-1] == (
        f'{tmp_path}/ant has 9 images, fss-1000 as published has 10')
    assert any('1 masks have no image' in note and 'ant/10.png' in note
               for note in report.sentences(NOTE))


@pytest.mark.parametrize(('changes', 'sentence'), [
    (dict(novel_pixels='dorp'), 'novel_pixels must be one of'),
    (dict(fold=2), 'fold 2 does not exist'),
    (dict(folds='pascal'), "got 'pascal'"),
    (dict(split=None), 'expected either classes, or folds with fold and'),
    (dict(split='novel', novel_pixels='drop'), 'is for episodes of base'),
    (dict(dataset=None), 'expected a dataset, or pools and the name'),
    (dict(support_pipeline=PIPELINE[:1]), 'needs dict.type=.LoadAnnotations'),
])
def test_a_config_that_cannot_be_used_raises_an_input_error(
        mine, changes, sentence):
    cfg = config(*mine)
    cfg.train_dataloader.dataset.update(changes)
    with pytest.raises(InputError, match=sentence):
        check_data(cfg)


def test_a_dataloader_without_episodes_raises_an_input_error(mine):
    train, test = mine
    cfg = config(train, test)
    cfg.train_dataloader = dict(dataset=train)
    with pytest.raises(InputError, match='got BaseSegDataset'):
        check_data(cfg)


def test_a_wrapper_with_the_settings_of_its_episodes_is_refused(toy):
    """Without _delete_, a config keeps the settings of its base."""
    cfg = toy_config(toy)
    episodes = cfg.train_dataloader.dataset
    cfg.train_dataloader.dataset = dict(
        episodes, type='RepeatDataset', times=2, dataset=episodes)
    with pytest.raises(InputError, match='a RepeatDataset with .*_delete_'):
        check_data(cfg)
