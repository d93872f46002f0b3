import errno
import os
import pickle
import resource
import shutil
import signal
import subprocess
import time
import zlib

import numpy as np
import pytest

from mmseg_panet.datasets.manifest import read_rules
from mmseg_panet.errors import InputError, WriteError
from mmseg_panet.files import (
    atomic_path,
    check_folder,
    keep_inputs,
    prepare_output,
    read_names,
    remove_partial,
    write_arrays,
    write_atomic,
)
from mmseg_panet.images.file_bytes import read_bytes
from mmseg_panet.images.image_files import size_and_orientation
from mmseg_panet.images.pixel_limit import open_limited
from mmseg_panet.inference.images.image_source import read_image, source_key
from mmseg_panet.inference.results.out_path import check_writable
from mmseg_panet.json_text import read_json
from mmseg_panet.models.bank.bank_file import open_bank
from mmseg_panet.models.checkpoint_file import read_weights
from mmseg_panet.write_errors import write_context


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


def test_only_the_files_of_dead_processes_of_this_machine_are_removed(
        tmp_path):
    with atomic_path(tmp_path / 'name') as part:
        fill(part)
        start, pid, machine = part.name.rsplit('-', 2)
        assert pid == str(os.getpid())
        dead = os.fork()
        if not dead:
            os._exit(0)
        os.waitpid(dead, 0)
        other = f'{int(machine, 16) ^ 1:08x}'
        for name in (f'{start}-{dead}-{machine}', f'{start}-{dead}-{other}'):
            (tmp_path / name).touch()
        remove_partial(tmp_path)
        assert sorted(os.listdir(tmp_path)) == sorted(
            [part.name, f'{start}-{dead}-{other}'])
    remove_partial(tmp_path, exclusive=True)
    assert os.listdir(tmp_path) == ['name']


def test_the_check_before_the_work_removes_what_a_killed_process_left(
        tmp_path):
    killed = os.fork()
    if not killed:
        with atomic_path(tmp_path / 'bank') as part:
            fill(part)
            os._exit(0)
    os.waitpid(killed, 0)
    assert len(os.listdir(tmp_path)) == 1
    prepare_output(tmp_path / 'bank')
    assert os.listdir(tmp_path) == []


@pytest.fixture(params=['tmpfs', 'limit'])
def full_disk(request, tmp_path):
    """A folder where a file of more than 64 kB does not fit."""
    if request.param == 'tmpfs':
        mounted = subprocess.run(
            ['mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', tmp_path],
            capture_output=True)
        if mounted.returncode:
            pytest.skip('a small tmpfs needs root')
        yield tmp_path
        subprocess.run(['umount', tmp_path], check=True)
        return
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
    yield tmp_path
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_one_sentence_and_the_older_file_is_kept(full_disk):
    path = full_disk / 'bank'
    write_atomic(path, b'old')
    for _ in range(2):
        with pytest.raises(WriteError) as caught:
            write_atomic(path, bytes(1 << 17))
        assert str(caught.value).startswith(f'{path} could not be written: ')
        assert caught.value.errno in (errno.ENOSPC, errno.EFBIG)
        assert os.listdir(full_disk) == ['bank']
        assert path.read_bytes() == b'old'


def write(path):
    write_atomic(path, b'')


@pytest.mark.parametrize(('code', 'words'), [
    (errno.ENOSPC, 'the disk is full; free some space'),
    (errno.EDQUOT, 'your disk quota is used up; free some space'),
    (errno.EACCES, 'you may not write there; choose another path'),
    (errno.EROFS, 'the file system is read-only; choose another path')])
def test_an_error_of_writing_names_the_path_and_the_remedy(
        tmp_path, code, words):
    with pytest.raises(WriteError) as caught, atomic_path(
            tmp_path / 'a') as part:
        raise OSError(code, os.strerror(code), str(part))
    assert str(caught.value).startswith(
        f"{tmp_path / 'a'} could not be written: {words}")
    assert isinstance(caught.value, OSError)
    assert caught.value.errno == code
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.errno) == (str(caught.value), code)


def test_a_folder_that_vanishes_while_a_file_is_written_is_one_sentence(
        tmp_path):
    folder = tmp_path / 'out'
    with pytest.raises(WriteError, match='its folder was removed'), (
            atomic_path(folder / 'a')) as part:
        fill(part)
        shutil.rmtree(folder)
    with pytest.raises(WriteError, match='a part of the path is a file'):
        (tmp_path / 'file').touch()
        write(tmp_path / 'file/a')
    with pytest.raises(WriteError, match='the name is too long'):
        write(tmp_path / ('n' * 256))


def test_an_error_of_reading_is_not_called_one_of_writing(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_path(
            tmp_path / 'out/a') as part:
        part.write_bytes((tmp_path / 'missing').read_bytes())


def test_a_full_disk_is_recognised_in_torchs_error(tmp_path):
    with pytest.raises(WriteError, match='the disk is full'), write_context(
            tmp_path):
        raise RuntimeError(
            '[enforce fail at inline_container.cc:672] . PytorchStreamWriter '
            'failed writing file data/0: file write failed')
    with pytest.raises(RuntimeError, match='another'), write_context(tmp_path):
        raise RuntimeError('another')


def test_a_file_in_place_of_a_folder_is_named(tmp_path):
    (tmp_path / 'out').touch()
    with pytest.raises(InputError) as caught:
        check_folder(tmp_path / 'out')
    assert str(caught.value) == (
        f'{tmp_path}/out cannot be written: expected a folder that is '
        'writable; choose another path')
    check_folder(tmp_path / 'new/out')
    assert (tmp_path / 'new/out').is_dir()


@pytest.mark.parametrize('name', ['masks', 'overlays'])
def test_a_file_in_place_of_a_folder_of_results_is_named(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(InputError, match=f'{name} cannot be written: expec'):
        check_writable(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason='root may write anywhere')
def test_a_folder_that_is_not_writable_is_refused_before_the_work(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match='a folder that is writable'):
        prepare_output(tmp_path / 'a')
    with pytest.raises(WriteError, match='you may not write there'):
        write(tmp_path / 'a')
    tmp_path.chmod(0o700)


@pytest.mark.parametrize('name', ['pipe', 'zero'])
def test_a_pipe_or_a_device_is_refused_before_it_is_opened(tmp_path, name):
    path = tmp_path / name
    if name == 'pipe':
        os.mkfifo(path)
    else:
        path.symlink_to('/dev/zero')
    readers = (
        read_names, read_json, read_rules, read_image, source_key, open_bank,
        read_weights, open_limited, size_and_orientation, read_bytes)
    for read in readers:
        with pytest.raises(InputError, match='got a device or a pipe'):
            read(str(path))


def test_an_output_may_not_replace_an_input(tmp_path):
    read = tmp_path / 'read'
    read.write_text('a')
    link = tmp_path / 'link'
    link.symlink_to(read)
    keep_inputs([tmp_path / 'new', tmp_path], ['a_config_by_name', read])
    for output in (read, link, tmp_path / 'x/../read'):
        (tmp_path / 'x').mkdir(exist_ok=True)
        with pytest.raises(InputError, match='which would be replaced'):
            keep_inputs([tmp_path / 'new', output], [read])
