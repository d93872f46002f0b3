import errno
import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from mmseg_panet.errors import InputError
from mmseg_panet.locks import LOCK, folder_lock, is_locked, optional_lock


@pytest.fixture
def held(tmp_path):
    """A folder that another process holds, and its number."""
    folder = tmp_path / 'out'
    reading, writing = os.pipe()
    process = os.fork()
    if not process:
        with folder_lock(folder):
            os.write(writing, b'x')
            time.sleep(600)
    os.read(reading, 1)
    yield folder, process
    with suppress(ProcessLookupError, ChildProcessError):
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


def test_a_second_run_is_refused_with_the_folder_and_the_first_process(held):
    folder, process = held
    for _ in range(2):
        with pytest.raises(InputError) as caught, folder_lock(folder):
            pass
        assert str(caught.value).startswith(
            f'expected one run at a time in {folder}, got a second one: '
            f'process {process} (')
        assert str(caught.value).endswith(
            'wait until it ends, or name another folder')
    assert not is_locked(folder)


def test_the_lock_of_a_killed_process_is_no_lock(held):
    folder, process = held
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    assert (folder / LOCK).is_file()
    with folder_lock(folder):
        assert is_locked(folder)


def test_the_workers_of_a_killed_process_are_waited_for(tmp_path):
    """They inherit the lock, and end a moment after their parent."""
    reading, writing = os.pipe()
    killed = os.fork()
    if not killed:
        with folder_lock(tmp_path):
            if not os.fork():
                time.sleep(1)
                os._exit(0)
            os.write(writing, b'x')
            time.sleep(600)
    os.read(reading, 1)
    os.kill(killed, signal.SIGKILL)
    os.waitpid(killed, 0)
    with folder_lock(tmp_path):
        assert is_locked(tmp_path)


def test_nothing_is_left_when_the_run_ends(tmp_path):
    with folder_lock(tmp_path / 'new/out'), folder_lock(tmp_path / 'new/out'):
        assert os.listdir(tmp_path / 'new/out') == [LOCK]
    assert os.listdir(tmp_path) == []
    with pytest.raises(KeyboardInterrupt), folder_lock(tmp_path):
        (tmp_path / 'result').touch()
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == ['result']


def test_a_folder_that_is_removed_meanwhile_is_no_error(tmp_path):
    with folder_lock(tmp_path / 'out'):
        (tmp_path / 'out' / LOCK).unlink()
        (tmp_path / 'out').rmdir()


def test_a_lock_file_that_was_replaced_is_locked_again(tmp_path, monkeypatch):
    """Its last holder removed it between the opening and the locking."""
    acquire = FileLock.acquire
    times = []

    def late(lock, *args, **kwargs):
        done = acquire(lock, *args, **kwargs)
        times.append(1)
        if len(times) == 1:
            Path(lock.lock_file).unlink()
        return done
    monkeypatch.setattr(FileLock, 'acquire', late)
    with folder_lock(tmp_path):
        assert (tmp_path / LOCK).read_text().startswith(
            f'process {os.getpid()} (')
    assert len(times) == 2


@pytest.mark.parametrize('error', [OSError(37, 'No locks'),
                                   NotImplementedError()])
def test_a_file_system_without_locks_goes_on(tmp_path, monkeypatch, error):
    def fail(*_, **__):
        raise error
    monkeypatch.setattr('mmseg_panet.locks.FileLock.acquire', fail)
    with folder_lock(tmp_path):
        assert not is_locked(tmp_path)


@pytest.mark.filterwarnings('ignore:flock not supported')
@pytest.mark.parametrize('number', [
    errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
@pytest.mark.parametrize('as_timeout', [False, True])
def test_no_locks_are_not_taken_for_another_process(
        tmp_path, monkeypatch, number, as_timeout):
    """Nor if a killed process left its file, or filelock says Timeout."""
    def fail(*_):
        raise OSError(number, os.strerror(number))

    def time_out(lock, *_, **__):
        raise Timeout(lock.lock_file)
    monkeypatch.setattr('fcntl.flock', fail)
    if as_timeout:  # as filelock 3.13 does
        monkeypatch.setattr(FileLock, 'acquire', time_out)
    (tmp_path / LOCK).write_text('process 1 (mmseg-panet) on another')
    with folder_lock(tmp_path):
        assert not is_locked(tmp_path)
    with optional_lock(tmp_path / LOCK) as lock:  # It would wait for ever.
        assert not lock.is_locked


def test_an_optional_lock_waits_for_another_process(held):
    folder, process = held
    with pytest.raises(Timeout), optional_lock(folder / LOCK, 0.1):
        pass
    os.kill(process, signal.SIGKILL)
    with optional_lock(folder / LOCK) as lock:
        assert lock.is_locked
    assert not lock.is_locked


@pytest.mark.parametrize('number', [errno.EACCES, errno.ENOSPC])
def test_a_lock_file_that_others_cannot_open_or_write_is_a_lock(
        tmp_path, monkeypatch, number):
    """As on Windows, where only the descriptor of the lock may do both."""
    def fail(*_, **__):
        raise OSError(number, os.strerror(number))
    monkeypatch.setattr(Path, 'write_text', fail)
    monkeypatch.setattr(Path, 'read_text', fail)
    with folder_lock(tmp_path):
        assert is_locked(tmp_path)
        assert (tmp_path / LOCK).read_bytes().startswith(
            f'process {os.getpid()} ('.encode())
    assert os.listdir(tmp_path) == []


def test_a_refusal_is_one_also_where_the_lock_file_cannot_be_read(
        held, monkeypatch):
    """As on Windows. filelock 3.13 has emptied the file before."""
    def fail(*_, **__):
        raise PermissionError(errno.EACCES, 'Permission denied')
    folder, _ = held
    monkeypatch.setattr(Path, 'write_text', fail)
    monkeypatch.setattr(Path, 'read_text', fail)
    with pytest.raises(InputError, match='another process is writing'), (
            folder_lock(folder)):
        pass


def test_two_threads_are_two_runs(tmp_path):
    locked, go_on = threading.Event(), threading.Event()

    def run():
        with folder_lock(tmp_path):
            locked.set()
            go_on.wait(60)
    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert locked.wait(60)
        assert not is_locked(tmp_path)
        with pytest.raises(InputError, match=f'process {os.getpid()} '), (
                folder_lock(tmp_path)):
            pass
    finally:
        go_on.set()
        thread.join()
    with folder_lock(tmp_path):
        assert is_locked(tmp_path)


def test_nothing_is_locked_after_a_broadcast_that_failed(
        tmp_path, monkeypatch):
    def fail(_):
        raise RuntimeError('a peer was lost')
    monkeypatch.setattr('mmseg_panet.locks.is_distributed', lambda: True)
    monkeypatch.setattr('mmseg_panet.locks.get_rank', lambda: 0)
    monkeypatch.setattr('mmseg_panet.shared_errors.all_gather_object', fail)
    with pytest.raises(RuntimeError), folder_lock(tmp_path, collective=True):
        pass
    assert not is_locked(tmp_path)
    assert os.listdir(tmp_path) == []


def test_the_first_process_of_a_launcher_holds_the_lock_for_all(
        held, tmp_path, monkeypatch):
    folder, _ = held
    monkeypatch.setenv('RANK', '1')
    with folder_lock(folder):
        assert not is_locked(folder)
    monkeypatch.setenv('RANK', '0')
    with pytest.raises(InputError), folder_lock(folder):
        pass


def test_a_refusal_reaches_every_process(held, monkeypatch):
    folder, _ = held
    shared = []
    for name, value in (('locks.is_distributed', lambda: True),
                        ('locks.get_rank', lambda: 0),
                        ('shared_errors.all_gather_object',
                         lambda one: shared.append(one) or [one, None])):
        monkeypatch.setattr(f'mmseg_panet.{name}', value)
    with pytest.raises(InputError), folder_lock(folder, collective=True):
        pass
    assert 'got a second one' in str(shared[0])
    monkeypatch.setattr('mmseg_panet.locks.get_rank', lambda: 1)
    monkeypatch.setattr('mmseg_panet.shared_errors.all_gather_object',
                        lambda one: [shared[0], one])
    with pytest.raises(InputError, match='got a second one'), folder_lock(
            folder, collective=True):
        pass


def test_a_process_that_locks_a_folder_alone_waits_for_no_other(
        held, tmp_path, monkeypatch):
    """As a hook of the first process does."""
    def wait(_):
        raise AssertionError('it would wait for the others')
    monkeypatch.setattr('mmseg_panet.locks.is_distributed', lambda: True)
    monkeypatch.setattr('mmseg_panet.locks.get_rank', lambda: 0)
    monkeypatch.setattr('mmseg_panet.shared_errors.all_gather_object', wait)
    with folder_lock(tmp_path / 'other'):
        assert is_locked(tmp_path / 'other')
    with pytest.raises(InputError, match='got a second one'), folder_lock(
            held[0]):
        pass
