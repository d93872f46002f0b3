import cv2
import pytest
from image_files import write_video

from mmseg_panet.errors import InputError
from mmseg_panet.inference.images.image_list import list_images
from mmseg_panet.inference.images.image_source import read_image
from mmseg_panet.inference.images.video import Video


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
    items = list_images(
        [write_video(tmp_path / f'{i}.avi', 5) for i in range(3)])
    for item in items[::2]:
        read_image(item.source)
    videos = {item.source.video for item in items}
    assert sum(one._capture is not None for one in videos) <= 1


def test_a_frame_that_a_video_announces_but_has_not_is_an_error(tmp_path):
    path = write_video(tmp_path / 'clip.avi', 5)
    frames = list_images(path)
    write_video(path, 3)
    assert read_image(frames[2].source).mean() > 30
    with pytest.raises(InputError, match='frame 4 of .*clip.avi'):
        read_image(frames[4].source)
