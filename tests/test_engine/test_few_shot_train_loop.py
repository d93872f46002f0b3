from types import SimpleNamespace

import pytest
import torch
from mmengine.dataset import DefaultSampler, InfiniteSampler
from mmengine.model import BaseModel
from mmengine.runner import IterBasedTrainLoop, Runner, loops
from torch import nn
from torch.utils.data import DataLoader

from mmseg_panet.engine import FewShotTrainLoop
from mmseg_panet.engine.few_shot_train_loop import TrainBatches
from mmseg_panet.errors import InputError


class LoggedEpisodes:
    """A data set of numbers that records the loaded ones in a file."""

    def __init__(self, log, size=1000):
        self.log, self.size = log, size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        with open(self.log, 'a') as file:
            file.write(f'{index}\n')
        return index


class Model(BaseModel):
    """A model that keeps the batches that it is trained on."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.seen = []

    def forward(self, inputs, mode):
        self.seen.append(inputs.tolist())
        return dict(loss=self.weight * inputs.float().mean())


def collate(items):
    return dict(inputs=torch.tensor(items))


def train(folder, max_iters, workers, resume=False):
    """Train in batches of 3; return the batches and the numbers loaded."""
    log = folder / f'loaded_{max_iters}.txt'
    runner = Runner(
        model=Model(),
        work_dir=str(folder),
        train_dataloader=dict(
            batch_size=3, num_workers=workers,
            persistent_workers=workers > 0, collate_fn=collate,
            sampler=dict(type='InfiniteSampler', shuffle=False),
            dataset=LoggedEpisodes(log)),
        train_cfg=dict(type='FewShotTrainLoop', max_iters=max_iters),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        default_hooks=dict(checkpoint=dict(
            type='CheckpointHook', by_epoch=False, interval=max_iters)),
        resume=resume,
        default_scope='mmseg',
        experiment_name=f'{folder.name}_{max_iters}')
    runner.train()
    return runner.model.seen, {int(n) for n in log.read_text().split()}


@pytest.fixture(params=['installed', '0.10.7'])
def _mmengine(request, monkeypatch):
    """Test with mmengine as installed, and with the behaviour of 0.10.7."""
    if request.param == 'installed':
        return

    class Eager:

        def __init__(self, dataloader):
            iter(dataloader)

    def run(loop):
        loop.runner.call_hook('before_train')
        loop.runner.call_hook('before_train_epoch')
        for _ in range(loop._iter):
            next(loop.dataloader_iterator)
        while loop._iter < loop._max_iters:
            loop.run_iter(next(loop.dataloader_iterator))

    monkeypatch.setattr(loops, '_InfiniteDataloaderIterator', Eager)
    monkeypatch.setattr(IterBasedTrainLoop, 'run', run)


@pytest.mark.usefixtures('_mmengine')
@pytest.mark.parametrize('workers', [0, 2])
def test_a_resumed_training_loads_only_what_comes_after(tmp_path, workers):
    before, _ = train(tmp_path, 2, workers)
    after, loaded = train(tmp_path, 4, workers, resume=True)
    assert before == [[0, 1, 2], [3, 4, 5]]
    assert after == [[6, 7, 8], [9, 10, 11]]
    assert min(loaded) == 6
    # Workers prefetch; without them, only the used batches are loaded.
    assert loaded == set(range(6, 12)) or (workers and len(loaded) > 6)


@pytest.mark.parametrize('shuffle', [False, True])
def test_every_process_resumes_with_its_own_episodes(monkeypatch, shuffle):
    def batches(rank, trained):
        monkeypatch.setattr(
            'mmengine.dataset.sampler.get_dist_info', lambda: (rank, 2))
        loader = DataLoader(
            range(10), batch_size=3, collate_fn=list,
            sampler=InfiniteSampler(range(10), shuffle=shuffle, seed=5))
        found = TrainBatches(loader, trained)
        return [next(found) for _ in range(8)]

    first, second = (batches(rank, trained=0) for rank in (0, 1))
    if not shuffle:
        # Each process gets every other one of the ten, repeatedly.
        assert first[:2] == [[0, 2, 4], [6, 8, 0]]
        assert second[:2] == [[1, 3, 5], [7, 9, 1]]
    for rank, never_stopped in enumerate((first, second)):
        assert batches(rank, trained=5) == [None] * 5 + never_stopped[5:]


def test_another_sampler_is_refused_in_one_sentence():
    loader = DataLoader(
        range(10), batch_size=3, sampler=DefaultSampler(range(10)))
    with pytest.raises(InputError, match='got a DefaultSampler; set sampler='):
        FewShotTrainLoop(SimpleNamespace(), loader, max_iters=1)
