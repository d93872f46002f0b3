"""Checkpoints: are they of this model, and which file is it?"""
import hashlib
from pathlib import Path

from mmengine.runner.checkpoint import CheckpointLoader
from torch import nn

from ..errors import InputError


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
    try:
        checkpoint = CheckpointLoader.load_checkpoint(path, 'cpu')
    except Exception as error:  # noqa: BLE001 a pickle can raise anything
        raise InputError(
            f'{path} could not be read as a checkpoint '
            f"({str(error).splitlines()[0]}); give a .pth file of "
            "tools/train.py, or 'none' for the untrained model") from error
    got = checkpoint.get('state_dict', checkpoint)
    for name, value in model.state_dict().items():
        name = name.removeprefix('module.')
        if name not in got:
            problem = f"it lacks '{name}'"
        elif got[name].shape != value.shape:
            problem = (
                f"its '{name}' has shape {tuple(got[name].shape)}, expected "
                f'{tuple(value.shape)}')
        else:
            continue
        raise InputError(
            f'{path} is a checkpoint of another model: {problem}; give the '
            'config it was trained with (it lies in its work_dir)')


def sha256(path: str | Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
