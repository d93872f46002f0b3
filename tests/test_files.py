import os
import shutil
import time
import zlib

import numpy as np
import pytest

from mmseg_panet.files import atomic_path, remove_partial, write_arrays


def fill(part):
    """Write a file or a folder, as the name of the parent folder says."""
    if 'folder' in part.parent.name:
        part.mkdir()
        part = part / 'file'
    part.write_text('new')


@pytest.fixture(params=['file', 'folder'])
def path(request, tmp_path):
    (tmp_path / request.param).mkdir()
    return tmp_path / request.param / 'name'


def test_the_path_exists_only_when_the_block_has_ended(path):
    with atomic_path(path) as part:
        fill(part)
        assert not path.exists()
    assert path.exists()
    assert os.listdir(path.parent) == ['name']


def test_an_interruption_leaves_no_file(path):
    with pytest.raises(KeyboardInterrupt), atomic_path(path) as part:
        fill(part)
        raise KeyboardInterrupt
    assert os.listdir(path.parent) == []


def test_an_interruption_keeps_the_old_file(tmp_path):
    path = tmp_path / 'name'
    path.write_text('old')
    with pytest.raises(KeyboardInterrupt), atomic_path(path) as part:
        fill(part)
        raise KeyboardInterrupt
    assert path.read_text() == 'old'


def test_files_that_a_killed_process_left_are_removed(path):
    killed = os.fork()
    if not killed:
        with atomic_path(path) as part:
            fill(part)
            os._exit(0)
    os.waitpid(killed, 0)
    name, = os.listdir(path.parent)
    assert name.startswith('.part-')
    with atomic_path(path.with_name('other'), exclusive=True) as part:
        fill(part)
    assert sorted(os.listdir(path.parent)) == [name, 'other']
    remove_partial(path.parent.parent)
    assert os.listdir(path.parent) == ['other']


def test_an_exclusive_writer_removes_files_of_killed_processes(path):
    left = path.with_name(f".part-{zlib.crc32(b'name'):08x}-12")
    fill(left)
    with atomic_path(path) as part:
        fill(part)
    assert left.exists()
    shutil.rmtree(path, ignore_errors=True)
    with atomic_path(path, exclusive=True) as part:
        fill(part)
        assert not left.exists()
    assert os.listdir(path.parent) == ['name']


def test_a_name_of_the_maximum_length_can_be_written(tmp_path):
    path = tmp_path / ('n' * 255)
    with atomic_path(path) as part:
        fill(part)
    assert path.read_text() == 'new'


def test_equal_arrays_give_equal_bytes_at_any_time(tmp_path, monkeypatch):
    write_arrays(tmp_path / 'a.npz', numbers=np.arange(9))
    now = time.time()
    monkeypatch.setattr(time, 'time', lambda: now + 1e6)
    write_arrays(tmp_path / 'b.npz', numbers=np.arange(9))
    assert (tmp_path / 'a.npz').read_bytes() == (
        tmp_path / 'b.npz').read_bytes()
