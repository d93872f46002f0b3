import numpy as np
import pytest
from image_files import save_image
from PIL import Image

from mmseg_panet.annotations.formats.class_folders import list_pairs
from mmseg_panet.datasets.folder import FolderDataset
from mmseg_panet.errors import InputError
from mmseg_panet.images.image_files import images_by_stem
from mmseg_panet.images.suffixes import (
    SUFFIXES,
    is_image,
    is_unread,
    unread_note,
)
from mmseg_panet.inference.images.image_list import list_images
from mmseg_panet.inference.supports import read_supports


@pytest.fixture
def said(monkeypatch):
    said = []
    monkeypatch.setattr(
        'mmseg_panet.notices.print_log', lambda text, *_: said.append(text))
    return said


def test_a_folder_takes_every_suffix_that_is_read_in_any_case(tmp_path):
    names = [f'{i:02d}{suffix if i % 2 else suffix.upper()}'
             for i, suffix in enumerate(SUFFIXES)]
    for name in names:
        save_image(tmp_path / name, format='PNG')
    assert [item.path for item in list_images(tmp_path)] == [
        str(tmp_path / name) for name in names]
    assert [*images_by_stem(tmp_path)] == [
        f'{i:02d}' for i in range(len(SUFFIXES))]
    assert all(is_image(name) and not is_unread(name) for name in names)


def test_class_folders_and_data_sets_take_them_too(tmp_path):
    for suffix in ('.JP2', '.jfif', '.Pgm'):
        folder = tmp_path / suffix[1:]
        save_image(folder / 'cat' / f'a{suffix}', format='PNG')
        mask = folder / 'cat/a.png'
        Image.fromarray(np.ones((40, 60), np.uint8)).save(mask)
        assert list_pairs(folder) == {
            'cat': [(folder / 'cat' / f'a{suffix}', mask)]}
        (folder / 'classes.txt').write_text('background\ncat\n')
        mask.unlink()
        (folder / 'cat').rename(folder / 'images')
        dataset = FolderDataset(str(folder), serialize_data=False)
        assert [info['img_path'] for info in dataset.load_data_list()][0] == (
            str(folder / 'images' / f'a{suffix}'))


@pytest.mark.parametrize('name', [
    'a.txt', 'a.json', 'a.XML', 'Thumbs.db', 'README', '.hidden.heic',
    'a.mp4', 'a.zip', 'desktop.ini', 'a.tfw', 'a.jpg', 'obj.names'])
def test_files_that_are_plainly_no_images_are_not_counted(tmp_path, name):
    (tmp_path / name).write_text('text')
    assert not unread_note([tmp_path / name], tmp_path)


@pytest.mark.parametrize('name', [
    'a.heic', 'a.HEIF', 'a.NEF', 'a.cr3', 'a.psd', 'a.dng', 'a.xcf',
    'a.unknown'])
def test_photographs_and_unknown_files_are_counted(tmp_path, name):
    (tmp_path / name).write_bytes(b'?')
    assert unread_note([tmp_path / name], 'the folder').startswith(
        'skipped 1 file of the folder, as .')


def test_a_file_without_a_suffix_is_counted_if_it_is_an_image(tmp_path):
    save_image(tmp_path / 'IMG_0001', format='JPEG')
    (tmp_path / 'LICENSE').write_text('text')
    (tmp_path / 'folder.d').mkdir()
    assert unread_note(tmp_path.iterdir(), 'it') == (
        'skipped 1 file of it, as no suffix is not read; convert it to JPEG, '
        'or rename it')


def test_files_are_counted_by_suffix():
    assert unread_note(['a.heic', 'b.HEIC', 'c.psd', 'd.png'], 'it') == (
        'skipped 3 files of it, as .heic (2), .psd (1) is not read; convert '
        'them to JPEG')


def test_what_is_left_out_is_said_once_by_every_reader_of_folders(
        tmp_path, said):
    save_image(tmp_path / 'images/a.jpg')
    (tmp_path / 'masks').mkdir()
    Image.fromarray(np.ones((40, 60), np.uint8)).save(
        tmp_path / 'masks/a.png')
    for name in ('b.heic', 'c.xyz', 'd.txt'):
        (tmp_path / 'images' / name).touch()
    (tmp_path / 'classes.txt').write_text('background\ncat\n')
    for _ in range(2):
        FolderDataset(str(tmp_path), serialize_data=False).load_data_list()
    read_supports(tmp_path)
    warning, = said
    assert warning == (
        f'skipped 2 files of {tmp_path}/images, as .heic (1), .xyz (1) is '
        'not read; convert them to JPEG, or rename them')
    list_images(tmp_path / 'images')
    assert len(said) == 1


def test_images_that_differ_in_their_suffix_only_are_an_error(tmp_path):
    for name in ('a.jp2', 'a.JPG'):
        save_image(tmp_path / name, format='PNG')
    with pytest.raises(InputError, match='would share one mask'):
        images_by_stem(tmp_path)
