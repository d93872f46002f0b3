import multiprocessing
import os
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook
from mmengine.model import BaseModel
from mmengine.runner import Runner, save_checkpoint
from torch.utils.data import DataLoader

from mmseg_panet.engine.atomic_checkpoints import save_atomically

SIZE = 10_000


@pytest.fixture
def runner():
    """A runner that saves as mmengine's does."""
    def save(out_dir, filename, value, backend_args=None):
        save_checkpoint(
            dict(value=torch.full((SIZE,), value)), f'{out_dir}/{filename}',
            backend_args=backend_args)
    runner = SimpleNamespace(save_checkpoint=save, hooks=[])
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
    with pytest.raises(OSError, match='the disk is full'):
        runner.save_checkpoint(str(tmp_path), 'iter_1.pth', 2.)
    assert [path.name for path in tmp_path.iterdir()] == ['iter_1.pth']
    assert value_of(tmp_path / 'iter_1.pth') == 1


def test_another_process_writes_nothing(tmp_path, monkeypatch):
    called = []
    runner = SimpleNamespace(
        save_checkpoint=lambda *args, **kwargs: called.append(args), hooks=[])
    save_atomically(runner)
    monkeypatch.setattr(
        'mmseg_panet.engine.atomic_checkpoints.is_main_process',
        lambda: False)
    runner.save_checkpoint(str(tmp_path), 'iter_1.pth')
    assert called == [(str(tmp_path), 'iter_1.pth')]
    assert not list(tmp_path.iterdir())


class SavedModel(BaseModel):
    """A model with one weight."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def forward(self, inputs, mode):
        return dict(loss=self.layer(inputs).sum())


def make_runner(folder, max_keep_ckpts, steps=5, **settings):
    return Runner(
        SavedModel(), str(folder), train_cfg=dict(
            by_epoch=False, max_iters=steps),
        train_dataloader=DataLoader([dict(inputs=torch.ones(1))] * 10),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        default_hooks=dict(checkpoint=dict(
            type='CheckpointHook', by_epoch=False, interval=1,
            max_keep_ckpts=max_keep_ckpts)),
        default_scope='mmseg', experiment_name=str(folder), **settings)


@pytest.mark.parametrize('number', [1, 2, -1])
def test_the_rotation_keeps_what_mmengine_keeps(tmp_path, number):
    found = {}
    for name in ('ours', 'mmengines'):
        runner = make_runner(tmp_path / name, number)
        if name == 'ours':
            save_atomically(runner)
        runner.train()
        paths = list((tmp_path / name).glob('*.pth'))
        found[name] = sorted(path.name for path in paths), [
            torch.load(tmp_path / name / 'iter_5.pth', weights_only=False)[
                'message_hub']['runtime_info'].get('keep_ckpt_ids')]
    assert found['ours'] == found['mmengines']
    assert len(found['ours'][0]) == (5 if number == -1 else number)


def test_the_only_checkpoint_is_removed_after_the_next_is_written(
        tmp_path, monkeypatch):
    put = LocalBackend.put

    def put_until_the_disk_is_full(self, data, path):
        if len(list(tmp_path.glob('*.pth'))):
            raise OSError(28, 'No space left on device')
        put(self, data, path)

    monkeypatch.setattr(LocalBackend, 'put', put_until_the_disk_is_full)
    runner = make_runner(tmp_path, 1)
    save_atomically(runner)
    with pytest.raises(OSError, match='the disk is full'):
        runner.train()
    assert [path.name for path in tmp_path.glob('*.pth')] == ['iter_1.pth']
    assert (tmp_path / 'last_checkpoint').read_text() == str(
        tmp_path / 'iter_1.pth')


@pytest.mark.parametrize('names', ['a', ['a', 'b']])
def test_the_best_checkpoint_is_removed_after_a_better_one_is_written(
        tmp_path, monkeypatch, names):
    runner = make_runner(tmp_path, 1)
    hook, = (one for one in runner.hooks if isinstance(one, CheckpointHook))
    hook.__init__(
        interval=1, by_epoch=False, save_best=names, rule='greater')
    save_atomically(runner)
    hook.before_train(runner)
    found = []

    def save(out_dir, filename, *args, **kwargs):
        found.append(sorted(path.name for path in tmp_path.glob('best*')))
        Path(out_dir, filename).touch()

    monkeypatch.setattr(runner, 'save_checkpoint', save)
    for step, value in enumerate([1, 0, 2]):
        runner.train_loop._iter = step
        hook._save_best_checkpoint(runner, dict(a=value, b=0.5 + value))
    every = ['a'] if names == 'a' else ['a', 'b']
    assert found[len(every)] == [f'best_{one}_iter_0.pth' for one in every]
    assert sorted(path.name for path in tmp_path.glob('best*')) == [
        f'best_{one}_iter_2.pth' for one in every]
