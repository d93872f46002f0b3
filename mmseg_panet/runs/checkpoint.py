"""The checkpoint from which a run starts."""
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmengine.config import Config
from torch import nn

from ..config.settings import leave_timm_out, set_pretrained
from ..deprecation import renamed
from ..errors import InputError
from ..models.model_wrapper import unwrap_model
from ..models.pretrained import fitting_part, is_of_backbone


def start_from(cfg: Config, path: str, weights: Mapping[str, Any]) -> bool:
    """Set the checkpoint from which a Runner starts.

    Args:
        cfg (Config): Config to change in place. A checkpoint of the complete
            model becomes ``load_from``. With a checkpoint of the backbone
            only, ``load_from`` is None and the checkpoint is set as with
            ``--pretrained``.
        path (str): Path or URL of the checkpoint, as for mmengine's Runner.
        weights (Mapping[str, Any]): Its weights, see
            :func:`mmseg_panet.models.checkpoint_file.read_weights`.

    Returns:
        bool: Whether the checkpoint is of the backbone only.
    """
    alone = is_of_backbone(weights) and 'model' in cfg
    cfg.load_from = None if alone else path
    if alone:
        set_pretrained(cfg, path, is_alone=True)
    elif isinstance(cfg.get('model'), dict):
        leave_timm_out(cfg.model.get('backbone') or {})
    return alone


def check_checkpoint(model: nn.Module, path: str,
                     weights: Mapping[str, Any]) -> None:
    """Refuse a checkpoint of another model.

    mmengine would load the weights that fit, warn about the others and
    continue.

    Args:
        model (nn.Module): Model for which the checkpoint is meant, with or
            without a wrapper.
        path (str): Path or URL of the checkpoint, for the message.
        weights (Mapping[str, Any]): Its weights, see
            :func:`mmseg_panet.models.checkpoint_file.read_weights`.

    Raises:
        InputError: If a weight of the model (or of its backbone, see
            :func:`fitting_part`) is missing or has another shape.
    """
    fitting_part(unwrap_model(model), weights, path)


def sha256(path: str | Path) -> str:
    """Compute the SHA-256 of a checkpoint, as hexadecimal digits.

    Raises:
        InputError: If the path is not a file.
    """
    if not Path(path).is_file():
        raise InputError(
            f'the checkpoint {path} is not a file; give a checkpoint of '
            '`mmseg-panet train` or of the backbone only, or '
            "'none' for the model before training")
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


if not TYPE_CHECKING:
    __getattr__ = renamed(__name__, {
        'bare': 'mmseg_panet.models.model_wrapper.unwrap_model'})
