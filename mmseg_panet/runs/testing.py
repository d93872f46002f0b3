"""Training and few-shot testing of a config."""
import json
import math
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner, find_latest_checkpoint
from torch import nn

from ..config.support_annotation import support_annotation
from ..errors import InputError
from ..files import write_whole
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

AMP_DTYPES = ('float16', 'bfloat16')


def train(cfg: Config) -> Runner:
    """Train a config with mmengine's Runner.

    Args:
        cfg (Config): With ``work_dir``.

    Returns:
        Runner: After the training.

    Raises:
        InputError: If it is to start from a checkpoint of another model.
    """
    runner = Runner.from_cfg(cfg)
    start = cfg.get('load_from')
    if start is None and cfg.get('resume'):
        start = find_latest_checkpoint(cfg.work_dir)
    if start is not None:
        check_checkpoint(_bare(runner.model), start)
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
    digest = checkpoint and sha256(checkpoint)
    cfg.load_from = checkpoint
    runner = Runner.from_cfg(cfg)
    if checkpoint is None:
        _bare(runner.model).init_weights()
    else:
        check_checkpoint(_bare(runner.model), checkpoint)
    metrics = runner.test()
    dataset = runner.test_dataloader.dataset
    setting = cfg.test_dataloader.dataset
    return {
        **metrics,
        **dataset.header,
        'support_annotation': support_annotation(cfg),
        'support_pipeline': setting.support_pipeline,
        'query_pipeline': setting.query_pipeline,
        'count_absent': few_shot_metric(cfg).get('count_absent', True),
        'test_cfg': cfg.model.get('test_cfg'),
        'checkpoint_sha256': digest,
        'manifest_sha256': dataset.manifest_sha256(),
        'versions': _versions(),
    }


def few_shot_metric(cfg: Config) -> dict:
    """The setting of the ``FewShotIoUMetric`` of a test.

    Raises:
        InputError: If the config has none.
    """
    evaluator = cfg.get('test_evaluator') or ()
    metrics = [evaluator] if isinstance(evaluator, dict) else evaluator
    for metric in metrics:
        if metric['type'] == 'FewShotIoUMetric':
            return metric
    raise InputError(
        "expected a dict(type='FewShotIoUMetric') as test_evaluator of "
        f'{cfg.filename}, got {evaluator}')


def write_result(result: dict, path: str | Path) -> None:
    """Write a result as JSON, whole or not at all, by the main process.

    Args:
        result (dict): As :func:`test` returns it. A class that was never
            drawn has no IoU: null.
        path (str | Path): The file, see
            :func:`mmseg_panet.files.prepare_output`.
    """
    if not is_main_process():
        return
    text = json.dumps(_without_nan(result), indent=2) + '\n'
    write_whole(Path(path), text.encode())


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


def use_amp(cfg: Config, dtype: str = 'float16') -> None:
    """Train in mixed precision; the head stays in float32.

    Args:
        cfg (Config): Changed in place.
        dtype (str): Of the backbone's computation, one of ``AMP_DTYPES``.
            Defaults to 'float16'.

    Raises:
        InputError: Without a GPU, where mmengine has none.
    """
    if not torch.cuda.is_available():
        raise InputError('--amp needs a GPU, got none; train without it')
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    cfg.optim_wrapper.dtype = dtype
    cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')


def _bare(model: nn.Module) -> Any:
    """The model without what distributes it."""
    return model.module if is_model_wrapper(model) else model


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
