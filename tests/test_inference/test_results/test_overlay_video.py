import cv2
import numpy as np
import pytest
from image_files import read_video, write_video
from result_parts import CLASSES, PALETTE

from mmseg_panet.errors import InputError
from mmseg_panet.inference.images.image_list import list_images
from mmseg_panet.inference.results.mask_file import (
    mask_path,
    write_prediction,
)
from mmseg_panet.inference.results.overlay_video import list_videos
from mmseg_panet.inference.results.prediction import Prediction
from mmseg_panet.visualization.overlay import OverlayStyle

PLAIN = OverlayStyle(opacity=1, legend=False)
RED = np.array(PALETTE[1][::-1], int)


def write_masks(out_dir, items, first=0, size=(48, 64)):
    """Write masks of which every second one is cat, from ``first`` on."""
    for number, item in enumerate(items):
        labels = np.full(size, number % 2 == first, np.uint8)
        write_prediction(mask_path(out_dir, item.name), Prediction(
            labels, np.ones(size, np.float32), CLASSES), PALETTE)


def overlay_of(path, out_dir, style=PLAIN, **settings):
    """Return the frames of the overlay video of a video, and their rate."""
    items = list_images(path, **settings)
    write_masks(out_dir, items)
    one, = list_videos(items, out_dir)
    one.write(out_dir / 'a.mp4', CLASSES, PALETTE, style)
    return read_video(out_dir / 'a.mp4')


def is_red(frame):
    return np.abs(frame[20, 30].astype(int) - RED).max() < 40


def test_each_frame_has_its_own_mask_and_the_rate_is_kept(tmp_path):
    path = write_video(tmp_path / 'a.avi', 6)
    frames, rate = overlay_of(path, tmp_path)
    assert rate == 10
    assert [is_red(frame) for frame in frames] == [True, False] * 3
    assert [round(frame[20, 30].mean(), -1)
            for frame in frames[1::2]] == [20, 60, 100]


def test_frames_that_are_skipped_keep_the_last_mask_and_move_on(tmp_path):
    path = write_video(tmp_path / 'a.avi', 8)
    frames, rate = overlay_of(path, tmp_path, frame_step=3)
    assert rate == 10 and len(frames) == 8
    assert [is_red(frame) for frame in frames] == [
        True] * 3 + [False] * 3 + [True] * 2
    # Their own pixels are shown, not those of the last segmented frame.
    assert [round(frame[20, 30].mean(), -1)
            for frame in frames[3:6]] == [60, 80, 100]


def test_the_legend_has_one_height_and_the_classes_of_all_frames(tmp_path):
    path = write_video(tmp_path / 'a.avi', 4)
    frames, _ = overlay_of(path, tmp_path, OverlayStyle())
    first, second = (frame[48:] for frame in frames[:2])
    assert len(first) > 15
    assert np.abs(first.astype(int) - second).max() < 40
    assert (np.abs(second.astype(int) - RED).max(-1) < 60).sum() > 40


def turn(path, matrix):
    """Set the matrix by which viewers turn an MP4, as phones do."""
    data = bytearray(path.read_bytes())
    start = data.index(b'tkhd') + 44
    data[start:start + 36] = b''.join(
        (one & 0xffffffff).to_bytes(4, 'big') for one in matrix)
    path.write_bytes(data)


def test_the_video_of_a_phone_is_upright(tmp_path):
    """Its frames are stored lying, bright on their left."""
    path = tmp_path / 'phone.mp4'
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter_fourcc(*'mp4v'), 10, (64, 48))
    frame = np.zeros((48, 64, 3), np.uint8)
    frame[:, :20] = 200
    for _ in range(3):
        writer.write(frame)
    writer.release()
    one = 1 << 16
    turn(path, (0, one, 0, -one, 0, 0, 48 * one, 0, 1 << 30))
    items = list_images(path)
    write_masks(tmp_path, items, first=2, size=(64, 48))
    video, = list_videos(items, tmp_path)
    video.write(tmp_path / 'a.mp4', CLASSES, PALETTE, PLAIN)
    frames, _ = read_video(tmp_path / 'a.mp4')
    assert frames[0].shape == (64, 48, 3)
    assert frames[0][:15].mean() > 150 and frames[0][30:].mean() < 50


def test_a_video_that_is_cut_short_becomes_one_with_what_can_be_read(
        tmp_path):
    """It announces twelve frames, of which six are left."""
    path = write_video(tmp_path / 'a.avi', 12)
    items = list_images(path)
    write_masks(tmp_path, items[:6])
    one, = list_videos(items[:6], tmp_path)
    write_video(path, 6)
    with pytest.raises(InputError, match='6 frames of 12 cannot be read, the '
                       'first of them frame 6, and .*a.mp4 is without them'):
        one.write(tmp_path / 'a.mp4', CLASSES, PALETTE, PLAIN)
    frames, _ = read_video(tmp_path / 'a.mp4')
    assert len(frames) == 6


def test_an_unreadable_frame_within_a_video_keeps_its_length(
        tmp_path, monkeypatch):
    path = write_video(tmp_path / 'a.avi', 6)
    items = list_images(path)
    write_masks(tmp_path, items)
    one, = list_videos(items, tmp_path)
    read = type(one.video).read

    def broken(self, number):
        if number in (2, 3):
            raise InputError('damaged')
        return read(self, number)

    monkeypatch.setattr(type(one.video), 'read', broken)
    with pytest.raises(InputError, match='2 frames of 6 cannot be read'):
        one.write(tmp_path / 'a.mp4', CLASSES, PALETTE, PLAIN)
    frames, _ = read_video(tmp_path / 'a.mp4')
    assert [is_red(frame) for frame in frames] == [
        True, False, False, False, True, False]


def test_several_videos_are_apart(tmp_path):
    for folder, number in (('x', 3), ('y', 4)):
        (tmp_path / folder).mkdir()
        write_video(tmp_path / folder / 'a.avi', number)
    videos = list_videos(list_images(
        [tmp_path / 'x/a.avi', tmp_path / 'y/a.avi']), tmp_path)
    assert [(one.name, len(one.masks)) for one in videos] == [
        ('a.avi', 3), ('a.avi_1', 4)]
