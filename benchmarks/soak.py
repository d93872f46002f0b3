"""Memory and file descriptors of long jobs, with all their processes."""
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import mmcv
import numpy as np
import torch
from mmengine.config import Config
from mmengine.hooks import Hook

from mmseg_panet.apis import FewShotInferencer
from mmseg_panet.datasets.toy.toy_dataset import (
    make_toy_dataset,
    make_toy_examples,
)
from mmseg_panet.inference.folder_job import segment_images
from mmseg_panet.inference.images.image_list import list_images
from mmseg_panet.wording import counted

from .inferencer import OF_RANDOM_WEIGHTS
from .row import Row
from .runners import build_runner, small_config

SAMPLES = 200
"""Samples of a job."""
WARM_UP = 0.1
"""Share of the samples that are left out, and that the end is the median of.

The end is compared with as many samples after the warm-up.
"""


class Usage(NamedTuple):
    """What a process and its descendants use together."""

    rss: int
    """Resident bytes; what processes share counts for each of them."""
    descriptors: int
    """Number of open file descriptors."""
    processes: int


def usage(pid: int | str = 'self') -> Usage:
    """Read what a process and its descendants use now, on Linux.

    Args:
        pid (int | str): Number of the process. Defaults to this one.
    """
    found, left = [], [Path(f'/proc/{pid}').resolve()]
    while left:
        process = left.pop()
        try:
            status = (process / 'status').read_text()
            descriptors = len(list((process / 'fd').iterdir()))
            children = [
                child for task in (process / 'task').iterdir()
                for child in (task / 'children').read_text().split()]
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it has just ended
        fields = dict(
            line.split(':', 1) for line in status.splitlines())
        if 'VmRSS' in fields:  # a zombie has none
            found.append(
                (1024 * int(fields['VmRSS'].split()[0]), descriptors))
        left += [process.parent / child for child in children]
    return Usage(*map(sum, zip(*found, strict=True)), len(found))


class Watch(Hook):
    """Samples the usage at every ``interval``-th step of a job.

    It is a hook for the iterations of a Runner; other jobs call :meth:`step`.
    """

    priority = 'VERY_LOW'

    def __init__(self, steps: int) -> None:
        self.interval = max(1, steps // SAMPLES)
        self.steps = 0
        self.samples: list[Usage] = []

    def step(self) -> None:
        """Count a step, and sample the usage if it is due."""
        self.steps += 1
        if not self.steps % self.interval:
            self.samples.append(usage())

    def after_train_iter(self, *args: Any, **kwargs: Any) -> None:
        """Count an iteration of the training."""
        self.step()

    def after_test_iter(self, *args: Any, **kwargs: Any) -> None:
        """Count an iteration of the test."""
        self.step()


def growth(job: str, size: str, samples: Sequence[Usage]) -> list[Row]:
    """Compare the end of a job with its beginning after the warm-up.

    The spread is that of all samples after the warm-up.

    Args:
        job (str): Name of the job.
        size (str): What it works on.
        samples (Sequence[Usage]): Usage during the job, in order.
    """
    part = max(1, round(WARM_UP * len(samples)))
    rss, opened, processes = zip(*samples[part:], strict=True)
    before, after = median(rss[:part]), median(rss[-part:])
    # Their number varies, as a batch in flight has some.
    first, last = median(opened[:part]), median(opened[-part:])
    percent = (
        100 * (one / before - 1) for one in (after, min(rss), max(rss)))
    more = (one - first for one in (last, min(opened), max(opened)))
    return [
        Row(f'growth of the memory of {job}', size,
            'resident bytes at the end / after the warm-up - 1', *percent,
            len(rss), unit='%', under=5,
            remark=f'{before / 1e6:.0f} MB in '
            f'{counted(max(processes), "process", "processes")}, '
            f'{(after - before) / 1e6:+.1f} MB'),
        Row(f'growth of the descriptors of {job}', size,
            'open at the end - after the warm-up', *more, len(rss), unit='',
            under=1, remark=f'{first:.0f} open')]


def measure_training(work_dir: Path, iterations: int = 5000) -> list[Row]:
    """Train, with checkpoints and validations from the warm-up on."""
    cfg = _with_workers(small_config(work_dir))
    every = max(1, round(WARM_UP * iterations / 2))
    cfg.train_cfg.update(max_iters=iterations, val_interval=every)
    cfg.val_dataloader.dataset.num_episodes = 20
    cfg.default_hooks.checkpoint.interval = every
    watch = Watch(iterations)
    with tempfile.TemporaryDirectory() as folder:
        runner = build_runner(cfg, 'soak-training', Path(folder))
        runner.register_hook(watch)
        runner.train()
    return growth(
        'a training', f'toy data, {iterations} iterations, 2 workers',
        watch.samples)


def measure_evaluation(work_dir: Path, reuse: bool,
                       episodes: int = 20000, tests: int = 40) -> list[Row]:
    """Test all episodes one by one, or in many tests by images."""
    cfg = _with_workers(small_config(work_dir))
    cfg.test_cfg.reuse_features = reuse
    tests = tests if reuse else 1
    cfg.test_dataloader.dataset.num_episodes = episodes // tests
    batches = -(-episodes // cfg.test_dataloader.batch_size)
    watch = Watch(tests if reuse else batches)
    with tempfile.TemporaryDirectory() as folder:
        runner = build_runner(cfg, f'soak-reuse-{reuse}', Path(folder))
        runner.model.init_weights()
        runner.call_hook('before_run')
        if not reuse:
            runner.register_hook(watch)
        for _ in range(tests):
            runner.test_loop.run()
            if reuse:
                watch.step()
    size = f'{tests} x {episodes // tests} episodes' if reuse else (
        f'{episodes} episodes, one by one')
    return growth('a test', f'toy data, {size}, 2 workers', watch.samples)


def measure_inferencer(work_dir: Path, device: torch.device,
                       images: int = 2000) -> list[Row]:
    """Segment a folder into files, and as many images call by call."""
    root = make_toy_dataset(
        work_dir / f'toy-{images}', num_images=images, size=128, seed=0)
    make_toy_examples(work_dir / 'toy_examples', size=128)
    watch, calls = Watch(images), Watch(images)

    class Watched(FewShotInferencer):
        def predict(self, *args: Any, **kwargs: Any) -> list:
            watch.step()
            return super().predict(*args, **kwargs)

    inferencer = Watched(
        OF_RANDOM_WEIGHTS, None, str(device), show_progress=False)
    inferencer.fit(work_dir / 'toy_examples/examples')
    watch.steps = 0
    watch.samples.clear()
    with tempfile.TemporaryDirectory() as folder:
        items = list_images(root / 'JPEGImages', folder)
        segment_images(inferencer, items, folder, overlay=True, csv=True,
                       show_progress=False)
    samples = watch.samples.copy()
    image: np.ndarray = mmcv.imread(items[0].path)
    for _ in range(images):
        inferencer(image)
        calls.step()
    return [
        *growth('a folder job', f'{images} toy images', samples),
        *growth('a running inferencer', f'{images} calls', calls.samples)]


def _with_workers(cfg: Config) -> Config:
    for name in ('train', 'val', 'test'):
        cfg[f'{name}_dataloader'].num_workers = 2
    return cfg
