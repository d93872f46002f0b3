import shutil
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from image_files import read_video

from mmseg_panet.errors import InputError, WriteError
from mmseg_panet.images.video_file import VIDEO_FORMATS, write_video


def greys(values, height=48, width=64):
    return (np.full((height, width, 3), value, np.uint8) for value in values)


@pytest.mark.parametrize('suffix', VIDEO_FORMATS)
@pytest.mark.parametrize('rate', [29.97, 12.5, 1, 120.0046, 999.99])
def test_frames_and_their_rate_come_back(tmp_path, suffix, rate):
    path = tmp_path / f'deep/a.{suffix}'
    assert write_video(path, greys([40, 120, 200]), rate) == 3
    frames, found = read_video(path)
    assert [round(one.mean(), -1) for one in frames] == [40, 120, 200]
    assert found == pytest.approx(rate, rel=1e-4)


@pytest.mark.parametrize('suffix', VIDEO_FORMATS)
def test_no_row_of_an_odd_size_is_lost_and_red_stays_red(tmp_path, suffix):
    frame = np.zeros((47, 63, 3), np.uint8)
    frame[..., 0] = 200
    path = tmp_path / f'a.{suffix}'
    write_video(path, [frame], 25)
    (found,), _ = read_video(path)
    assert found.shape == (48, 64, 3)
    assert np.abs(found.astype(int) - (0, 0, 200)).max() < 30


def test_without_frames_there_is_no_file(tmp_path):
    assert write_video(tmp_path / 'a.mp4', iter(()), 25) == 0
    assert not list(tmp_path.iterdir())


def test_an_error_halfway_leaves_the_earlier_video_and_nothing_else(tmp_path):
    path = tmp_path / 'a.mp4'
    write_video(path, greys([40]), 25)
    before = path.read_bytes()

    def broken():
        yield from greys([1, 2])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_video(path, broken(), 25)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


WRITER = cv2.VideoWriter


class Losing:
    """A writer that loses frames as on a full disk, without an error."""

    fourcc = WRITER.fourcc

    def __init__(self, *args):
        self.writer = WRITER(*args)
        self.isOpened, self.release = (
            self.writer.isOpened, self.writer.release)
        self.times = 0

    def write(self, frame):
        self.times += 1
        if self.times <= 3:
            self.writer.write(frame)


@pytest.mark.parametrize('suffix', VIDEO_FORMATS)
def test_lost_frames_are_noticed(tmp_path, suffix, monkeypatch):
    monkeypatch.setattr(cv2, 'VideoWriter', Losing)
    path = tmp_path / f'a.{suffix}'
    assert write_video(path, greys(range(3)), 25) == 3
    path.unlink()
    with pytest.raises(WriteError, match='completely; free some space'):
        write_video(path, greys(range(4)), 25)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_ends_the_writing_early(tmp_path, monkeypatch):
    taken = []

    def frames():
        for frame in greys(range(250)):
            taken.append(frame)
            yield frame

    monkeypatch.setattr(
        shutil, 'disk_usage', lambda path: SimpleNamespace(
            free=0 if taken[1:] else 1 << 30))
    with pytest.raises(WriteError, match='free some space'):
        write_video(tmp_path / 'a.mp4', frames(), 25)
    assert len(taken) == 101
    assert not list(tmp_path.iterdir())


def test_a_missing_encoder_is_one_sentence(tmp_path, capfd):
    """MPEG-4 has no frames of more than 8191 pixels."""
    with pytest.raises(InputError, match='has no encoder mp4v for 9000x48 '
                       'pixels and 25 frames per second; choose webm, or '
                       'install opencv-python'):
        write_video(tmp_path / 'a.mp4', greys([1], width=9000), 25)
    with pytest.raises(InputError, match='and 0.1 frames .* choose mp4'):
        write_video(tmp_path / 'a.webm', greys([1]), 0.1)
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr().err == ''


def test_ffmpeg_prints_nothing_when_all_is_well(tmp_path, capfd):
    write_video(tmp_path / 'a.webm', greys([1, 2]), 25)
    assert capfd.readouterr().err == ''
