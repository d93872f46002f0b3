import cv2
import numpy as np
import pytest
from image_files import ramp, save_image, write_video
from PIL import Image, ImageOps

from mmseg_panet.errors import InputError
from mmseg_panet.inference.images.image_list import list_images
from mmseg_panet.inference.images.image_source import Video, read_image


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.webp', '.bmp', '.tif'])
def test_every_format_gives_the_same_picture(tmp_path, suffix):
    image = read_image(str(save_image(tmp_path / f'a{suffix}')))
    assert image.dtype == np.uint8
    assert np.abs(image.astype(int) - ramp()).mean() < 4


def test_grey_alpha_and_16_bits_become_8_bits_of_three_channels(tmp_path):
    grey = ramp()[..., 0]
    three = np.stack([grey] * 3, axis=2)
    transparent = np.dstack([ramp(), np.zeros((40, 60), np.uint8)])
    for name, stored, expected in (
            ('grey.png', grey, three), ('alpha.png', transparent, ramp()),
            ('16.png', ramp().astype(np.uint16) * 257, ramp()),
            ('16.tif', grey.astype(np.uint16) * 257, three)):
        cv2.imwrite(str(tmp_path / name), stored)
        assert (read_image(str(tmp_path / name)) == expected).all(), name


@pytest.mark.parametrize('orientation', range(1, 9))
def test_a_photograph_is_turned_as_its_camera_was(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save_image(tmp_path / 'a.png', exif=exif)
    with Image.open(path) as stored:
        seen = np.asarray(ImageOps.exif_transpose(stored))[..., ::-1]
    assert (read_image(str(path)) == seen).all()


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.webp', '.bmp', '.tif'])
def test_a_file_that_is_cut_short_is_an_error_and_no_half_image(
        tmp_path, suffix):
    path = save_image(tmp_path / f'cut{suffix}')
    data = path.read_bytes()
    for length in (len(data) // 3, len(data) * 9 // 10, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(InputError, match=f'cut{suffix} is no complete'):
            read_image(str(path))


def test_a_complete_thumbnail_does_not_make_up_for_a_photograph_cut_short(
        tmp_path):
    thumbnail = save_image(tmp_path / 'thumbnail.jpg').read_bytes()
    photograph = save_image(tmp_path / 'a.jpg', exif=b'Exif\0\0' + thumbnail)
    data = photograph.read_bytes()
    assert thumbnail in data
    assert read_image(str(photograph)).shape == (40, 60, 3)
    photograph.write_bytes(data[:-50])
    with pytest.raises(InputError, match='cut short'):
        read_image(str(photograph))


def test_bytes_after_the_end_of_an_image_do_no_harm(tmp_path):
    path = save_image(tmp_path / 'a.jpg')
    image = read_image(str(path))
    path.write_bytes(path.read_bytes() + b'and more')
    assert (read_image(str(path)) == image).all()


def test_an_empty_and_a_missing_file_are_errors_that_name_them(tmp_path):
    (tmp_path / 'empty.jpg').touch()
    for name in ('empty.jpg', 'missing.jpg'):
        with pytest.raises(InputError, match=f'{name} could not be read'):
            read_image(str(tmp_path / name))


def test_the_frames_of_a_video_are_images_in_any_order(tmp_path):
    found = list_images(write_video(tmp_path / 'clip.avi', 5))
    assert [item.name for item in found] == [
        f'clip/{i:06d}' for i in range(5)]
    for i in (0, 1, 4, 2, 4, 3):
        assert abs(read_image(found[i].source).mean() - 20 * i) < 2


@pytest.mark.parametrize(('announced', 'counted'), [
    (0, 5), (7, 5), (9, 6)])
def test_frames_are_counted_where_the_announced_ones_are_not_there(
        announced, counted, monkeypatch):
    """One of them cannot be read if more than two are missing."""
    class Capture:
        """Has five frames, whatever it says, and cannot seek."""

        def __init__(self, path):
            self.left = 5

        def get(self, key):
            return announced

        def set(self, key, value):
            self.left = 5 - value
            return True

        def isOpened(self):  # noqa: N802
            return True

        def grab(self):
            self.left -= 1
            return self.left >= 0

        def release(self):
            pass

    monkeypatch.setattr(cv2, 'VideoCapture', Capture)
    assert len(Video('stream.webm')) == counted


def test_only_one_of_many_videos_is_open(tmp_path):
    items = list_images(
        [write_video(tmp_path / f'{i}.avi', 5) for i in range(3)])
    for item in items[::2]:
        read_image(item.source)
    videos = {item.source.video for item in items}
    assert sum(bool(one._open) for one in videos) <= 1


def test_a_frame_that_a_video_announces_but_has_not_is_an_error(tmp_path):
    path = write_video(tmp_path / 'clip.avi', 5)
    frames = list_images(path)
    write_video(path, 3)
    assert read_image(frames[2].source).mean() > 30
    with pytest.raises(InputError, match='frame 4 of .*clip.avi'):
        read_image(frames[4].source)


def test_a_photograph_of_a_phone_names_its_format(tmp_path):
    (tmp_path / 'a.HEIC').write_bytes(b'ftypheic')
    with pytest.raises(InputError, match='got .HEIC; convert it to JPEG'):
        read_image(str(tmp_path / 'a.HEIC'))
