"""The start of a run that is resumed from a checkpoint."""
import gc
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from mmengine.config import Config

from .row import Row
from .runners import IterationEnds, build_runner, small_config, training_only
from .timing import in_turn, medians, ratio_of


def measure(work_dir: Path, late: int = 30000) -> list[Row]:
    """Time from ``train()`` to the end of the first iteration."""
    cfg = small_config(work_dir)
    with tempfile.TemporaryDirectory() as folder:
        saved = _save(cfg, Path(folder), (0, late))
        seconds = in_turn({
            f'at {iteration}': _start(cfg, Path(folder), path, iteration)
            for iteration, path in saved.items()})
    early, later = seconds.values()
    return [Row(
        'start of a resumed run',
        'ResNet-18 of 8 to 32 channels, toy data, batch 4',
        f'at iteration {late} / at 0', *ratio_of(later, early), len(early),
        under=1.2, seconds=medians(seconds))]


def _save(cfg: Config, folder: Path,
          iterations: tuple[int, ...]) -> dict[int, Path]:
    """Save checkpoints that claim to be of these iterations."""
    cfg = Config(cfg.to_dict())
    training_only(cfg, 1)
    runner = build_runner(cfg, 'first', folder)
    runner.train()
    runner.save_checkpoint(str(folder), 'first.pth', by_epoch=False)
    checkpoint = torch.load(  # nosec B614
        folder / 'first.pth', weights_only=False)
    paths = {}
    for iteration in iterations:
        checkpoint['meta']['iter'] = iteration
        paths[iteration] = folder / f'iter_{iteration}.pth'
        torch.save(checkpoint, paths[iteration])
    return paths


def _start(cfg: Config, folder: Path, checkpoint: Path,
           iteration: int) -> Callable[[], float]:
    cfg = Config(cfg.to_dict())
    training_only(cfg, iteration + 1)
    cfg.update(load_from=str(checkpoint), resume=True)
    started = 0

    def seconds() -> float:
        nonlocal started
        started += 1
        runner = build_runner(cfg, f'at-{iteration}-{started}', folder)
        ends = IterationEnds()
        runner.register_hook(ends)
        start = time.perf_counter()
        runner.train()
        # Its workers end with it: now, and not while the next one is timed.
        del runner
        gc.collect()
        return ends.times[0] - start

    return seconds
