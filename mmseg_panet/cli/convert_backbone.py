"""Convert the weights of a ResNet or a VGG-16 from another library.

The layouts of torchvision, mmseg, mmpretrain, semseg (PSPNet) and
PyTorch-Encoding are recognised by their keys. The converted file is for
`init_cfg` of a DilatedResNet or a DilatedVGG. The line for the config is
printed.
"""
import argparse
from collections import Counter
from collections.abc import Sequence

from ..files import keep_inputs
from ..models.backbones.conversion import describe
from ..models.backbones.conversion_file import convert_file
from ..wording import counted
from .run_arguments import add_trust


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    parser.add_argument('src', metavar='SRC', help='checkpoint to convert')
    parser.add_argument('dst', metavar='DST', help='checkpoint to write')
    add_trust(parser)


def run(args: argparse.Namespace) -> None:
    """Run the subcommand."""
    keep_inputs([args.dst], [args.src])
    conversion = convert_file(args.src, args.dst, args.trust_checkpoint)
    init_cfg = f"dict(type='Pretrained', checkpoint={args.dst!r})"
    settings = ', '.join(f'{name}={value!r}'
                         for name, value in conversion.backbone.items())
    print(f'layout: {conversion.layout}')
    print(f'architecture: {describe(conversion.backbone)}')
    print(f'dropped: {_summarise(conversion.dropped)}')
    print(f'config: backbone=dict({settings}, init_cfg={init_cfg})')


def _summarise(keys: Sequence[str]) -> str:
    """Count keys by module: 'layer4 (32 tensors), fc (2 tensors)'."""
    counts = Counter(key.split('.')[0] for key in keys)
    return ', '.join(f"{module} ({counted(count, 'tensor')})"
                     for module, count in counts.items()) or 'nothing'
