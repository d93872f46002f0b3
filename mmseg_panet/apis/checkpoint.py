"""Checkpoints: are they of this model, and which file is it?"""
import hashlib
from pathlib import Path

from torch import nn

from ..models.pretrained import read_weights, require_fit


def check_checkpoint(model: nn.Module, path: str) -> None:
    """Refuse a checkpoint that is not of a model.

    mmengine would load what fits, warn about the rest and go on.

    Args:
        model (nn.Module): The model it is meant for.
        path (str): The checkpoint, as mmengine's Runner takes it.

    Raises:
        InputError: If the file is missing or unreadable, or a weight of the
            model is missing or has another shape.
    """
    require_fit(
        read_weights(path), model.state_dict(), path, "the config's model",
        'give the config it was trained with, which lies in its work dir')


def sha256(path: str | Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
