"""Training and few-shot testing of a config."""
import json
import math
import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from ..errors import InputError
from ..version import __version__
from .checkpoint import check_checkpoint, sha256

_STACK = {
    'torch': ('torch',),
    'numpy': ('numpy',),
    'opencv-python': ('opencv-python',),
    'mmengine': ('onedl-mmengine', 'mmengine'),
    'mmcv': ('onedl-mmcv', 'mmcv'),
    'mmsegmentation': ('onedl-mmsegmentation', 'mmsegmentation'),
}
"""What a figure depends on, and under which names it may be installed."""


def train(cfg: Config) -> Runner:
    """Train a config with mmengine's Runner.

    Args:
        cfg (Config): With ``work_dir``.

    Returns:
        Runner: After the training.
    """
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def test(cfg: Config, checkpoint: str | None) -> dict:
    """Score a model on the episodes of ``cfg.test_dataloader``.

    Args:
        cfg (Config): With ``work_dir``.
        checkpoint (str, optional): Of the whole model; None scores it as it
            is before training, its backbone's pretrained weights loaded.

    Returns:
        dict: The result, as ``tools/test.py --out`` writes it: ``mIoU``,
        ``FB-IoU``, ``per_class`` and ``std`` in percent, and what they were
        measured on and with.

    Raises:
        InputError: If the checkpoint is not of the config's model.
    """
    cfg.load_from = checkpoint
    runner = Runner.from_cfg(cfg)
    model = runner.model
    model = model.module if is_model_wrapper(model) else model
    if checkpoint is None:
        model.init_weights()
    else:
        check_checkpoint(model, checkpoint)
    metrics = runner.test()
    dataset = runner.test_dataloader.dataset
    return {
        **metrics,
        'num_ways': dataset.num_ways,
        'num_shots': dataset.num_shots,
        'num_queries': dataset.num_queries,
        'num_episodes': dataset.num_episodes,
        'folds': dataset.folds,
        'fold': dataset.fold,
        'classes': dataset.class_names,
        'dataset': type(dataset.dataset).__name__,
        'seeds': [
            dataset.episodes_seed + run for run in range(dataset.num_runs)],
        'checkpoint_sha256': checkpoint and sha256(checkpoint),
        'episodes_sha256': dataset.episodes_sha256(),
        'versions': _versions(),
    }


def write_result(result: dict, path: str | Path) -> None:
    """Write a result as JSON, whole or not at all, by the main process.

    Args:
        result (dict): As :func:`test` returns it. A class that was never
            drawn has no IoU: null.
        path (str | Path): The file; its folder is made.
    """
    if not is_main_process():
        return
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f'{path.name}.part')
    part.write_text(json.dumps(_without_nan(result), indent=2) + '\n')
    os.replace(part, path)


def join_processes(cfg: Config) -> None:
    """Let processes without a GPU work together, through gloo.

    mmengine would give each a CUDA device, in its process group and in its
    model wrapper; what already stands it leaves alone.
    """
    if cfg.launcher == 'pytorch' and not torch.cuda.is_available():
        torch.distributed.init_process_group('gloo')
        cfg.model_wrapper_cfg = dict(
            type='MMDistributedDataParallel', device_ids=None,
            broadcast_buffers=False)


def use_amp(cfg: Config) -> None:
    """Train in mixed precision.

    Raises:
        InputError: Without a GPU, where mmengine has none.
    """
    if not torch.cuda.is_available():
        raise InputError('--amp needs a GPU, got none; train without it')
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')


def _without_nan(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _versions() -> dict[str, str]:
    found = {'mmseg_panet': __version__}
    for package, names in _STACK.items():
        for name in names:
            try:
                found[package] = version(name)
                break
            except PackageNotFoundError:
                continue
    return found
