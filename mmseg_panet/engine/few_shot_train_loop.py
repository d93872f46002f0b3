"""A training loop that resumes without loading earlier batches."""
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
    """The batches of a training, in order, without those before a resume.

    Args:
        loader (DataLoader): Data loader with an ``InfiniteSampler``, which
            has not been iterated over yet.
        trained (int): Number of batches that the training has already used.
            They are not loaded; None takes the place of each.
    """

    def __init__(self, loader: Any, trained: int) -> None:
        past = trained * loader.batch_size
        # The sampler's own iterator may have advanced already.
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
        """Skip ``num_iters`` of the batches that were used already."""
        self._past -= num_iters


@LOOPS.register_module()
class FewShotTrainLoop(IterBasedTrainLoop):
    """mmengine's ``IterBasedTrainLoop``, but with an immediate resume.

    An episode is a function of its index. A training that resumes at
    iteration n therefore needs the index of its next episode only, whereas
    mmengine 0.10.7 loads the n earlier batches again (mmengine #1520). The
    weights are bitwise equal to those of an uninterrupted training. With
    gradient accumulation, this holds if the checkpoint was saved at the end
    of an accumulation.

    Args:
        runner (Runner): The runner.
        dataloader (DataLoader | dict): Data loader of the training, with an
            ``InfiniteSampler``.
        **kwargs: Other arguments of mmengine's ``IterBasedTrainLoop``, such
            as ``max_iters`` and ``val_interval``.

    Raises:
        InputError: If the data loader has another sampler.
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
        # mmengine 0.10.7 starts the workers here, before the iteration of the
        # checkpoint is known. It gets a loader that loads nothing, whose own
        # generator leaves the global random state of torch unchanged.
        unused = DataLoader(loader.dataset, generator=torch.Generator())
        super().__init__(runner, unused, **kwargs)
        self.dataloader = loader

    def run(self) -> nn.Module:
        """Train, from the iteration of the checkpoint if there is one.

        Returns:
            nn.Module: The trained model.
        """
        self.dataloader_iterator = TrainBatches(self.dataloader, self.iter)
        return super().run()
