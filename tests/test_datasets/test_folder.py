import annotation_files as files
import numpy as np
import pytest
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_panet.datasets.folder import FolderDataset
from mmseg_panet.datasets.image_pool import ImagePool
from mmseg_panet.datasets.transforms import LoadWideAnnotations
from mmseg_panet.errors import InputError

NAMES = ['a.jpg', 'b.JPEG', 'c.png', 'd.webp', 'e.bmp', 'sub/f.v2.TIF']
STEMS = ['a', 'b', 'c', 'd', 'e', 'sub/f.v2']


@pytest.fixture
def root(tmp_path):
    """A folder with images of every suffix.

    Image i has i + 1 pixels of class 1.
    """
    for i, (name, stem) in enumerate(zip(NAMES, STEMS, strict=True)):
        image, mask = tmp_path / 'images' / name, f'masks/{stem}.png'
        image.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(image)
        labels = np.zeros((4, 6), np.uint8)
        labels.flat[:i + 1] = 1
        (tmp_path / mask).parent.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(labels)
        if i % 2:  # both kinds of 8-bit PNG
            picture.putpalette(bytes(range(255, -1, -1)) * 3)
        picture.save(tmp_path / mask)
    (tmp_path / 'images/notes.txt').write_text('no image')
    (tmp_path / 'classes.txt').write_text('1 cat 9,8,7\n2 dog\n')
    return tmp_path


def pixels(dataset):
    return [int((item['gt_seg_map'] == 1).sum()) for item in dataset]


def folder(root, **settings):
    return FolderDataset(str(root), pipeline=files.PIPELINE[:2], **settings)


def test_images_of_any_suffix_are_read_with_their_masks(root):
    data = folder(root)
    assert pixels(data) == [1, 2, 3, 4, 5, 6]
    assert all(item['img'].shape == (4, 6, 3) for item in data)


def test_it_is_built_from_a_config(root):
    data = DATASETS.build(dict(type='FolderDataset', data_root=str(root)))
    assert len(data) == 6


def test_classes_and_colours_are_looked_up_in_the_class_list(root):
    meta = folder(root).metainfo
    assert meta['classes'] == ['background', 'cat', 'dog']
    assert meta['palette'] == [[0, 0, 0], [9, 8, 7], [0, 128, 0]]


def test_classes_may_be_in_the_config_or_in_another_file(root):
    (root / 'classes.txt').rename(root / 'other.txt')
    data = folder(root, metainfo=dict(classes=('background', 'cow')))
    assert data.metainfo['classes'] == ('background', 'cow')
    data = folder(root, classes_file='other.txt')
    assert data.metainfo['classes'] == ['background', 'cat', 'dog']
    with pytest.raises(InputError, match=r'classes\.txt cannot be read'):
        folder(root)


def test_folders_may_have_other_names(root, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp('elsewhere') / 'photographs'
    (root / 'images').rename(elsewhere)
    data = folder(root, data_prefix=dict(img_path=str(elsewhere)))
    assert pixels(data) == [1, 2, 3, 4, 5, 6]
    (root / 'masks').rename(root / 'labels')
    data = folder(root, data_prefix=dict(
        img_path=str(elsewhere), seg_map_path='labels'))
    assert pixels(data) == [1, 2, 3, 4, 5, 6]


def test_a_list_selects_images_with_or_without_suffix(root):
    (root / 'val.txt').write_text('sub/f.v2\n\nb.JPEG\na\nd.png\n')
    assert pixels(folder(root, ann_file='val.txt')) == [6, 2, 1, 4]


def test_an_episode_is_sampled_from_it(root):
    (root / 'images.txt').write_text('\n'.join(STEMS))
    files.read_by_all(root, 'images', 'cat')


def test_a_listed_image_that_is_missing_raises_an_input_error(root):
    (root / 'val.txt').write_text('a\n\nx\n')
    with pytest.raises(
            InputError, match=r"val\.txt, line 3: there is no image 'x'"):
        folder(root, ann_file='val.txt')
    with pytest.raises(InputError, match=r'train\.txt cannot be read'):
        folder(root, ann_file='train.txt')


def test_two_images_with_one_mask_raise_an_input_error(root):
    Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(root / 'images/a.png')
    with pytest.raises(InputError, match=r'a\.png and a\.jpg .* one mask'):
        folder(root)


def test_a_missing_and_an_empty_folder_raise_an_input_error(root):
    with pytest.raises(InputError, match='absent is not a folder'):
        folder(root, data_prefix=dict(img_path='absent'))
    (root / 'empty').mkdir()
    with pytest.raises(InputError, match='there is no image in .*empty'):
        folder(root, data_prefix=dict(img_path='empty'))


@pytest.mark.parametrize('name', ['a\x1b[2J', '\u202etac', '\ud800', '', 7])
def test_a_class_of_the_config_that_cannot_be_shown_is_refused(root, name):
    dataset = folder(root, metainfo=dict(classes=['background', name]))
    with pytest.raises(InputError, match='metainfo.*name of a class') as one:
        ImagePool(dataset, LoadAnnotations())
    assert repr(name) in str(one.value)


def test_ids_are_matched_by_the_names_of_the_classes(root):
    """The list is 1 cat, 2 dog; a model may have them in another order."""
    def mapped(*classes):
        dataset = FolderDataset(
            str(root), metainfo=dict(classes=classes), match_names=True)
        item = LoadAnnotations()(dataset[5])
        return dataset, item['gt_seg_map'].ravel()[[0, -1]].tolist()

    dataset, found = mapped('background', 'dog', 'cat')
    assert found == [2, 0]
    # Tools of mmseg read the attribute of the class.
    assert dataset.METAINFO['classes'] == ('background', 'dog', 'cat')
    assert mapped('background', 'dog')[1] == [255, 0]
    with pytest.raises(InputError, match="got .*'cat', 'dog'"):
        mapped('background', 'fish')


def test_other_names_beside_more_than_254_classes_are_ignored(root):
    """255 is a class then, so that 65535 is the label of ignored pixels."""
    names = ['background', *map(str, range(254)), 'cat', 'bird']
    dataset = FolderDataset(
        str(root), metainfo=dict(classes=names), match_names=True)
    assert dataset.label_map == {0: 0, 1: 255, 2: 65535}
    labels = LoadWideAnnotations()(dataset[5])['gt_seg_map']
    assert labels.ravel()[[0, -1]].tolist() == [255, 0]


def test_masks_of_16_bits_are_not_matched_with_few_classes(root):
    (root / 'classes.txt').write_text('background\n' + ''.join(
        f'c{i}\n' for i in range(300)))
    with pytest.raises(InputError, match='at most 254 classes in the class'):
        FolderDataset(
            str(root), match_names=True,
            metainfo=dict(classes=('background', 'c2')))
