"""Checkpoints of complete models."""
import hashlib
from pathlib import Path
from typing import Any

from mmengine.model import is_model_wrapper
from torch import nn

from ..errors import InputError
from ..models.pretrained import read_weights, require_fit


def bare(model: nn.Module) -> Any:
    """The model without what distributes it."""
    return model.module if is_model_wrapper(model) else model


def check_checkpoint(model: nn.Module, path: str) -> None:
    """Refuse a checkpoint that is not of a model.

    mmengine would load what fits, warn about the rest and go on.

    Args:
        model (nn.Module): The model it is meant for, distributed or not.
        path (str): A file or an address that mmengine's Runner takes.

    Raises:
        InputError: If the file is missing or unreadable, or a weight of the
            model is missing or has another shape.
    """
    require_fit(
        read_weights(path), bare(model).state_dict(), path,
        "the config's model",
        'give the config it was trained with, which lies in its work dir')


def sha256(path: str | Path) -> str:
    """SHA-256 of a checkpoint, as hexadecimal digits.

    Raises:
        InputError: If it is no file.
    """
    if not Path(path).is_file():
        raise InputError(
            f'the checkpoint {path} is no file; give one of `mmseg-panet '
            'train`')
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
