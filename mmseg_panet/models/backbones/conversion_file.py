"""Conversion of backbone files from the layouts of other libraries."""
from mmseg.registry import MODELS

from ..checkpoint_file import read_checkpoint, write_checkpoint
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
    write_checkpoint(target, conversion.state_dict)
    return conversion
