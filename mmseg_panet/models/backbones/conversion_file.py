"""Files of backbones, converted from the layout of another library."""
import pickle
from pathlib import Path
from typing import Any

import torch
from mmseg.registry import MODELS

from ...errors import InputError
from ...files import atomic_path
from .conversion import Conversion, convert_backbone


def convert_file(source: str, target: str) -> Conversion:
    """Convert the weights of a backbone from one file to another.

    Args:
        source (str): A checkpoint of tensors.
        target (str): The checkpoint to write; its folder is made. Nothing
            is written unless the weights load into the backbone.

    Returns:
        Conversion: What was written.

    Raises:
        InputError: If the source cannot be read, its layout is unknown, or
            the target cannot be written.
    """
    conversion = convert_backbone(_read(source), source)
    MODELS.build(conversion.backbone).load_state_dict(
        conversion.state_dict, strict=True)
    _write(conversion.state_dict, target)
    return conversion


def _read(path: str) -> Any:
    """Load a checkpoint of tensors without running code of its pickle."""
    try:
        return torch.load(path, map_location='cpu', weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f'{path} is not there; download it, or correct the '
                         'path') from error
    except pickle.UnpicklingError as error:
        raise InputError(
            f'{path} is no checkpoint of tensors only, as '
            "torch.load(weights_only=True) demands; save the model's "
            'state_dict() alone where you trust the file, or name a training '
            "checkpoint of mmengine's in init_cfg with prefix='backbone', "
            'which needs no conversion') from error
    # Unpickling what is no pickle raises any type, KeyError among them.
    except Exception as error:
        reason = f'{type(error).__name__}: {error}'.splitlines()[0]
        raise InputError(f'{path} cannot be read as a checkpoint ({reason}); '
                         'download it again') from error


def _write(state_dict: dict[str, torch.Tensor], path: str) -> None:
    """Write a checkpoint in one step; a failure leaves nothing of it."""
    try:
        with atomic_path(Path(path)) as part, part.open('wb') as file:
            torch.save(state_dict, file)
    except (OSError, RuntimeError) as error:  # torch's writer: RuntimeError
        reason = f'{type(error).__name__}: {error}'.splitlines()[0]
        raise InputError(f'{path} cannot be written ({reason}); choose '
                         'another place') from error
