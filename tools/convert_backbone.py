"""Convert the weights of a ResNet or VGG-16 of another library.

The layout is recognised by its keys: torchvision, mmseg, mmpretrain, semseg
(PSPNet) and PyTorch-Encoding. The result is a file for ``init_cfg`` of
DilatedResNet or DilatedVGG; the line for the config is printed.
"""
import argparse
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from mmseg.registry import MODELS

from mmseg_panet.cli.exit import exit_on_input_error
from mmseg_panet.errors import InputError
from mmseg_panet.files import atomic_path
from mmseg_panet.models.backbones.conversion import (
    convert_backbone,
    describe,
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('src', help='checkpoint to convert')
    parser.add_argument('dst', help='checkpoint to write')
    return parser.parse_args()


def read_checkpoint(path: str) -> Any:
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


def write_checkpoint(state_dict: dict[str, torch.Tensor], path: str) -> None:
    """Write a checkpoint in one step; a failure leaves nothing of it."""
    try:
        with atomic_path(Path(path)) as part, part.open('wb') as file:
            torch.save(state_dict, file)
    except (OSError, RuntimeError) as error:  # torch's writer: RuntimeError
        reason = f'{type(error).__name__}: {error}'.splitlines()[0]
        raise InputError(f'{path} cannot be written ({reason}); choose '
                         'another place') from error


def summarise(keys: list[str]) -> str:
    """Count keys by module: 'layer4 (32 tensors), fc (2 tensors)'."""
    counts = Counter(key.split('.')[0] for key in keys)
    return ', '.join(f"{module} ({count} tensor{'s' * (count > 1)})"
                     for module, count in counts.items()) or 'nothing'


def main() -> None:
    args = parse_args()
    conversion = convert_backbone(read_checkpoint(args.src), args.src)
    # The proof, before anything is written, that the result loads.
    MODELS.build(conversion.backbone).load_state_dict(
        conversion.state_dict, strict=True)
    write_checkpoint(conversion.state_dict, args.dst)
    init_cfg = f"dict(type='Pretrained', checkpoint={args.dst!r})"
    settings = ', '.join(f'{name}={value!r}'
                         for name, value in conversion.backbone.items())
    print(f'layout: {conversion.layout}')
    print(f'architecture: {describe(conversion.backbone)}')
    print(f'dropped: {summarise(conversion.dropped)}')
    print(f'config: backbone=dict({settings}, init_cfg={init_cfg})')


if __name__ == '__main__':
    with exit_on_input_error():
        main()
