"""Conversion of backbone files from the layouts of other libraries."""
from pathlib import Path

import torch
from mmseg.registry import MODELS

from ...errors import InputError, WriteError
from ...files import atomic_path, prepare_output
from ..checkpoint_file import read_checkpoint
from ..safe_loading import safe_loading
from .conversion import Conversion, convert_backbone


def convert_file(source: str, target: str,
                 trust_checkpoint: bool = False) -> Conversion:
    """Convert the weights of a backbone from one file to another.

    Args:
        source (str): Path or address of a checkpoint, see
            :func:`read_checkpoint`.
        target (str): Path of the checkpoint to write, whose folder is
            created. Nothing is written unless the weights can be loaded into
            the backbone.
        trust_checkpoint (bool): Whether the source may execute code, see
            :func:`safe_loading`. Defaults to False.

    Returns:
        Conversion: The converted weights.

    Raises:
        InputError: If the source cannot be read, its layout is not
            supported, or the target cannot be written.
        WriteError: If the disk is full.
    """
    with safe_loading(trust_checkpoint):
        conversion = convert_backbone(read_checkpoint(source), source)
    MODELS.build(conversion.backbone).load_state_dict(
        conversion.state_dict, strict=True)
    _write(conversion.state_dict, target)
    return conversion


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
