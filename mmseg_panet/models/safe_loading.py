"""Loading of checkpoints without executing the code that they contain."""
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from mmengine.runner import CheckpointLoader
from torch import Tensor

from ..errors import InputError
from ..wording import counted
from . import restricted_pickle
from .finite_weights import is_finite_or_mask
from .restricted_pickle import ForbiddenNameError

_TRUST = (
    '; if you trust its source, give --trust-checkpoint, or in Python '
    'trust_checkpoint=True')

_trusted: ContextVar[bool | None] = ContextVar('trusted', default=None)
"""Whether the block of :func:`safe_loading` trusts files; None outside."""
_restricted: ContextVar[bool | None] = ContextVar('restricted', default=None)
"""Whether the file that mmengine is loading is restricted; None if none is."""
_lock = threading.Lock()
_originals: list[Any] = []
_blocks = 0
"""Number of active blocks of :func:`safe_loading`, in all threads."""


@contextmanager
def safe_loading(trusted: bool | None = None) -> Iterator[None]:
    """Let mmengine load checkpoints safely in a block.

    mmengine executes the code that a checkpoint may contain. In the block,
    ``CheckpointLoader``, by which all parts of mmengine, mmseg and mmpretrain
    load weights, accepts tensors, plain values and what mmengine itself saves
    only. Whether or not files are trusted, weights must be finite. Other
    threads are not affected.

    Args:
        trusted (bool, optional): Whether files are trusted, so that they may
            execute code. Defaults to None: as in the surrounding block, or
            else False.

    Raises:
        InputError: By the ``CheckpointLoader``, if a file contains other
            objects or non-finite weights.
    """
    if trusted is None:
        trusted = bool(_trusted.get())
    _replace_loaders()
    token = _trusted.set(trusted)
    try:
        yield
    finally:
        _trusted.reset(token)
        _restore_loaders()


def _replace_loaders() -> None:
    global _blocks
    with _lock:
        if not _blocks:
            _originals[:] = torch.load, vars(CheckpointLoader)[
                'load_checkpoint']
            torch.load = _load
            CheckpointLoader.load_checkpoint = staticmethod(_load_checkpoint)
        _blocks += 1


def _restore_loaders() -> None:
    global _blocks
    with _lock:
        _blocks -= 1
        if not _blocks:
            torch.load, CheckpointLoader.load_checkpoint = _originals


def _load_checkpoint(filename: str, map_location: Any = None,
                     logger: Any = 'current') -> Any:
    """Load a file as ``CheckpointLoader.load_checkpoint`` does."""
    load = _originals[1].__get__(None, CheckpointLoader)
    trusted = _trusted.get()
    if trusted is None:
        return load(filename, map_location, logger)
    token = _restricted.set(not trusted)
    try:
        content = load(filename, map_location, logger)
    except ForbiddenNameError as error:
        raise InputError(
            f'the checkpoint {filename} contains {str(error)!r}, which can '
            'execute code: expected tensors, plain values and what mmengine '
            f'saves{_TRUST}') from error
    finally:
        _restricted.reset(token)
    if isinstance(content, Mapping):
        meta = content.get('meta')
        if not trusted and isinstance(meta, dict):
            # mmengine's Runner would execute this config on resuming.
            meta.pop('config', None)
        _require_finite(content.get('state_dict', content), filename)
    return content


def _load(f: Any, map_location: Any = None, pickle_module: Any = None,
          **settings: Any) -> Any:
    """Load a file as ``torch.load`` does."""
    load, restricted = _originals[0], _restricted.get()
    if restricted is not None:
        settings['weights_only'] = False
        pickle_module = None
    if restricted:
        pickle_module = restricted_pickle
        if _is_program(f):
            raise ForbiddenNameError('a TorchScript program')
    return load(f, map_location, pickle_module, **settings)


def _is_program(f: Any) -> bool:
    """Return whether ``torch.load`` would pass a file to ``torch.jit``."""
    try:
        reader = torch._C.PyTorchFileReader(
            f if hasattr(f, 'read') else os.fspath(f))
        return 'constants.pkl' in reader.get_all_records()
    except RuntimeError:  # no zip file
        return False
    finally:
        if hasattr(f, 'seek'):
            f.seek(0)


def _require_finite(weights: Any, source: str) -> None:
    """Check that weights are finite, except for masks.

    Args:
        weights (Any): Tensors by their keys; other values are skipped.
        source (str): Name of the file, for the message.

    Raises:
        InputError: If a tensor is not finite, see
            :func:`is_finite_or_mask`.
    """
    if not isinstance(weights, Mapping):
        return
    tensors = {key: value for key, value in weights.items()
               if isinstance(value, Tensor) and value.is_floating_point()}
    faulty = [key for key, value in tensors.items()
              if not is_finite_or_mask(value)]
    if faulty:
        first = tensors[faulty[0]]
        number = int((~torch.isfinite(first)).sum())
        others = f' and in {counted(len(faulty) - 1, "other tensor")}' * (
            len(faulty) > 1)
        raise InputError(
            f'the checkpoint {source} has weights that are not finite: '
            f'{counted(number, "value")} of {first.numel()} in '
            f"'{faulty[0]}'{others}; use a checkpoint from before the "
            'training diverged')
