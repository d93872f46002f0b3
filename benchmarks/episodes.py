"""The evaluation of thousands of episodes."""
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.runner import Runner

from .row import Row
from .runners import IterationEnds, build_runner, msrc_config
from .timing import in_turn, medians, ratio_of, timed


def measure_reuse(data: Path, work_dir: Path, device: torch.device,
                  shots: int, at_least: float, runs: int = 5,
                  episodes: int = 1000, sample: int = 100) -> list[Row]:
    """Time all episodes by images, and a sample of them one by one."""
    cfg, name = msrc_config(data, work_dir)
    with tempfile.TemporaryDirectory() as folder:
        every = _runner(cfg, Path(folder), True, shots, runs, episodes)
        part = _runner(
            cfg, Path(folder), False, shots, runs, -(-sample // runs))
        seconds = in_turn({
            'episode by episode, scaled': _scaled(part, runs * episodes),
            'each image once': timed(every.test_loop.run, device),
        })
    by_one, at_once = seconds.values()
    return [Row(
        f'evaluation of {runs} runs x {episodes} episodes, {shots}-shot',
        f'{name}, ResNet-18', 'episode by episode / each image once',
        *ratio_of(by_one, at_once), len(at_once), at_least=at_least,
        seconds=medians(seconds),
        remark=f'episode by episode: {len(part.test_dataloader.dataset)} '
        'episodes timed, scaled')]


def measure_growth(data: Path, work_dir: Path, device: torch.device,
                   shots: int = 5, runs: int = 5,
                   episodes: tuple[int, int] = (1000, 10000)) -> list[Row]:
    """Time few and many episodes, each image once."""
    cfg, name = msrc_config(data, work_dir)
    with tempfile.TemporaryDirectory() as folder:
        seconds = in_turn({
            f'{number} a run': timed(
                _runner(cfg, Path(folder), True, shots, runs,
                        number).test_loop.run, device)
            for number in episodes})
    few, many = seconds.values()
    return [Row(
        'evaluation when episodes grow 10x', f'{name}, ResNet-18, '
        f'{shots}-shot, {runs} runs', f'{episodes[1]} a run / {episodes[0]}',
        *ratio_of(many, few), len(few), under=4, seconds=medians(seconds))]


def _runner(cfg: Config, folder: Path, reuse: bool, shots: int, runs: int,
            episodes: int) -> Runner:
    cfg = Config(cfg.to_dict())
    cfg.test_cfg = dict(type='FewShotTestLoop', reuse_features=reuse)
    cfg.test_dataloader.dataset.update(
        num_shots=shots, num_runs=runs, num_episodes=episodes)
    runner = build_runner(cfg, f'reuse-{reuse}-{episodes}', folder)
    runner.model.init_weights()
    runner.call_hook('before_run')
    return runner


def _scaled(runner: Runner, episodes: int) -> Callable[[], float]:
    """Scale the seconds of a sample to a number of episodes.

    The start of the loop and its summary are left out.
    """
    ends = IterationEnds()
    runner.register_hook(ends)

    def seconds() -> float:
        ends.times.clear()
        runner.test_loop.run()
        batches = len(ends.times) - 1
        taken = (ends.times[-1] - ends.times[0]) / batches
        return taken * episodes / runner.test_dataloader.batch_size

    return seconds
