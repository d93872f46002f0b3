"""Conversion of backbone files from the layouts of other libraries."""
import pickle
from pathlib import Path
from typing import Any

import torch
from mmseg.registry import MODELS

from ...errors import InputError, WriteError
from ...files import atomic_path, prepare_output
from .conversion import Conversion, convert_backbone


def convert_file(source: str, target: str) -> Conversion:
    """Convert the weights of a backbone from one file to another.

    Args:
        source (str): Path of a checkpoint of tensors.
        target (str): Path of the checkpoint to write, whose folder is
            created. Nothing is written unless the weights can be loaded into
            the backbone.

    Returns:
        Conversion: The converted weights.

    Raises:
        InputError: If the source cannot be read, its layout is not
            supported, or the target cannot be written.
        WriteError: If the disk is full.
    """
    conversion = convert_backbone(_read(source), source)
    MODELS.build(conversion.backbone).load_state_dict(
        conversion.state_dict, strict=True)
    _write(conversion.state_dict, target)
    return conversion


def _read(path: str) -> Any:
    """Load a checkpoint of tensors without executing code of its pickle."""
    try:
        return torch.load(path, map_location='cpu', weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f'{path} does not exist; download it, or correct the '
                         'path') from error
    except pickle.UnpicklingError as error:
        raise InputError(
            f'{path} is not a checkpoint of tensors only, as '
            "torch.load(weights_only=True) requires; save only the model's "
            'state_dict() if you trust the file, or use a training '
            "checkpoint of mmengine in init_cfg with prefix='backbone', "
            'which needs no conversion') from error
    # Unpickling an arbitrary file may raise any error, such as a KeyError.
    except Exception as error:
        reason = f'{type(error).__name__}: {error}'.splitlines()[0]
        raise InputError(f'{path} cannot be read as a checkpoint ({reason}); '
                         'download it again') from error


def _write(state_dict: dict[str, torch.Tensor], path: str) -> None:
    """Write a checkpoint atomically."""
    prepare_output(path)
    try:
        with atomic_path(Path(path)) as part, part.open('wb') as file:
            torch.save(state_dict, file)
    except WriteError:
        raise
    except (OSError, RuntimeError) as error:  # torch's writer: RuntimeError
        reason = f'{type(error).__name__}: {error}'.splitlines()[0]
        raise InputError(f'{path} cannot be written ({reason}); choose '
                         'another path') from error
