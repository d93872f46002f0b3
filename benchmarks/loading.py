"""The share of a training step that waits for data."""
import tempfile
from pathlib import Path

import numpy as np

from .row import Row
from .runners import build_runner, msrc_config, training_only


def measure(data: Path, work_dir: Path, iterations: int = 40,
            stretches: int = 5, skipped: int = 5) -> list[Row]:
    """Train, and read the times of mmengine's ``IterTimerHook``.

    The first iterations are skipped; the spread is that of equal stretches.
    """
    cfg, name = msrc_config(data, work_dir)
    training_only(cfg, skipped + iterations)
    cfg.train_dataloader.num_workers = 2
    with tempfile.TemporaryDirectory() as folder:
        runner = build_runner(cfg, 'loading', Path(folder))
        runner.train()
    waited, taken = (
        np.reshape(
            runner.message_hub.get_scalar(f'train/{key}').data[0][skipped:],
            (stretches, -1)).sum(1)
        for key in ('data_time', 'time'))
    shares = 100 * waited / taken
    return [Row(
        "a step's wait for data",
        f'{name}, ResNet-18, {cfg.train_dataloader.batch_size} episodes of '
        f'{cfg.num_ways}-way {cfg.num_shots}-shot, 2 workers',
        'waiting / step', 100 * waited.sum() / taken.sum(), shares.min(),
        shares.max(), stretches, unit='%', under=3,
        seconds={'wait': waited.sum() / iterations,
                 'step': taken.sum() / iterations},
        remark=f'a round is {iterations // stretches} iterations')]
