from collections.abc import Callable

import pytest
import torch
import torchvision
from mmseg.models.backbones import ResNetV1c
from mmseg.registry import MODELS
from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck
from torchvision.models.vgg import cfgs, make_layers

from mmseg_panet.errors import InputError
from mmseg_panet.models.backbones.conversion import (
    Conversion,
    convert_backbone,
    describe,
)

TORCHVISION_STRIDES = [False, True, False]  # stride 8 after layer3


def make_images() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, 33, 33, generator=generator)


def randomised(model: nn.Module) -> nn.Module:
    """Randomise the batch norms of a model, and set evaluation mode."""
    generator = torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            shape = module.weight.shape
            module.weight.data = 0.5 + torch.rand(shape, generator=generator)
            module.bias.data = torch.randn(shape, generator=generator)
            module.running_mean = torch.randn(shape, generator=generator)
            module.running_var = 0.5 + torch.rand(shape, generator=generator)
    model.eval()
    return model


def features_of(conversion: Conversion, images: Tensor) -> Tensor:
    backbone = MODELS.build(conversion.backbone)
    backbone.load_state_dict(conversion.state_dict, strict=True)
    backbone.eval()
    with torch.no_grad():
        return backbone(images)[0]


def stage_3(source: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Compute stage 3 of a bottleneck ResNet before and after its ReLU."""
    seen = {}
    last = source.layer3[-1]
    # The blocks add to the norm's output in place, so it is cloned.
    last.register_forward_pre_hook(
        lambda _, inputs: seen.update(shortcut=inputs[0].clone()))
    last.bn3.register_forward_hook(
        lambda _, inputs, output: seen.update(residual=output.clone()))
    with torch.no_grad():
        x = source.conv1(images)
        x = source.maxpool(source.relu(source.bn1(x)))
        x = source.layer3(source.layer2(source.layer1(x)))
    return seen['shortcut'] + seen['residual'], x


def assert_equal_to(features: Tensor, expected: Tensor) -> None:
    """Assert that features are equal up to 1e-5 of the largest one."""
    torch.testing.assert_close(
        features, expected, rtol=0, atol=1e-5 * expected.abs().max().item())


@pytest.mark.parametrize('depth', [50, 101])
def test_a_torchvision_resnet_keeps_its_features(depth):
    torch.manual_seed(0)
    source = randomised(
        getattr(torchvision.models, f'resnet{depth}')(
            replace_stride_with_dilation=TORCHVISION_STRIDES))

    conversion = convert_backbone(source.state_dict(), 'source')
    features = features_of(conversion, make_images())

    assert describe(conversion.backbone) == f'DilatedResNet(depth={depth})'
    signed, clipped = stage_3(source, make_images())
    assert_equal_to(features, signed)
    assert_equal_to(features.relu(), clipped)
    assert (features < 0).any()
    assert {key.split('.')[0] for key in conversion.dropped} == {
        'layer4', 'fc'}


class DeepStemResNet(nn.Module):
    """A ResNet-50 up to stage 3 with the deep stem of PyTorch-Encoding."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(
            nn.Conv2d(3, 64, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(64), nn.ReLU(),
            nn.Conv2d(64, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64),
            nn.ReLU(), nn.Conv2d(64, 128, 3, padding=1, bias=False))
        self.bn1 = nn.BatchNorm2d(128)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = self.make_stage(128, 64, 3)
        self.layer2 = self.make_stage(256, 128, 4, stride=2)
        self.layer3 = self.make_stage(512, 256, 6, dilation=2)

    @staticmethod
    def make_stage(in_channels: int,
                   planes: int,
                   num_blocks: int,
                   stride: int = 1,
                   dilation: int = 1) -> nn.Sequential:
        shortcut = nn.Sequential(
            nn.Conv2d(in_channels, 4 * planes, 1, stride, bias=False),
            nn.BatchNorm2d(4 * planes))
        return nn.Sequential(
            Bottleneck(in_channels, planes, stride, shortcut),
            *(Bottleneck(4 * planes, planes, dilation=dilation)
              for _ in range(num_blocks - 1)))


def as_encoding(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return weights


def as_semseg(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    names = {'conv1.0': 'conv1', 'conv1.1': 'bn1', 'conv1.3': 'conv2',
             'conv1.4': 'bn2', 'conv1.6': 'conv3', 'bn1': 'bn3'}
    renamed = {}
    for key, value in weights.items():
        module, _, name = key.rpartition('.')
        renamed[f'{names.get(module, module)}.{name}'] = value
    return renamed


@pytest.mark.parametrize('rename, layout', [
    (as_encoding, 'deep-stem ResNet of PyTorch-Encoding'),
    (as_semseg, 'deep-stem ResNet of semseg (PSPNet)'),
])
def test_a_deep_stem_resnet_keeps_its_features(
        rename: Callable[[dict], dict], layout: str):
    torch.manual_seed(0)
    source = randomised(DeepStemResNet())

    conversion = convert_backbone(rename(source.state_dict()), 'source')
    features = features_of(conversion, make_images())

    assert conversion.layout == layout
    assert describe(conversion.backbone) == (
        'DilatedResNet(depth=50, deep_stem=True, stem_channels=128)')
    assert conversion.dropped == []
    signed, clipped = stage_3(source, make_images())
    assert_equal_to(features, signed)
    assert_equal_to(features.relu(), clipped)


def test_an_mmpretrain_classifier_keeps_its_features():
    models = pytest.importorskip('mmpretrain.models')
    torch.manual_seed(0)
    source = randomised(
        models.ResNetV1c(
            depth=50,
            num_stages=3,
            strides=(1, 2, 1),
            dilations=(1, 1, 2),
            out_indices=(2, )))
    # mmpretrain has no contract_dilation.
    source.layer3[0].conv2.dilation = source.layer3[0].conv2.padding = (1, 1)
    weights = {f'backbone.{k}': v for k, v in source.state_dict().items()}
    weights['head.fc.bias'] = torch.zeros(1000)

    conversion = convert_backbone(dict(state_dict=weights), 'source')
    features = features_of(conversion, make_images())

    assert conversion.layout == 'deep-stem ResNet of mmpretrain'
    assert describe(conversion.backbone) == (
        'DilatedResNet(depth=50, deep_stem=True, stem_channels=64)')
    assert conversion.dropped == ['head.fc.bias']
    with torch.no_grad():
        assert_equal_to(features.relu(), source(make_images())[0])


@pytest.mark.parametrize('prefix', ['', 'module.', 'backbone.',
                                    'module.backbone.'])
def test_the_backbone_of_an_mmseg_segmentor_is_converted(prefix):
    source = ResNetV1c(depth=18).state_dict()
    weights = {f'{prefix}{key}': value for key, value in source.items()}
    weights['decode_head.conv_seg.bias'] = torch.zeros(21)

    conversion = convert_backbone(
        dict(state_dict=weights, meta=dict(epoch=1)), 'source')

    assert conversion.layout == 'deep-stem ResNet of mmseg'
    assert describe(conversion.backbone) == (
        'DilatedResNet(depth=18, deep_stem=True, stem_channels=64)')
    kept = [key for key in source if not key.startswith('layer4.')]
    assert list(conversion.state_dict) == kept
    assert all(
        torch.equal(conversion.state_dict[key], source[key]) for key in kept)
    assert {key.split('.')[0] for key in conversion.dropped} == {
        'layer4', 'decode_head'}


@pytest.mark.parametrize('depth', [18, 34, 50, 101, 152])
def test_every_depth_is_recognised_by_its_blocks(depth):
    with torch.device('meta'):
        source = getattr(torchvision.models, f'resnet{depth}')().state_dict()

    conversion = convert_backbone(source, 'source')

    assert conversion.backbone == dict(type='DilatedResNet', depth=depth)
    assert list(conversion.state_dict) == [
        key for key in source if not key.startswith(('layer4.', 'fc.'))
    ]


def test_num_batches_tracked_is_added_to_old_files():
    with torch.device('meta'):
        source = torchvision.models.resnet18().state_dict()
    old = {k: v for k, v in source.items() if 'num_batches' not in k}

    added = {
        key: value
        for key, value in convert_backbone(old, 'old').state_dict.items()
        if key not in old
    }

    # There is one in the stem, 2 x 2 in each of 3 stages, and a shortcut in 2
    # of these.
    assert len(added) == 1 + 12 + 2
    assert all(torch.equal(value, torch.tensor(0)) for value in added.values())


def test_torchvisions_vgg16_keeps_its_keys():
    torch.manual_seed(0)
    source = nn.ModuleDict({'features': make_layers(cfgs['D'])}).state_dict()
    classifier = {'classifier.0.weight': torch.zeros(1),
                  'classifier.0.bias': torch.zeros(1)}

    conversion = convert_backbone({**source, **classifier}, 'vgg16')

    assert conversion.layout == 'VGG-16 of torchvision'
    assert describe(conversion.backbone) == 'DilatedVGG()'
    assert list(conversion.state_dict) == list(source)
    assert all(
        torch.equal(value, source[key])
        for key, value in conversion.state_dict.items())
    assert conversion.dropped == list(classifier)
    assert features_of(conversion, make_images()).shape == (2, 512, 5, 5)


@pytest.mark.parametrize('model, message', [
    ('vgg16_bn', "'features.2.weight' is missing"),
    ('vgg19', "'features.17.weight' is missing"),
    ('vgg13', "'features.14.weight' is missing"),
    ('alexnet', "'features.2.weight' is missing"),
    ('resnext50_32x4d', r"'layer1.0.conv1.weight' has shape \(128, 64, 1, 1\)"
     r', expected \(64, 64, 1, 1\) \(and \d+ more\)'),
    ('wide_resnet50_2', r"'layer1.0.conv1.weight' has shape \(128, 64, 1, 1\)"
     ),
    ('densenet121', 'must be one of: .*; got the first keys '
     r"\['features.conv0.weight'"),
    ('mobilenet_v2', 'must be one of: .*VGG-16 of torchvision; got the first '
     r"keys \['features.0.0.weight'"),
])
def test_other_architectures_raise_an_error(model, message):
    with torch.device('meta'):
        source = getattr(torchvision.models, model)().state_dict()

    with pytest.raises(InputError, match=f'source .*{message}'):
        convert_backbone(source, 'source')


def test_an_unknown_number_of_blocks_raises_an_error():
    with torch.device('meta'):
        source = torchvision.models.resnet.ResNet(Bottleneck,
                                                  [3, 4, 9, 3]).state_dict()

    with pytest.raises(
            InputError,
            match=r'got \(3, 4, 9\) bottleneck blocks in layer1'):
        convert_backbone(source, 'source')


def test_incomplete_weights_raise_an_error():
    with torch.device('meta'):
        source = torchvision.models.resnet18().state_dict()
    del source['layer2.1.bn1.running_mean']

    with pytest.raises(
            InputError,
            match="source is not .*: 'layer2.1.bn1.running_mean' is missing;"):
        convert_backbone(source, 'source')


@pytest.mark.parametrize('content, message', [
    ([1, 2], "must contain a dict of tensors, got 'list'"),
    (dict(state_dict=3), "must contain a dict of tensors, got 'int'"),
    (dict(), 'got one without any'),
    (dict(epoch=3, model='resnet'), r"with the keys \['epoch', 'model'\]"),
])
def test_contents_without_tensors_raise_an_error(content, message):
    with pytest.raises(InputError, match=f'source .*{message}'):
        convert_backbone(content, 'source')
