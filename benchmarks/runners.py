"""Real Runners, for measurements of more than a step."""
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
    """Records when each iteration has ended."""

    priority = 'VERY_HIGH'

    def __init__(self) -> None:
        self.times: list[float] = []

    def after_train_iter(self, *args: object, **kwargs: object) -> None:
        """Record the time before the other hooks log and save."""
        self.times.append(time.perf_counter())

    def after_test_iter(self, *args: object, **kwargs: object) -> None:
        """Record the time, as in training."""
        self.times.append(time.perf_counter())


def msrc_config(data: Path, work_dir: Path) -> tuple[Config, str]:
    """Make a config of MSRC-7i, or of toy data if there is none."""
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
    """Make the demo's config on toy data, which is made if it is missing."""
    cfg = read_config('panet_r18-d8_1xb4-800iters_toy3i-128x128')
    root = make_toy_dataset(
        work_dir / 'toy', num_images=600, size=128, seed=0)
    apply_settings(cfg, data_root=str(root))
    return cfg


def small_config(work_dir: Path) -> Config:
    """Make the toy config with a network whose time does not matter."""
    cfg = toy_config(work_dir)
    cfg.model.backbone.update(base_channels=8, stem_channels=8)
    cfg.model.decode_head.in_channels = 32
    return cfg


def build_runner(cfg: Config, name: str, work_dir: Path) -> Runner:
    """Build a Runner without pictures; its name must be unique."""
    cfg = Config(cfg.to_dict())
    cfg.work_dir = str(work_dir / name)
    cfg.experiment_name = cfg.visualizer.name = name
    cfg.log_level = 'WARNING'
    cfg.default_hooks.pop('visualization')
    return Runner.from_cfg(cfg)


def training_only(cfg: Config, max_iters: int) -> None:
    """Make a config train for some iterations, without validation."""
    cfg.train_cfg.max_iters = max_iters
    cfg.train_cfg.val_interval = max_iters + 1
    for name in ('val_cfg', 'val_dataloader', 'val_evaluator', 'test_cfg',
                 'test_dataloader', 'test_evaluator'):
        cfg[name] = None
