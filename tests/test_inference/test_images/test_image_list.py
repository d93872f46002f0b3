import cv2
import numpy as np
import pytest
from image_files import ramp, save_image

from mmseg_panet.errors import InputError
from mmseg_panet.inference.images.image_list import list_images
from mmseg_panet.inference.images.image_source import read_image


def names(inputs):
    return [item.name for item in list_images(inputs)]


def test_a_folder_is_searched_and_its_images_are_named_by_their_path(
        tmp_path):
    for file in ('b.png', 'a.JPG', 'deep/er/c.webp', '.hidden.png',
                 '.thumbnails/a.png'):
        save_image(tmp_path / file, format='PNG')
    (tmp_path / 'notes.txt').write_text('no image')
    assert names(tmp_path) == ['a', 'b', 'deep/er/c']


def test_a_pattern_names_images_below_its_part_without_wildcards(tmp_path):
    for file in ('x/1/a.png', 'x/2/a.png', 'x/2/b.jpg', 'x/2/notes.txt'):
        save_image(tmp_path / file, format='PNG')
    assert names(str(tmp_path / 'x/*/*')) == ['1/a', '2/a', '2/b']
    assert names(str(tmp_path / '**/a.*')) == ['x/1/a', 'x/2/a']


def test_a_path_that_is_there_is_no_pattern(tmp_path):
    assert names(str(save_image(tmp_path / 'a[1].png'))) == ['a[1]']


def test_images_that_would_share_a_name_keep_their_suffix_or_get_a_number(
        tmp_path):
    for file in ('a.jpg', 'a.webp', 'b.png', 'c/b.png', 'd/b.png'):
        save_image(tmp_path / file)
    assert names(tmp_path)[:3] == ['a.jpg', 'a.webp', 'b']
    assert names([tmp_path / f'{folder}b.png' for folder in (
        '', 'c/', 'd/')]) == ['b.png', 'b.png_2', 'b.png_3']


def test_a_list_keeps_its_order_and_arrays_are_named_by_their_place(tmp_path):
    found = list_images(
        (save_image(tmp_path / 'z.png'), ramp(), ramp()[..., 0]))
    assert [item.name for item in found] == ['z', '00000001', '00000002']
    assert read_image(found[2].source).shape == (40, 60, 3)


@pytest.mark.parametrize(('inputs', 'message'), [
    ('gone.png', 'gone.png does not exist'),
    ('gone/*.png', 'no image has a path like gone/'),
    ([], 'at least one image, got none'),
    (7, 'got int; convert it to an array'),
    ([[]], r'got list; put all images in one list, list\(images\)'),
    ((one for one in 'ab'), 'got generator; put all images in one list'),
    ({'a.png'}, 'got set; put all images in one list'),
    (np.zeros((4, 5, 4), np.uint8), r'got \(4, 5, 4\) of uint8'),
    (np.zeros((4, 5, 3)), 'of float64'),
    (np.zeros((0, 5, 3), np.uint8), r'got \(0, 5, 3\)'),
])
def test_what_is_no_image_is_an_error(inputs, message):
    with pytest.raises(InputError, match=message):
        list_images(inputs)


def test_a_folder_without_images_and_a_text_as_video_are_errors(tmp_path):
    (tmp_path / 'a.mp4').write_text('no video')
    with pytest.raises(InputError, match='has no image'):
        list_images(tmp_path)
    item, = list_images([tmp_path / 'a.mp4'])
    assert item.name == 'a.mp4'
    with pytest.raises(InputError, match='a.mp4 could not be read'):
        read_image(item.source)


def test_links_that_lead_nowhere_fail_alone(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((4, 4), np.uint8))
    (tmp_path / 'b.png').symlink_to(tmp_path / 'gone.png')
    (tmp_path / 'round').symlink_to(tmp_path)
    good, broken = list_images(tmp_path)
    assert read_image(good.source).shape == (4, 4, 3)
    with pytest.raises(InputError, match='b.png could not be read'):
        read_image(broken.source)


def test_results_are_no_photographs_wherever_they_were_written(tmp_path):
    """Masks that were written among the photographs would be segmented."""
    for file in ('a.jpg', 'masks/own.png', 'deep/b.jpg', 'deep/masks/b.png',
                 'deep/overlays/x/b.jpg', 'deep/other/c.jpg'):
        save_image(tmp_path / file)
    (tmp_path / 'deep/made_with.txt').touch()
    expected = ['a', 'deep/b', 'deep/other/c', 'masks/own']
    assert names(tmp_path) == expected
    assert names(str(tmp_path / '**/*.*')) == expected
    # Who names the masks themselves means them.
    assert names(tmp_path / 'deep/masks') == ['b']
    assert names(str(tmp_path / 'deep/masks/*')) == ['b']


def test_photographs_that_are_not_read_are_counted(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(
        'mmseg_panet.notices.print_log',
        lambda text, *_: said.append(text))
    for file in ('a.jpg', 'deep/b.HEIC', 'c.cr2', 'c.txt', '._d.heic'):
        save_image(tmp_path / file, format='PNG')
    for inputs in (tmp_path, str(tmp_path / '**/*')):
        assert names(inputs) == ['a']
        assert said.pop() == (
            f'skipped 2 files of {inputs}, as .cr2 (1), .heic (1) is not '
            'read; '
            'convert them to JPEG')
    names(tmp_path / 'a.jpg')
    assert not said
    (tmp_path / 'a.jpg').unlink()
    with pytest.raises(InputError, match='no image with .*; skipped 2 files'):
        names(tmp_path)
    with pytest.raises(InputError, match='skipped 1 file .*convert it to'):
        names(str(tmp_path / 'deep/*'))
