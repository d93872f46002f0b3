"""Real Runners, for what is more than a step."""
import time
from pathlib import Path

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmseg_panet.config.config_file import read_config
from mmseg_panet.config.settings import apply_settings
from mmseg_panet.datasets import make_toy_dataset

WEIGHTS = 'weights/resnet18_torchvision_stages1-3_bncalib.pth'


class IterationEnds(Hook):
    """Notes when each iteration has ended."""

    priority = 'VERY_HIGH'

    def __init__(self) -> None:
        self.times: list[float] = []

    def after_train_iter(self, *args: object, **kwargs: object) -> None:
        """Before the other hooks log and save."""
        self.times.append(time.perf_counter())

    def after_test_iter(self, *args: object, **kwargs: object) -> None:
        """As in training."""
        self.times.append(time.perf_counter())


def msrc_config(data: Path, work_dir: Path) -> tuple[Config, str]:
    """MSRC-7i, or toy data where ``data`` has none, and what they are."""
    if not (data / 'msrc_v2').is_dir():
        return toy_config(work_dir), f'toy data: no {data}/msrc_v2'
    cfg = read_config('panet_r18-d8_1xb4-600iters_msrc7i-225x225')
    weights = data / WEIGHTS
    cfg.model.backbone.init_cfg = None
    apply_settings(
        cfg, fold=0, data_root=str(data / 'msrc_v2'),
        pretrained=str(weights) if weights.is_file() else None)
    return cfg, 'MSRC-7i, fold 0'


def toy_config(work_dir: Path) -> Config:
    """The demo's config on toy data, drawn if need be."""
    cfg = read_config('panet_r18-d8_1xb4-800iters_toy3i-128x128')
    root = make_toy_dataset(
        work_dir / 'toy', num_images=600, size=128, seed=0)
    apply_settings(cfg, data_root=str(root))
    return cfg


def build_runner(cfg: Config, name: str, work_dir: Path) -> Runner:
    """A Runner without pictures; no two of a process may share a name."""
    cfg = Config(cfg.to_dict())
    cfg.work_dir = str(work_dir / name)
    cfg.experiment_name = cfg.visualizer.name = name
    cfg.log_level = 'WARNING'
    cfg.default_hooks.pop('visualization')
    return Runner.from_cfg(cfg)


def training_only(cfg: Config, max_iters: int) -> None:
    """Make a config train so many iterations, without validation."""
    cfg.train_cfg.max_iters = max_iters
    cfg.train_cfg.val_interval = max_iters + 1
    for name in ('val_cfg', 'val_dataloader', 'val_evaluator', 'test_cfg',
                 'test_dataloader', 'test_evaluator'):
        cfg[name] = None
