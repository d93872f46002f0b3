import atexit
import functools
import tempfile
from pathlib import Path

import annotation_files as files
import mmcv
import numpy as np
import pytest
from PIL import Image

from mmseg_panet.errors import InputError
from mmseg_panet.inference.images.image_source import read_image
from mmseg_panet.inference.supports import read_supports

SIZE = (12, 16)
PHOTO = np.zeros((*SIZE, 3), np.uint8)
MASK = np.zeros(SIZE, np.uint8)
MASK[2:5, 3:9] = 1


def test_classes_and_supports_keep_the_order_given(tmp_path):
    for name in 'ba':
        (tmp_path / f'{name}.jpg').write_bytes(b'not decoded')
    supports = read_supports({
        'dog': [(tmp_path / 'b.jpg', MASK), (str(tmp_path / 'a.jpg'), MASK)],
        'cat': [(PHOTO, MASK)]})
    assert list(supports) == ['dog', 'cat']
    assert [support.image for support in supports['dog']] == [
        str(tmp_path / 'b.jpg'), str(tmp_path / 'a.jpg')]
    assert supports['cat'][0].image is PHOTO


def test_supports_of_pairs_do_not_share_the_key_of_their_labels():
    supports = read_supports({
        'dog': [(PHOTO, MASK), (PHOTO, MASK)], 'cat': [(PHOTO, MASK)]})
    keys = [one.labels_key for those in supports.values() for one in those]
    assert len(set(keys)) == 3


@pytest.mark.parametrize('orientation', range(2, 9))
def test_a_mask_is_turned_as_its_photograph(tmp_path, orientation):
    photograph = tmp_path / 'a.jpg'
    files.save_photograph(photograph, MASK * np.uint8(255), orientation)
    seen = mmcv.imread(str(photograph))[..., 0] > 127
    mask = MASK if seen.shape != SIZE else seen.astype(np.uint8)
    support, = read_supports({'cat': [(photograph, mask)]})['cat']
    assert (support.rasterize(seen.shape) == seen).all()


def test_marks_are_of_the_photograph_as_it_is_seen(tmp_path):
    photograph = tmp_path / 'a.jpg'
    files.save_photograph(photograph, MASK, 6)
    support, = read_supports({'cat': [(photograph, [[1, 2, 3, 4]])]})['cat']
    expected = np.zeros(SIZE[::-1])
    expected[2:6, 1:4] = 1
    assert (support.rasterize(SIZE[::-1]) == expected).all()


def test_a_mask_of_another_size_names_both_files(tmp_path):
    files.save_photograph(tmp_path / 'a.jpg', MASK)
    Image.fromarray(MASK.T.copy()).save(tmp_path / 'b.png')
    support, = read_supports(
        {'cat': [(tmp_path / 'a.jpg', tmp_path / 'b.png')]})['cat']
    with pytest.raises(
            InputError, match=r'a\.jpg with .*b\.png.*16x12.*got 12x16'):
        support.rasterize(SIZE)


@pytest.mark.parametrize(('source', 'sentence'), [
    ({}, '1..65534 classes.*, got 0'),
    ({'background': [(PHOTO, MASK)]}, "got 'background'"),
    ({'cat': [(PHOTO, MASK, 1)], '__ignore__': [(PHOTO, MASK)]},
     "expected names of classes, got '__ignore__'"),
    ({' cat': [(PHOTO, MASK)]}, "expected the name of a class.* got ' cat'"),
    ({3: [(PHOTO, MASK)]}, 'expected the name of a class'),
    (dict.fromkeys(map(str, range(65535)), [(PHOTO, MASK)]),
     '1..65534 classes.*, got 65535'),
    ({'cat': []}, r"class 'cat': expected a list of \(image, annotation\)"),
    ({'cat': 'a.jpg'}, r'expected a list of \(image, annotation\)'),
    ({'cat': ('a.jpg', 'a.png')}, r'expected \(image, annotation\) or .* in a '
     r'list, got it without one \(a.jpg, a.png\); write \['),
    ({'cat': [PHOTO, MASK, 3]}, r'in a list, .* of uint8, 3\); write \['),
    ([(PHOTO, MASK)], r'by class, got a list of 1; say which .* \{class name'),
    ({'cat': [(PHOTO, MASK, 1, 2)]}, r'expected \(image, annotation\) or'),
    ({'cat': [(PHOTO, [[1, 1, 2, 2]], 3)]}, 'with a mask only, got 3'),
    ({'cat': [(PHOTO[..., 0], MASK)]}, r'an array \(12, 16\) of uint8; check '
     'that image and mask are not swapped; a grey image .*np.stack'),
    ({'cat': [(PHOTO[:0], MASK[:0])]}, r'an array \(0, 16, 3\) of uint8'),
    ({'cat': [(PHOTO / 255, MASK)]}, r'an array .* of float64'),
    ({'cat': [('absent.jpg', MASK)]}, r'no file absent\.jpg'),
    ({'cat': [(PHOTO, MASK), (PHOTO, 'absent.png')]},
     r"example 2 of class 'cat' .*no file absent\.png"),
    ('absent', 'absent: .* got nothing there'),
    ('absent.json', 'got nothing there'),
    (__file__, 'got another file'),
    (7, 'expected examples as .* got a int'),
])
def test_what_holds_no_supports_is_a_sentence(source, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        read_supports(source)
    assert '\n' not in str(caught.value)


def test_masks_beside_annotations_are_refused(tmp_path):
    """One of the two would be lost without a word."""
    (tmp_path / 'cat').mkdir()
    mmcv.imwrite(PHOTO, str(tmp_path / 'cat/1.jpg'))
    mmcv.imwrite(MASK, str(tmp_path / 'cat/1.png'))
    assert list(read_supports(tmp_path)) == ['cat']
    (tmp_path / 'cat/1.json').write_text(
        '{"imagePath": "1.jpg", "shapes": []}')
    with pytest.raises(InputError, match='either masks or annotations'):
        read_supports(tmp_path)


def test_a_folder_of_images_that_would_not_be_used_is_refused(tmp_path):
    with pytest.raises(InputError, match='expected image_dir to be the fo'):
        read_supports(tmp_path, tmp_path / 'absent')
    with pytest.raises(InputError, match='expected no image_dir'):
        read_supports(tmp_path, tmp_path)
    with pytest.raises(InputError, match='expected no image_dir'):
        read_supports({'cat': [(PHOTO, MASK)]}, tmp_path)


def test_an_archive_is_unpacked_until_the_process_ends(
        tmp_path, monkeypatch):
    folder = files.write_cvat_masks(
        tmp_path / 'task', {'cat': (1, 2, 3), 'background': (0, 0, 0)},
        {'a': 1 - MASK})
    files.save_photograph(folder / 'JPEGImages/a.jpg', MASK)
    at_exit = []
    monkeypatch.setattr(
        atexit, 'register', lambda *call, **more: at_exit.append(
            functools.partial(*call, **more)))
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
    support, = read_supports(files.zipped(folder))['cat']
    assert Path(support.image).is_relative_to(tmp_path)
    assert (support.rasterize(SIZE) == MASK).all()
    for call in at_exit:
        call()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        'task', 'task.zip']


@pytest.mark.parametrize('orientation', range(2, 9))
def test_an_image_of_pillow_is_turned_with_its_mask_as_files_are(
        tmp_path, orientation):
    """A mask of the size as stored is turned with the image."""
    path = tmp_path / 'a.png'
    files.save_photograph(path, np.zeros((9, 16), np.uint8), orientation)
    mask = np.zeros((9, 16), np.uint8)
    mask[2:5, 3:9] = 1
    of_file, = read_supports({'cat': [(path, mask)]})['cat']
    with Image.open(path) as image:
        support, = read_supports({'cat': [(image, Image.fromarray(mask))]})[
            'cat']
    assert (support.image == read_image(of_file.image)).all()
    size = support.image.shape[:2]
    assert (support.rasterize(size) == of_file.rasterize(size)).all()


def test_arrays_in_rgb_are_kept_in_bgr():
    rgb = np.zeros((*SIZE, 3), np.uint8)
    rgb[..., 0] = 200
    support, = read_supports(
        {'cat': [(rgb, MASK)]}, channel_order='rgb')['cat']
    assert support.image[0, 0].tolist() == [0, 0, 200]
    with pytest.raises(InputError, match=r'transpose\(1, 2, 0\)'):
        read_supports({'cat': [(rgb.transpose(2, 0, 1), MASK)]})
