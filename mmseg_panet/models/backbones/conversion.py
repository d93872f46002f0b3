"""Conversion of other libraries' weights to the keys of these backbones."""
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from mmseg.models.backbones.resnet import Bottleneck
from mmseg.registry import MODELS
from torch import Tensor

from ...errors import InputError
from ..checkpoint_file import unwrap
from ..pretrained import require_fit
from .dilated_resnet import DilatedResNet

# Prefixes of DataParallel and of a segmentor or classifier, longest first.
PREFIXES = ('module.backbone.', 'backbone.', 'module.', '')

PLAIN_STEM = ('conv1', 'bn1')
DEEP_STEM = ('stem.0', 'stem.1', 'stem.3', 'stem.4', 'stem.6', 'stem.7')
# The stem's convolutions and norms in forward order, by layout. The plain
# stem is the last, as files of semseg also have its names.
STEMS = {
    'deep-stem ResNet of mmseg': DEEP_STEM,
    'deep-stem ResNet of mmpretrain': (
        'stem.0.conv', 'stem.0.bn', 'stem.1.conv', 'stem.1.bn', 'stem.2.conv',
        'stem.2.bn'),
    # https://github.com/hszhao/semseg, model/resnet.py
    'deep-stem ResNet of semseg (PSPNet)':
    ('conv1', 'bn1', 'conv2', 'bn2', 'conv3', 'bn3'),
    # https://github.com/zhanghang1989/PyTorch-Encoding
    'deep-stem ResNet of PyTorch-Encoding':
    ('conv1.0', 'conv1.1', 'conv1.3', 'conv1.4', 'conv1.6', 'bn1'),
    'plain ResNet of torchvision, mmseg or mmpretrain': PLAIN_STEM,
}
STAGES = ('layer1.', 'layer2.', 'layer3.')
VGG_LAYOUT = 'VGG-16 of torchvision'


class Conversion(NamedTuple):
    """The result of a conversion.

    Attributes:
        state_dict (OrderedDict[str, Tensor]): Weights that can be loaded
            strictly into the backbone.
        backbone (dict): Config of the backbone.
        layout (str): Recognised layout of the source.
        dropped (list[str]): Keys of the source that the backbone does not
            use, without their prefix.
    """

    state_dict: OrderedDict[str, Tensor]
    backbone: dict[str, Any]
    layout: str
    dropped: list[str]


def describe(backbone: Mapping[str, Any]) -> str:
    """Format a backbone's config as a call, 'DilatedResNet(depth=50)'."""
    arguments = ', '.join(f'{name}={value!r}'
                          for name, value in backbone.items()
                          if name != 'type')
    return f"{backbone['type']}({arguments})"


def deduce_depth(weights: Mapping[str, Tensor], source: str) -> int:
    """Deduce the depth of a ResNet from its blocks in stages 1 to 3.

    Args:
        weights (Mapping[str, Tensor]): Weights with the keys
            'layer{stage}.{block}.conv{i}.weight'.
        source (str): Name of the file, for the message.

    Returns:
        int: Depth of the ResNet.

    Raises:
        InputError: If no depth has these blocks.
    """
    found = tuple(
        len({key.split('.')[1] for key in weights if key.startswith(stage)})
        for stage in STAGES)
    bottleneck = 'layer1.0.conv3.weight' in weights
    for depth, (block, expected) in DilatedResNet.arch_settings.items():
        if (found, bottleneck) == (expected[:3], block is Bottleneck):
            return depth
    raise InputError(
        f'{source} must be a ResNet of depth '
        f'{sorted(DilatedResNet.arch_settings)}, got {found} '
        f"{'bottleneck' if bottleneck else 'basic'} blocks in layer1 to "
        'layer3, which none of them has; convert another file')


def recognise(weights: Mapping[str, Tensor],
              source: str) -> tuple[str, dict[str, Any], dict[str, str]]:
    """Recognise the layout of weights by their keys.

    Args:
        weights (Mapping[str, Tensor]): Weights without prefix.
        source (str): Name of the file, for the message.

    Returns:
        tuple[str, dict, dict[str, str]]: The layout, the config of the
        backbone, and the backbone's key for each key that it uses.

    Raises:
        InputError: If no known layout has these keys.
    """
    if 'features.0.weight' in weights:
        keys = {key: key for key in weights if key.startswith('features.')}
        return VGG_LAYOUT, dict(type='DilatedVGG'), keys
    layout = next((
        name for name, stem in STEMS.items() if weights.keys() >= {
            f'{module}.weight' for module in (*stem, 'layer1.0.conv1')}), None)
    if layout is None:
        raise InputError(
            f"{source} must be one of: {', '.join([*STEMS, VGG_LAYOUT])}; got "
            f'the first keys {list(weights)[:5]}, which none of them has; '
            'convert another file')
    stem = STEMS[layout]
    backbone: dict[str, Any] = dict(
        type='DilatedResNet', depth=deduce_depth(weights, source))
    if stem is not PLAIN_STEM:
        backbone.update(
            deep_stem=True,
            stem_channels=weights[f'{stem[-1]}.weight'].shape[0])
    keys = {key: key for key in weights if key.startswith(STAGES)}
    for theirs, ours in zip(
            stem, PLAIN_STEM if stem is PLAIN_STEM else DEEP_STEM,
            strict=True):
        keys.update((key, ours + key.removeprefix(theirs)) for key in weights
                    if key.rpartition('.')[0] == theirs)
    return layout, backbone, keys


def convert_backbone(checkpoint: Any, source: str) -> Conversion:
    """Convert weights of a supported layout to those of our backbones.

    Supported are torchvision's ResNets and VGG-16, the ResNets of mmseg and
    mmpretrain with either stem (alone, or in a segmentor or classifier), and
    the deep-stem ResNets of semseg (PSPNet) and PyTorch-Encoding. All are
    assumed to have the 'pytorch' style, with the stride in the 3x3
    convolution, as the 'caffe' style has the same keys.

    Args:
        checkpoint (Any): Contents of the file: tensors by their keys, or a
            dict that contains them as 'state_dict'.
        source (str): Name of the file, for the messages.

    Returns:
        Conversion: Weights that can be loaded strictly into ``backbone``.

    Raises:
        InputError: If the layout is not supported, or the weights are
            incomplete.
    """
    content = unwrap(checkpoint, source)
    tensors = {key: value for key, value in content.items()
               if isinstance(key, str) and isinstance(value, Tensor)}
    if not tensors:
        raise InputError(
            f'{source} must contain a dict of tensors, got one without any, '
            f"with the keys {list(content)[:3]}; save the model's "
            'state_dict()')
    prefix = next(prefix for prefix in PREFIXES
                  if any(key.startswith(prefix) for key in tensors))
    weights = {key.removeprefix(prefix): value
               for key, value in tensors.items() if key.startswith(prefix)}
    layout, backbone, keys = recognise(weights, source)
    converted = {ours: weights[theirs] for theirs, ours in keys.items()}
    with torch.device('meta'):  # only keys and shapes are needed
        expected = MODELS.build(backbone).state_dict()
    # Files older than torch 0.4.1 have no num_batches_tracked.
    for key in expected:
        if key.endswith('num_batches_tracked'):
            converted.setdefault(key, torch.tensor(0))
    require_fit(
        converted, expected, source, f'{layout}, {describe(backbone)}',
        'wider, grouped and other variants of the architecture do not fit')
    return Conversion(
        OrderedDict((key, converted[key].detach()) for key in expected),
        backbone, layout, [
            bare for bare in (key.removeprefix(prefix) for key in tensors)
            if bare not in keys])
