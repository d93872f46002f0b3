import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from mmseg_panet.errors import InputError
from mmseg_panet.inference.images.image_list import list_images
from mmseg_panet.inference.images.image_source import read_image
from mmseg_panet.inference.images.video import Video


def ramp(height=40, width=60):
    """Smooth in each channel, so that JPEG hardly changes it; BGR."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack(
        [rows * 4, columns * 4, 200 - rows - columns], axis=2).astype(np.uint8)


def save(path, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(ramp()[..., ::-1].copy()).save(path, **options)
    return path


def video(path, frames):
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter_fourcc(*'MJPG'), 10, (64, 48))
    for i in range(frames):
        writer.write(np.full((48, 64, 3), 20 * i, np.uint8))
    writer.release()
    return path


def names(inputs):
    return [item.name for item in list_images(inputs)]


def test_a_folder_is_searched_and_its_images_are_named_by_their_path(
        tmp_path):
    for file in ('b.png', 'a.JPG', 'deep/er/c.webp', '.hidden.png',
                 '.thumbnails/a.png'):
        save(tmp_path / file, format='PNG')
    (tmp_path / 'notes.txt').write_text('no image')
    assert names(tmp_path) == ['a', 'b', 'deep/er/c']


def test_a_pattern_names_images_below_its_part_without_wildcards(tmp_path):
    for file in ('x/1/a.png', 'x/2/a.png', 'x/2/b.jpg', 'x/2/notes.txt'):
        save(tmp_path / file, format='PNG')
    assert names(str(tmp_path / 'x/*/*')) == ['1/a', '2/a', '2/b']
    assert names(str(tmp_path / '**/a.*')) == ['x/1/a', 'x/2/a']


def test_a_path_that_is_there_is_no_pattern(tmp_path):
    assert names(str(save(tmp_path / 'a[1].png'))) == ['a[1]']


def test_images_that_would_share_a_name_keep_their_suffix_or_get_a_number(
        tmp_path):
    for file in ('a.jpg', 'a.webp', 'b.png', 'c/b.png', 'd/b.png'):
        save(tmp_path / file)
    assert names(tmp_path)[:3] == ['a.jpg', 'a.webp', 'b']
    assert names([tmp_path / f'{folder}b.png' for folder in (
        '', 'c/', 'd/')]) == ['b.png', 'b.png_2', 'b.png_3']


def test_a_list_keeps_its_order_and_arrays_are_named_by_their_place(tmp_path):
    found = list_images((save(tmp_path / 'z.png'), ramp(), ramp()[..., 0]))
    assert [item.name for item in found] == ['z', '00000001', '00000002']
    assert read_image(found[2].source).shape == (40, 60, 3)


def test_the_frames_of_a_video_are_images_in_any_order(tmp_path):
    found = list_images(video(tmp_path / 'clip.avi', 5))
    assert [item.name for item in found] == [
        f'clip/{i:06d}' for i in range(5)]
    for i in (0, 1, 4, 2, 4, 3):
        assert abs(read_image(found[i].source).mean() - 20 * i) < 2


@pytest.mark.parametrize(('announced', 'counted'), [
    (0, 5), (7, 5), (9, 6)])
def test_frames_are_counted_where_the_announced_ones_are_not_there(
        announced, counted, monkeypatch):
    """With one that cannot be read where more than two are missing."""
    class Capture:
        """Five frames, whatever it says; a stream cannot be sought in."""

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


def test_of_many_videos_one_is_open(tmp_path):
    items = list_images([video(tmp_path / f'{i}.avi', 5) for i in range(3)])
    for item in items[::2]:
        read_image(item.source)
    videos = {item.source.video for item in items}
    assert sum(one._capture is not None for one in videos) <= 1


def test_a_frame_that_a_video_announces_but_has_not_is_an_error(tmp_path):
    path = video(tmp_path / 'clip.avi', 5)
    frames = list_images(path)
    video(path, 3)
    assert read_image(frames[2].source).mean() > 30
    with pytest.raises(InputError, match='frame 4 of .*clip.avi'):
        read_image(frames[4].source)


@pytest.mark.parametrize(('inputs', 'message'), [
    ('gone.png', 'gone.png does not exist'),
    ('gone/*.png', 'no image has a path like gone/'),
    ([], 'at least one image, got none'),
    (7, 'got int'),
    ([[]], 'got list'),
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


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.webp', '.bmp', '.tif'])
def test_every_format_gives_the_same_picture(tmp_path, suffix):
    image = read_image(str(save(tmp_path / f'a{suffix}')))
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
    path = save(tmp_path / 'a.png', exif=exif)
    with Image.open(path) as stored:
        seen = np.asarray(ImageOps.exif_transpose(stored))[..., ::-1]
    assert (read_image(str(path)) == seen).all()


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.webp', '.bmp', '.tif'])
def test_a_file_that_is_cut_short_is_an_error_and_no_half_image(
        tmp_path, suffix):
    path = save(tmp_path / f'cut{suffix}')
    data = path.read_bytes()
    for length in (len(data) // 3, len(data) * 9 // 10, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(InputError, match=f'cut{suffix} is no complete'):
            read_image(str(path))


def test_a_whole_thumbnail_does_not_make_up_for_a_photograph_cut_short(
        tmp_path):
    thumbnail = save(tmp_path / 'thumbnail.jpg').read_bytes()
    photograph = save(tmp_path / 'a.jpg', exif=b'Exif\0\0' + thumbnail)
    data = photograph.read_bytes()
    assert thumbnail in data
    assert read_image(str(photograph)).shape == (40, 60, 3)
    photograph.write_bytes(data[:-50])
    with pytest.raises(InputError, match='cut short'):
        read_image(str(photograph))


def test_bytes_after_the_end_of_an_image_do_no_harm(tmp_path):
    path = save(tmp_path / 'a.jpg')
    image = read_image(str(path))
    path.write_bytes(path.read_bytes() + b'and more')
    assert (read_image(str(path)) == image).all()


def test_an_empty_and_a_missing_file_are_errors_that_name_them(tmp_path):
    (tmp_path / 'empty.jpg').touch()
    for name in ('empty.jpg', 'missing.jpg'):
        with pytest.raises(InputError, match=f'{name} could not be read'):
            read_image(str(tmp_path / name))
