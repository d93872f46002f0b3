"""A training loop that resumes without loading its past."""
from collections.abc import Iterator
from itertools import islice
from typing import Any

import torch
from mmengine.dataset import InfiniteSampler
from mmengine.runner import BaseLoop, IterBasedTrainLoop, Runner
from mmseg.registry import LOOPS
from torch import nn
from torch.utils.data import DataLoader

from ..errors import InputError


class TrainBatches:
    """The batches of a complete training, in order; its past is not loaded.

    Args:
        loader (DataLoader): Not started yet, with an ``InfiniteSampler``.
        trained (int): Number of first batches that were trained on before;
            they come as None.
    """

    def __init__(self, loader: Any, trained: int) -> None:
        past = trained * loader.batch_size
        # This process's share from the start, also where it has run before.
        loader.sampler.indices = islice(
            loader.sampler._indices_of_rank(), past, None)
        self._past = trained
        self._batches = iter(loader)

    def __iter__(self) -> Iterator[dict | None]:
        return self

    def __next__(self) -> dict | None:
        if self._past > 0:
            self._past -= 1
            return None
        return next(self._batches)

    def skip_iter(self, num_iters: int) -> None:
        """Leave out as many of the batches that were trained on before."""
        self._past -= num_iters


@LOOPS.register_module()
class FewShotTrainLoop(IterBasedTrainLoop):
    """mmengine's training by iterations, resumed at once.

    An episode is a function of its index, so a training that goes on at
    iteration n needs the index of its next episode and no episode before
    it; the weights are bitwise those of a training that never stopped (with
    gradient accumulation, if the checkpoint ends one).
    mmengine 0.10.7 loads all n batches again (mmengine #1520).

    Args:
        runner (Runner): The runner.
        dataloader (DataLoader | dict): With an ``InfiniteSampler``.
        **kwargs: Other arguments of mmengine's ``IterBasedTrainLoop``:
            ``max_iters``, ``val_interval`` and so on.

    Raises:
        InputError: If the loader has another sampler.
    """

    dataloader: DataLoader

    def __init__(self, runner: Runner, dataloader: DataLoader | dict,
                 **kwargs: Any) -> None:
        BaseLoop.__init__(self, runner, dataloader)
        loader = self.dataloader
        if not isinstance(loader.sampler, InfiniteSampler):
            raise InputError(
                'expected train_dataloader to have an InfiniteSampler, got a '
                f'{type(loader.sampler).__name__}; set sampler=dict(type='
                "'InfiniteSampler', shuffle=False), without a batch_sampler, "
                "or train_cfg.type='IterBasedTrainLoop'")
        # mmengine 0.10.7 starts the workers here, before it knows of the past.
        # A loader that is never asked, and takes no number of torch's.
        unused = DataLoader(loader.dataset, generator=torch.Generator())
        super().__init__(runner, unused, **kwargs)
        self.dataloader = loader

    def run(self) -> nn.Module:
        """Train from the iteration of the checkpoint, or from 0.

        Returns:
            nn.Module: The trained model.
        """
        self.dataloader_iterator = TrainBatches(self.dataloader, self.iter)
        return super().run()
