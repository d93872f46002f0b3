"""Images and sizes of labelme's files, as users have them."""
import base64
import json

import annotation_files as files
import numpy as np
import pytest
from PIL import Image

from mmseg_panet.annotations import convert_labelme
from mmseg_panet.annotations.formats.labelme import is_labelme
from mmseg_panet.datasets.folder import FolderDataset
from mmseg_panet.errors import InputError
from mmseg_panet.inference.supports import read_supports
from mmseg_panet.json_text import read_utf8

SIZE = (40, 56)
CAT = files.shape('cat', 'rectangle', [[3, 5], [20, 9]])
EXPECTED = np.zeros(SIZE, np.uint8)
EXPECTED[5:10, 3:21] = 1
GREY = np.full(SIZE, 90, np.uint8)


def write(path, marked=(CAT,), **changes):
    """Write a file of labelme, of which some keys are changed or removed."""
    files.write_labelme(path, SIZE, list(marked))
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(
        {key: value for key, value in content.items() if value != 'removed'}))
    return path


def encoded(pixels=GREY, folder=None, orientation=None):
    path = folder / 'embedded.jpg'
    files.save_photograph(path, pixels, orientation)
    content = path.read_bytes()
    path.unlink()
    return base64.b64encode(content).decode()


def fitted(path, image_dir=None):
    """Return the labels of the only support, and its image."""
    (support,), = read_supports(path, image_dir).values()
    with Image.open(support.image) as picture:
        return support.rasterize(picture.size[::-1]), support.image


def prepared(folder, out, image_dir=None):
    convert_labelme(folder, out, image_dir=image_dir)
    stem, = (out / 'images.txt').read_text().splitlines()
    return files.mask_of(out, stem)


NO_SIZE = dict(imageHeight='removed', imageWidth='removed')


@pytest.mark.parametrize('size', [
    NO_SIZE, dict(imageHeight=None, imageWidth=None),
    dict(imageHeight=-1, imageWidth=-1),  # of X-AnyLabeling
    dict(imageHeight=40.0, imageWidth=56.0),
    NO_SIZE | dict(version='removed', flags=None, lineColor=[0, 255, 0, 128],
                   fillColor=None, imageData='removed')])
def test_a_size_that_is_missing_is_that_of_the_image(tmp_path, size):
    write(tmp_path / 'in/a.json', **size)
    files.save_photograph(tmp_path / 'in/a.jpg', GREY)
    assert (prepared(tmp_path / 'in', tmp_path / 'out') == EXPECTED).all()
    assert (fitted(tmp_path / 'in')[0] == EXPECTED).all()


def test_a_size_that_is_missing_is_that_of_the_photograph_as_it_is_seen(
        tmp_path):
    write(tmp_path / 'in/a.json', **NO_SIZE)
    files.save_photograph(tmp_path / 'in/a.jpg', GREY.T, 6)
    assert (prepared(tmp_path / 'in', tmp_path / 'out') == EXPECTED).all()


@pytest.mark.parametrize(('changes', 'sentence'), [
    (NO_SIZE, r'expected imageHeight and .* image .*a\.jpg, got none of them'),
    (dict(imageHeight='40'), 'expected imageHeight in pixels, got 40; corr'),
    (dict(imageWidth=56.5), 'expected imageWidth in pixels, got 56.5'),
    (dict(imageWidth=True), 'expected imageWidth in pixels, got True'),
    (dict(imagePath=5), 'expected imagePath and a list of shapes'),
    (dict(imagePath=None), 'expected the name of an image file'),
    (dict(imagePath='a.json'), "imagePath as the name of an image, got 'a.j"),
    (dict(shapes=None), 'expected imagePath and a list of shapes'),
    (dict(imageData='abc'), 'imageData is not a readable image: .*; rest'),
])
def test_what_is_missing_is_a_sentence(tmp_path, changes, sentence):
    path = write(tmp_path / 'in/a.json', **changes)
    for read in (
            lambda: convert_labelme(tmp_path / 'in', tmp_path / 'out'),
            lambda: read_supports(path)):
        with pytest.raises(InputError, match=sentence) as caught:
            read()
        assert str(path) in str(caught.value)


@pytest.mark.parametrize('name', [
    'a.jpg', 'a.json', '..\\raw\\b.jpg', 'C:\\b.jpg', '/data/b.jpg',
    'removed', None, ''])
@pytest.mark.parametrize('size', [{}, NO_SIZE])
def test_an_image_that_is_missing_is_taken_from_the_file(
        tmp_path, name, size):
    text = encoded(folder=tmp_path)
    write(tmp_path / 'in/a.json', imageData=text, imagePath=name, **size)
    labels, image = fitted(tmp_path / 'in')
    assert (labels == EXPECTED).all()
    with open(image, 'rb') as file:
        assert file.read() == base64.b64decode(text)
    assert (prepared(tmp_path / 'in', tmp_path / 'out') == EXPECTED).all()
    assert (tmp_path / 'out/images/a.jpg').read_bytes() == base64.b64decode(
        text)
    # The folder is complete.
    assert (fitted(tmp_path / 'out')[0] == EXPECTED).all()
    item, = FolderDataset(
        str(tmp_path / 'out'), ann_file='images.txt',
        pipeline=files.PIPELINE[:2])
    assert item['img'].shape[:2] == SIZE
    assert (item['gt_seg_map'] == EXPECTED).all()


def test_all_images_are_copied_if_one_is_taken_from_its_file(
        tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(
        'mmseg_panet.notices.print_log',
        lambda text, *_: said.append(text))
    write(tmp_path / 'in/day 1/a.json', imageData=encoded(folder=tmp_path))
    write(tmp_path / 'in/b.json')
    files.save_photograph(tmp_path / 'in/b.jpg', GREY)
    for _ in range(2):  # the second time, they are kept
        convert_labelme(tmp_path / 'in', tmp_path / 'out')
    assert sorted((tmp_path / 'out/images.txt').read_text().splitlines()) == [
        'b', 'day 1/a']
    assert (tmp_path / 'out/images/b.jpg').read_bytes() == (
        tmp_path / 'in/b.jpg').read_bytes()
    assert (tmp_path / 'out/images/day 1/a.jpg').is_file()
    assert said[0] == (
        f'wrote 1 embedded image (imageData) to {tmp_path}/out/images, and '
        'copied 1 other there; take this folder as that of the images')


def test_nothing_is_written_if_all_images_exist(tmp_path):
    write(tmp_path / 'in/a.json', imageData=encoded(folder=tmp_path))
    files.save_photograph(tmp_path / 'in/a.jpg', GREY)
    prepared(tmp_path / 'in', tmp_path / 'out')
    assert not (tmp_path / 'out/images').exists()
    assert fitted(tmp_path / 'in')[1] == str(tmp_path / 'in/a.jpg')


def test_a_photograph_that_is_not_read_is_taken_from_the_file(tmp_path):
    """labelme shows HEIC if a plugin of Pillow is installed."""
    write(tmp_path / 'in/a.json', imageData=encoded(folder=tmp_path),
          imagePath='a.heic')
    (tmp_path / 'in/a.heic').write_bytes(b'HEIC')
    assert fitted(tmp_path / 'in')[1].endswith('a.jpg')


@pytest.mark.parametrize('size', [{}, NO_SIZE])
def test_an_image_of_another_size_than_was_annotated_is_a_sentence(
        tmp_path, size):
    """It was made smaller afterwards."""
    write(tmp_path / 'in/a.json', imageData=encoded(folder=tmp_path), **size)
    files.save_photograph(tmp_path / 'in/a.jpg', GREY[::2, ::2])
    with pytest.raises(InputError, match='is 28x20, but it was annotated as'):
        convert_labelme(tmp_path / 'in', tmp_path / 'out')
    with pytest.raises(InputError, match='expected an annotation of 28x20'):
        fitted(tmp_path / 'in')


def test_an_image_that_exists_is_used_even_if_the_embedded_one_is_damaged(
        tmp_path):
    write(tmp_path / 'in/a.json', imageData='/9j/damaged')
    files.save_photograph(tmp_path / 'in/a.jpg', GREY)
    assert (fitted(tmp_path / 'in')[0] == EXPECTED).all()


def test_a_refusal_leaves_no_images(tmp_path):
    write(tmp_path / 'in/a.json', imageData=encoded(folder=tmp_path))
    write(tmp_path / 'in/b.json', [files.shape('cat', 'spiral', [[1, 1]])])
    with pytest.raises(InputError, match='spiral'):
        convert_labelme(tmp_path / 'in', tmp_path / 'out')
    assert not (tmp_path / 'out/images').exists()
    (tmp_path / 'out/images').mkdir()
    (tmp_path / 'out/images/a.jpg').write_bytes(b'of a user')
    with pytest.raises(InputError, match='exists already'):
        convert_labelme(tmp_path / 'in', tmp_path / 'out')
    assert (tmp_path / 'out/images/a.jpg').read_bytes() == b'of a user'


@pytest.mark.parametrize('name', [
    'D:\\data\\cats\\a.jpg', '\\\\nas\\share\\a.jpg', '/home/user/a.jpg',
    '../raw/a.jpg', 'images\\day 1\\a.jpg', 'C:/a.jpg', 'a.JPG'])
def test_an_image_is_found_by_its_name_on_any_system(tmp_path, name):
    write(tmp_path / 'in/x.json', imagePath=name)
    image = tmp_path / 'photos/day 1/a.jpg'
    files.save_photograph(image, GREY)
    labels, found = fitted(tmp_path / 'in', tmp_path / 'photos')
    assert (labels == EXPECTED).all() and found == str(image)
    assert (prepared(
        tmp_path / 'in', tmp_path / 'out', tmp_path / 'photos') == EXPECTED
    ).all()
    assert (tmp_path / 'out/images.txt').read_text() == 'day 1/a\n'
    # Beside the file, no folder has to be given.
    image.rename(tmp_path / 'in/a.jpg')
    assert fitted(tmp_path / 'in')[1] == str(tmp_path / 'in/a.jpg')
    prepared(tmp_path / 'in', tmp_path / 'out 2')
    assert (tmp_path / 'out 2/images.txt').read_text() == 'a\n'


def test_an_image_that_image_dir_lacks_is_a_sentence(tmp_path):
    (tmp_path / 'photos').mkdir()
    write(tmp_path / 'in/a.json')
    sentence = (r"a\.json: there is no image 'a\.jpg' in .*photos, neither "
                'by its path nor by its name')
    with pytest.raises(InputError, match=sentence):
        read_supports(tmp_path / 'in', tmp_path / 'photos')
    write(tmp_path / 'in/a.json', [])
    with pytest.raises(InputError, match=sentence):
        convert_labelme(
            tmp_path / 'in', tmp_path / 'out', ['cat'], tmp_path / 'photos')
    write(tmp_path / 'in/b.json')
    files.save_photograph(tmp_path / 'photos/b.jpg', GREY)
    # An image on which nothing is marked is no example.
    assert (fitted(tmp_path / 'in', tmp_path / 'photos')[0] == EXPECTED).all()


def test_two_files_of_one_image_are_a_sentence_that_names_both(tmp_path):
    write(tmp_path / 'in/a.json')
    write(tmp_path / 'in/a (copy).json', imagePath='.\\a.jpg')
    files.save_photograph(tmp_path / 'in/a.jpg', GREY)
    for read in (
            lambda: convert_labelme(tmp_path / 'in', tmp_path / 'out'),
            lambda: read_supports(tmp_path / 'in')):
        with pytest.raises(
                InputError, match=r'a \(copy\)\.json and .*/in/a\.json anno'):
            read()


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16'])
def test_files_of_all_encodings_of_unicode_are_read(tmp_path, encoding):
    path = write(tmp_path / 'in/猫.json', imagePath='猫.jpg')
    content = json.loads(path.read_text())
    text = json.dumps(content, ensure_ascii=False).encode(encoding)
    path.write_bytes(text)
    assert is_labelme(read_utf8(path))
    files.save_photograph(tmp_path / 'in/猫.jpg', GREY)
    assert (prepared(tmp_path / 'in', tmp_path / 'out') == EXPECTED).all()
    assert (fitted(tmp_path / 'in')[0] == EXPECTED).all()


def test_another_encoding_is_a_sentence(tmp_path):
    """labelme wrote that of Windows until version 4."""
    path = write(tmp_path / 'a.json', imagePath='测试.jpg')
    text = json.dumps(json.loads(path.read_text()), ensure_ascii=False)
    path.write_bytes(text.encode('gbk'))
    for read in (
            lambda: convert_labelme(tmp_path, tmp_path / 'out'),
            lambda: read_supports(path), lambda: read_supports(tmp_path)):
        with pytest.raises(
                InputError, match=r'a\.json is not valid JSON: .* save it '
                'with the encoding UTF-8 in a text editor'):
            read()


def test_labels_may_be_whole_numbers(tmp_path):
    write(tmp_path / 'in/a.json', [CAT | dict(label=7)])
    files.save_photograph(tmp_path / 'in/a.jpg', GREY)
    assert (prepared(tmp_path / 'in', tmp_path / 'out') == EXPECTED).all()
    assert list(read_supports(tmp_path / 'in')) == ['7']
    assert (tmp_path / 'out/classes.txt').read_text().endswith('1 7\n')


@pytest.mark.parametrize('label', [None, 1.5, True, ['cat'], 'cat '])
def test_other_labels_are_a_sentence(tmp_path, label):
    path = write(tmp_path / 'a.json', [CAT | dict(label=label)])
    with pytest.raises(InputError, match='shape 1: expected the name of a cl'):
        read_supports(path)


def test_what_x_anylabeling_adds_is_ignored(tmp_path):
    added = dict(
        score=0.9, description=None, difficult=True, flags=None,
        attributes={'colour': 'red'}, kie_linking=[[0, 1]], group_id=3)
    path = write(tmp_path / 'in/a.json', [
        CAT | added | dict(points=[[3, 5], [20, 5], [20, 9], [3, 9]]),
        files.shape('dog', 'rotation', [[30, 20], [40, 30], [30, 39], [
            20, 30]], direction=0.78) | added,
        files.shape('dog', 'quadrilateral', [[40, 2], [50, 2], [50, 9], [
            41, 9]]) | added], version='3.3.6', checked=False, description='',
        imageHeight=-1, imageWidth=-1)
    files.save_photograph(tmp_path / 'in/a.jpg', GREY)
    supports = read_supports(path)
    assert list(supports) == ['cat', 'dog']
    labels = supports['dog'][0].rasterize(SIZE)
    assert ((labels == 1) == EXPECTED).all()
    assert labels[30, 20] == labels[30, 40] == labels[5, 45] == 2


def test_an_image_that_image_dir_lacks_is_taken_from_the_file(tmp_path):
    write(tmp_path / 'in/x.json', imageData=encoded(folder=tmp_path))
    (tmp_path / 'photos').mkdir()
    assert fitted(tmp_path / 'in', tmp_path / 'photos')[1].endswith('x.jpg')
    prepared(tmp_path / 'in', tmp_path / 'out', tmp_path / 'photos')
    assert (tmp_path / 'out/images/x.jpg').is_file()


def test_a_folder_in_which_nothing_is_marked_is_a_sentence(tmp_path):
    write(tmp_path / 'a.json', [])
    for path in (tmp_path, tmp_path / 'a.json'):
        with pytest.raises(InputError, match='expected shapes with labels'):
            read_supports(path)


def test_a_file_of_coco_is_named_as_such(tmp_path):
    files.write_coco(tmp_path / 'c.json', {'a.jpg': SIZE}, [], {1: 'cat'})
    for path in (tmp_path, tmp_path / 'c.json'):
        with pytest.raises(InputError, match='with prepare-data coco'):
            convert_labelme(path, tmp_path / 'out')


def test_an_image_beside_its_file_is_preferred_to_others_of_its_name(
        tmp_path):
    for name in ('x', 'y'):
        write(tmp_path / name / 'a.json', imagePath='a.jpg')
        files.save_photograph(tmp_path / name / 'a.jpg', GREY)
    supports, = read_supports(tmp_path, tmp_path).values()
    assert [one.image for one in supports] == [
        str(tmp_path / name / 'a.jpg') for name in ('x', 'y')]


@pytest.mark.parametrize('name', [
    'file:///C:/photos/a.jpg', 'https://x.org/photos/a.jpg'])
def test_a_url_of_an_image_asks_for_image_dir(tmp_path, name):
    (tmp_path / 'in').mkdir()
    write(tmp_path / 'in/a.json', imagePath=name)
    with pytest.raises(InputError, match='lies outside .* as image_dir'):
        prepared(tmp_path / 'in', tmp_path / 'out')
    with pytest.raises(InputError, match=f'there is no image {name}; put'):
        read_supports(tmp_path / 'in')
    files.save_photograph(tmp_path / 'in/a.jpg', GREY)
    for read in (fitted, lambda *args: [prepared(
            args[0], tmp_path / 'out', args[1])]):
        assert (read(tmp_path / 'in', tmp_path / 'in')[0] == EXPECTED).all()
