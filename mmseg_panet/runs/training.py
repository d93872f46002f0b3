"""Training of a config."""
import torch
from mmengine.config import Config
from mmengine.runner import Runner, find_latest_checkpoint

from ..errors import InputError
from .checkpoint import check_checkpoint

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
        check_checkpoint(runner.model, start)
    runner.train()
    return runner


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
    cfg.optim_wrapper.update(type='AmpOptimWrapper', dtype=dtype)
    cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
