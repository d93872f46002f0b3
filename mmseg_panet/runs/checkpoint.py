"""Checkpoints that a run starts from."""
import hashlib
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.model import is_model_wrapper
from torch import nn

from ..errors import InputError
from ..models.pretrained import fitting_part, is_of_backbone, read_weights


def bare(model: nn.Module) -> Any:
    """The model without what distributes it."""
    return model.module if is_model_wrapper(model) else model


def start_from(cfg: Config, path: str) -> bool:
    """Set the weights that a Runner of a config starts from.

    Args:
        cfg (Config): Changed in place: ``load_from`` is the checkpoint, or
            None where it is of the backbone alone, which then is what
            ``--pretrained`` names.
        path (str): A file or an address that mmengine's Runner takes.

    Returns:
        bool: Whether the checkpoint is of the backbone alone.

    Raises:
        InputError: If the file is missing or unreadable.
    """
    alone = is_of_backbone(read_weights(path)) and 'model' in cfg
    cfg.load_from = None if alone else path
    if alone:
        cfg.model.backbone.init_cfg = dict(type='Pretrained', checkpoint=path)
    return alone


def check_checkpoint(model: nn.Module, path: str) -> None:
    """Refuse a checkpoint that is not of a model.

    mmengine would load what fits, warn about the rest and go on.

    Args:
        model (nn.Module): The model it is meant for, distributed or not.
        path (str): A file or an address that mmengine's Runner takes.

    Raises:
        InputError: If the file is missing or unreadable, or a weight of the
            model (or of its backbone, see :func:`fitting_part`) is missing
            or has another shape.
    """
    fitting_part(bare(model), read_weights(path), path)


def sha256(path: str | Path) -> str:
    """SHA-256 of a checkpoint, as hexadecimal digits.

    Raises:
        InputError: If it is not a file.
    """
    if not Path(path).is_file():
        raise InputError(
            f'the checkpoint {path} is not a file; give one of `mmseg-panet '
            "train`, one of the backbone's weights, or 'none' for the model "
            'before training')
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
