"""What one person has on the page."""
import os
import time

import cv2
import numpy as np
import pytest
from app_parts import make_shared, make_work

from mmseg_panet.app.work import discard, jpeg
from mmseg_panet.errors import InputError


@pytest.fixture(scope='module')
def shared():
    return make_shared()


def test_a_picture_is_written_once_and_is_deleted_with_the_session(shared):
    work, _ = make_work(shared, number=0)
    picture = np.random.default_rng(0).integers(
        0, 255, (20, 30, 3), dtype=np.uint8)
    path = work.file_of(picture)
    assert (cv2.imread(path) == cv2.imdecode(
        np.frombuffer(jpeg(picture), np.uint8), 1)).all()
    node = os.stat(path).st_ino
    os.utime(path, (1, 1))
    assert work.file_of(picture.copy()) == path
    assert os.stat(path).st_ino == node  # it is not written again
    assert time.time() - os.stat(path).st_mtime < 60  # but used again
    assert work.file_of(picture[::-1]) != path
    work.session.close()
    assert not os.path.exists(path)


def test_an_image_is_needed_first(shared):
    work, _ = make_work(shared, number=0)
    with pytest.raises(InputError, match='add images first'):
        _ = work.image
    work.session.close()


def test_an_upload_is_discarded_with_its_folder_if_that_is_empty(tmp_path):
    for name in ('a', 'b'):
        (tmp_path / 'folder').mkdir(exist_ok=True)
        (tmp_path / 'folder' / name).touch()
    discard(tmp_path / 'folder/a')
    assert (tmp_path / 'folder/b').exists()
    discard(tmp_path / 'folder/b')
    assert list(tmp_path.iterdir()) == []
