import unicodedata
from urllib.parse import quote

import pytest

from mmseg_panet.errors import InputError
from mmseg_panet.images.image_names import ImageNames, is_foreign, posix_name


def put(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'')
    return folder


@pytest.mark.parametrize('search', [False, True])
@pytest.mark.parametrize('name', [
    'sub/a.jpg', 'sub\\a.jpg', '.\\sub\\a.jpg', './sub/a.jpg', 'sub/a.JPG',
    'sub/./a.jpg', 'images/sub/a.jpg', 'images/1/sub/a.jpg',
    'C:\\data\\images\\sub\\a.jpg', 'c:/data/sub/a.jpg', 'C:sub\\a.jpg',
    '\\\\nas\\share\\sub\\a.jpg', '/home/user/export/images/sub/a.jpg',
    '..\\..\\media\\sub\\a.jpg', '../../media/sub/a.jpg', 'sub%2Fa.jpg',
    'file:///home/user/sub/a.jpg', 'file:///C:/data/sub/a.jpg',
    'https://example.org/data/sub/a.jpg?token=1/2#top',
    'C:\\' + 'folder\\' * 50 + 'sub\\a.jpg'])
def test_a_path_of_another_machine_is_found_by_its_end(
        tmp_path, name, search):
    folder = put(tmp_path / 'images', 'sub/a.jpg', 'sub/b.jpg')
    names = ImageNames(folder, search=search)
    found = names.find(name, 'file')
    assert found == folder / 'sub/a.jpg'
    assert names.stem(name, found) == 'sub/a'


@pytest.mark.parametrize(('there', 'name'), [
    (unicodedata.normalize('NFD', 'Zürich.jpg'),
     unicodedata.normalize('NFC', 'Zürich.jpg')),
    (unicodedata.normalize('NFC', 'é/ü.jpg'),
     unicodedata.normalize('NFD', 'é/ü.jpg')),
    ('a b.jpg', 'a%20b.jpg'), ('ü.jpg', '%C3%BC.jpg'), ('a.JPG', 'a.jpg'),
    ('100%.jpg', '100%.jpg'), ('a%20b.jpg', 'a%20b.jpg'),
    ('a\\b.jpg', 'a\\b.jpg')])
def test_spellings_of_one_name_are_equal(tmp_path, there, name):
    put(tmp_path, there)
    assert ImageNames(tmp_path).find(name, 'file') == tmp_path / there


def test_an_encoded_name_may_be_longer_than_a_file_allows(tmp_path):
    name = '\u732b' * 60 + '.jpg'  # 180 bytes, and 540 in percent-encoding
    put(tmp_path, f'images/{name}')
    found = ImageNames(tmp_path).find(f'images/{quote(name)}', 'file')
    assert found == tmp_path / 'images' / name
    with pytest.raises(InputError, match='of at most 250 bytes'):
        ImageNames(tmp_path).find(quote(name * 2), 'file')


def test_the_name_itself_is_preferred_to_another_spelling(tmp_path):
    put(tmp_path, 'a%20b.jpg', 'a b.jpg', 'c.JPG', 'c.jpg')
    names = ImageNames(tmp_path, search=True)
    for name in ('a%20b.jpg', 'a b.jpg', 'c.JPG', 'c.jpg'):
        assert names.find(name, 'file') == tmp_path / name


def test_names_differ_by_the_case_of_letters_other_than_the_suffix(tmp_path):
    put(tmp_path, 'A.jpg')
    assert ImageNames(tmp_path, search=True).find('a.jpg', 'file') is None


def test_only_a_search_goes_into_folders_that_no_path_names(tmp_path):
    put(tmp_path, 'deep/er/a.jpg')
    assert ImageNames(tmp_path).find('x/a.jpg', 'file') is None
    found = ImageNames(tmp_path, search=True).find('x/a.jpg', 'file')
    assert found == tmp_path / 'deep/er/a.jpg'


def test_the_end_of_the_path_decides_between_images_of_one_name(tmp_path):
    put(tmp_path, '1/a.jpg', '2/a.jpg')
    names = ImageNames(tmp_path, search=True)
    assert names.find('D:\\x\\2\\a.jpg', 'file') == tmp_path / '2/a.jpg'
    with pytest.raises(InputError, match=r"one image for 'a\.jpg'.*1.a\.jpg "
                       r'and .*2.a\.jpg'):
        names.find('a.jpg', 'file')


def test_the_name_of_the_folder_belongs_to_the_path(tmp_path):
    folder = put(tmp_path / 'images', 'a.jpg', 'more/a.jpg')
    names = ImageNames(folder, search=True)
    assert names.find('/x/images/a.jpg', 'file') == folder / 'a.jpg'


def test_a_search_prefers_images_below_the_folder(tmp_path):
    put(tmp_path, 'other/a.jpg', 'images/deep/a.jpg', 'other/b.jpg')
    names = ImageNames(tmp_path / 'images', search=True)
    assert names.find('../other/a.jpg', 'file') == (
        tmp_path / 'images/deep/a.jpg')
    outside = names.find('../other/b.jpg', 'file')
    assert outside.samefile(tmp_path / 'other/b.jpg')
    assert names.stem('../other/b.jpg', outside) == '../other/b'


def test_the_first_folder_that_has_the_image_is_used(tmp_path):
    put(tmp_path, 'images/a.jpg', 'a.jpg', 'b.jpg')
    names = ImageNames(tmp_path / 'images', tmp_path)
    assert names.find('a.jpg', 'file') == tmp_path / 'images/a.jpg'
    assert names.find('b.jpg', 'file') == tmp_path / 'b.jpg'
    assert names.stem('a.jpg', tmp_path / 'images/a.jpg') == 'a'


def test_hidden_files_are_not_found_by_a_search(tmp_path):
    put(tmp_path, '__MACOSX/x/a.jpg', '.cache/a.jpg', 'x/a.jpg')
    found = ImageNames(tmp_path, search=True).find('y/a.jpg', 'file')
    assert found == tmp_path / 'x/a.jpg'


def test_the_message_of_a_missing_image_fits_what_was_given(tmp_path):
    given = ImageNames(tmp_path, search=True).missing('a.jpg', 'file')
    assert 'neither by its path nor by its name' in given
    assert 'give the folder of the images' in ImageNames(
        tmp_path).missing('a.jpg', 'file')


@pytest.mark.parametrize('name', ['', '..', 'a/', 'C:\\', 'a\nb.jpg'])
def test_a_name_that_is_no_file_is_refused(tmp_path, name):
    with pytest.raises(InputError, match='expected the name of an image'):
        ImageNames(tmp_path).find(name, 'file')


def test_a_path_of_windows_stays_absolute():
    assert posix_name('C:\\a\\b.jpg') == 'C:/a/b.jpg'
    assert posix_name('file:///C:/a.jpg') == 'C:/a.jpg'
    assert posix_name('file:///home/a.jpg') == '/home/a.jpg'


def test_repeated_slashes_do_not_make_a_path_absolute():
    assert posix_name('.//a.jpg') == 'a.jpg'
    assert posix_name('././/x/a.jpg') == 'x/a.jpg'


@pytest.mark.parametrize(('name', 'expected'), [
    ('https://x.org/a.jpg', True), ('C:\\x\\a.jpg', True),
    ('file:///C:/x/a.jpg', True), ('\\\\nas\\share\\a.jpg', True),
    ('x\\a.jpg', False), ('a.jpg', False), ('../a.jpg', False)])
def test_a_url_and_an_absolute_path_of_windows_are_foreign(name, expected):
    assert is_foreign(name) == expected
