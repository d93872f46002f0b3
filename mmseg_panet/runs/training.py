"""The training of a config."""
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmseg.registry import MODELS, RUNNERS

from ..config.build_errors import run_errors
from ..config.settings import remove_hooks
from ..engine import FiniteLossHook
from ..engine.atomic_checkpoints import save_atomically
from ..errors import InputError, RunError, error_context
from ..files import remove_partial
from ..locks import folder_lock, is_locked
from ..models.checkpoint_file import read_weights
from ..models.model_wrapper import unwrap_model
from ..models.precision import NOT_FINITE
from ..models.safe_loading import safe_loading
from ..registry import type_name
from ..write_errors import write_context
from .checkpoint import check_checkpoint, start_from
from .last_checkpoint import last_checkpoint
from .model_check import check_batches, check_method, check_segmentor

AMP_DTYPES = ('float16', 'bfloat16')
"""Dtypes of mixed precision."""


def train(cfg: Config, trust_checkpoint: bool = False) -> Runner:
    """Train a config with mmengine's Runner.

    The last line of the log has the path of the checkpoint and the command
    that tests it.

    Args:
        cfg (Config): Config with a ``work_dir``. Its ``load_from`` may be a
            checkpoint of the complete model or of the backbone only.
        trust_checkpoint (bool): Whether the checkpoints that are loaded may
            execute code, see :func:`safe_loading`. Defaults to False.

    Returns:
        Runner: Runner with the trained model.

    Raises:
        RunError: If the training diverges, see :class:`FiniteLossHook`.
        InputError: If a training with FSDP is to resume, if ``load_from``,
            or the checkpoint to resume from, is of another model, is
            incomplete, contains code or has weights that are not finite, if
            the model cannot be built or trained, or if
            another training writes to ``work_dir``.
        WriteError: If the disk is full or ``work_dir`` was removed.
    """
    with (folder_lock(cfg.work_dir, collective=True),
          write_context(cfg.work_dir), safe_loading(trust_checkpoint)):
        remove_partial(Path(cfg.work_dir), '.part-*', exclusive=is_locked(
            cfg.work_dir))
        runner = _train(cfg)
    _log_next_step(runner)
    return runner


def _train(cfg: Config) -> Runner:
    start = cfg.get('load_from')
    if cfg.get('resume'):
        _check_resumable(cfg)
        start = start or last_checkpoint(cfg.work_dir)
    if start is not None:
        weights = read_weights(start)
        if not cfg.get('resume'):
            start_from(cfg, start, weights)
    hooks = cfg.get('default_hooks') or {}
    is_checked = hooks.get('finite_loss', True) is not None
    remove_hooks(cfg)
    with run_errors(cfg):
        runner = RUNNERS.build(cfg) if 'runner_type' in cfg else (
            Runner.from_cfg(cfg))
        if isinstance(runner.model, dict):
            # A FlexibleRunner builds its model later.
            runner.model = MODELS.build(runner.model)
        if cfg.get('val_cfg'):
            check_segmentor(unwrap_model(runner.model))
        check_batches(unwrap_model(runner.model))
        check_method(unwrap_model(runner.model), trains=True)
        if is_checked and not any(
                isinstance(one, FiniteLossHook) for one in runner.hooks):
            runner.register_hook(FiniteLossHook())
        if start is not None:
            check_checkpoint(runner.model, start, weights)
        if isinstance(runner, Runner):  # not of a FlexibleRunner
            save_atomically(runner)
        _run(runner, start if cfg.get('resume') else None)
    return runner


def _run(runner: Runner, resumed: str | None) -> None:
    """Let a runner train, and explain two errors."""
    if resumed is not None:
        _explain_resume(runner, resumed)
    try:
        runner.train()  # It builds the data loaders and the optimizer.
    except InputError as error:
        if str(error) != NOT_FINITE:
            raise
        raise RunError(
            'expected finite features in the validation after iteration '
            f'{runner.iter}, got inf or nan, as the training diverges; start '
            'again with a lower optim_wrapper.optimizer.lr, or set '
            'optim_wrapper.clip_grad') from error


def _explain_resume(runner: Runner, start: str) -> None:
    """Let a runner say which checkpoint it cannot resume from."""
    resume = runner.load_or_resume

    def load_or_resume() -> None:
        with error_context(
                f'the checkpoint {start} lacks what a training resumes from',
                'give it as load_from instead, without --resume',
                (Exception,)):
            resume()

    runner.load_or_resume = load_or_resume


def _check_resumable(cfg: Config) -> None:
    strategy = cfg.get('strategy') or {}
    if 'FSDP' in type_name(strategy):
        # It passes torch's arguments in the order before torch 2.1.
        raise InputError(
            'expected a training that can be resumed, got the strategy '
            'FSDPStrategy, with which mmengine cannot load the state of the '
            'optimizer; train without --resume, or with DDPStrategy')


def _log_next_step(runner: Runner) -> None:
    """Log the path of the checkpoint and the command that tests it."""
    checkpoint = runner.message_hub.runtime_info.get('last_ckpt')
    is_folder = checkpoint and Path(checkpoint).is_dir()
    if checkpoint and runner.cfg.filename and not is_folder:
        # The Runner has written this config, which includes all flags.
        config = Path(runner.work_dir, Path(runner.cfg.filename).name)
        print_log(
            f'The checkpoint is {checkpoint}; score it on the novel classes '
            f'with: mmseg-panet test {config} {checkpoint}',
            logger='current')


def use_amp(cfg: Config, dtype: str = 'float16') -> None:
    """Let a config train in mixed precision; the head stays in float32.

    Args:
        cfg (Config): Config to change in place.
        dtype (str): Dtype of the computations of the backbone, one of
            ``AMP_DTYPES``. Defaults to 'float16'.

    Raises:
        InputError: If there is no GPU. mmengine's mixed precision needs one.
    """
    if not torch.cuda.is_available():
        raise InputError(
            '--amp needs a GPU, but none is available; train without --amp')
    cfg.optim_wrapper.update(type='AmpOptimWrapper', dtype=dtype)
    cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
