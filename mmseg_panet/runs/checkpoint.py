"""The checkpoint from which a run starts."""
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmengine.config import Config
from torch import nn

from ..config.settings import leave_timm_out, set_pretrained
from ..deprecation import renamed
from ..errors import InputError
from ..models.checkpoint_file import read_checkpoint
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


def check_trained_classes(path: str, base: Sequence[str],
                          novel: Sequence[str]) -> None:
    """Refuse a checkpoint of a closed-set model of other classes.

    Args:
        path (str): Path or URL of the checkpoint, which may record its
            classes.
        base (Sequence[str]): Names of the base classes, by label from 1.
        novel (Sequence[str]): Names of the novel classes.

    Raises:
        InputError: If it was trained on a novel class, or if a base class
            has another label.
    """
    content = read_checkpoint(path)
    meta = content.get('meta') if isinstance(content, Mapping) else None
    found = (meta or {}).get('dataset_meta') or {}
    wanted = ['background', *base]
    for label, name in enumerate(found.get('classes') or ()):
        if name in novel or name in wanted and wanted.index(name) != label:
            raise InputError(
                f'expected a checkpoint of the base classes {list(base)} of '
                f'the fold, got {path} of {list(found["classes"])}; give the '
                'fold of its training with --fold, or another checkpoint')


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
