import multiprocessing
import os
import signal
from types import SimpleNamespace

import pytest
import torch
from mmengine.fileio import LocalBackend
from mmengine.runner import save_checkpoint

from mmseg_panet.engine.atomic_checkpoints import save_atomically

SIZE = 10_000


@pytest.fixture
def runner():
    """A runner that saves as mmengine's does."""
    def save(out_dir, filename, value, backend_args=None):
        save_checkpoint(
            dict(value=torch.full((SIZE,), value)), f'{out_dir}/{filename}',
            backend_args=backend_args)
    runner = SimpleNamespace(save_checkpoint=save)
    save_atomically(runner)
    return runner


def value_of(path):
    return torch.load(path, weights_only=True)['value'][0].item()


def write_half_and_die(runner, folder):
    def put(self, data, path):
        with open(path, 'wb') as file:
            file.write(data[:len(data) // 2])
        os.kill(os.getpid(), signal.SIGKILL)

    LocalBackend.put = put
    runner.save_checkpoint(folder, 'iter_2.pth', 2.)


def test_a_process_that_is_killed_leaves_the_checkpoints_complete(
        runner, tmp_path):
    for path in ('iter_1.pth', 'iter_2.pth'):
        runner.save_checkpoint(str(tmp_path), path, 1.)
    process = multiprocessing.get_context('fork').Process(
        target=write_half_and_die, args=(runner, str(tmp_path)))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert value_of(tmp_path / 'iter_1.pth') == 1
    assert value_of(tmp_path / 'iter_2.pth') == 1
    runner.save_checkpoint(str(tmp_path), 'iter_2.pth', 2.)
    assert value_of(tmp_path / 'iter_2.pth') == 2


def test_a_full_disk_leaves_the_older_checkpoint_and_no_part(
        runner, tmp_path, monkeypatch):
    def put(self, data, path):
        with open(path, 'wb') as file:
            file.write(data[:9])
        raise OSError(28, 'No space left on device')

    runner.save_checkpoint(str(tmp_path), 'iter_1.pth', 1.)
    monkeypatch.setattr(LocalBackend, 'put', put)
    with pytest.raises(OSError, match='No space'):
        runner.save_checkpoint(str(tmp_path), 'iter_1.pth', 2.)
    assert [path.name for path in tmp_path.iterdir()] == ['iter_1.pth']
    assert value_of(tmp_path / 'iter_1.pth') == 1


def test_another_process_writes_nothing(tmp_path, monkeypatch):
    called = []
    runner = SimpleNamespace(
        save_checkpoint=lambda *args, **kwargs: called.append(args))
    save_atomically(runner)
    monkeypatch.setattr(
        'mmseg_panet.engine.atomic_checkpoints.is_main_process',
        lambda: False)
    runner.save_checkpoint(str(tmp_path), 'iter_1.pth')
    assert called == [(str(tmp_path), 'iter_1.pth')]
    assert not list(tmp_path.iterdir())
