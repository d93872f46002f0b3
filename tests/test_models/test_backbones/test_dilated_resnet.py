import re

import pytest
import torch
import torch.nn.functional as F
from mmseg.models.backbones import ResNet
from mmseg.registry import MODELS
from real_data import RESNET50_CAFFE, needs_resnet50_caffe
from torch import Tensor, nn

from mmseg_panet.models.backbones import DilatedResNet

CHANNELS = {18: 256, 34: 256, 50: 1024, 101: 1024, 152: 1024}


def make_backbone(depth: int, seed: int = 0, **kwargs) -> DilatedResNet:
    """Build a backbone with random batch norms in evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    backbone = DilatedResNet(depth, **kwargs)
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            shape = module.weight.shape
            module.weight.data = 0.5 + torch.rand(shape, generator=generator)
            module.bias.data = torch.randn(shape, generator=generator)
            module.running_mean = torch.randn(shape, generator=generator)
            module.running_var = 0.5 + torch.rand(shape, generator=generator)
    backbone.eval()
    return backbone


def make_images(*size: int, seed: int = 1) -> Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed))


def plain_resnet(weights: dict[str, Tensor], x: Tensor, bottleneck: bool,
                 num_blocks: tuple[int, int, int],
                 style: str = 'pytorch') -> Tensor:
    """Compute features before the last ReLU from weights by their keys."""

    def norm(x: Tensor, name: str) -> Tensor:
        return F.batch_norm(x, *(weights[f'{name}.{key}'] for key in (
            'running_mean', 'running_var', 'weight', 'bias')))

    def conv(x: Tensor, name: str, **kwargs) -> Tensor:
        return F.conv2d(x, weights[f'{name}.weight'], **kwargs)

    x = F.relu(norm(conv(x, 'conv1', stride=2, padding=3), 'bn1'))
    x = F.max_pool2d(x, 3, stride=2, padding=1)
    for stage, blocks in enumerate(num_blocks, start=1):
        for block in range(blocks):
            name = f'layer{stage}.{block}'
            stride = 2 if (stage, block) == (2, 0) else 1
            dilation = 2 if stage == 3 and block > 0 else 1
            spatial = dict(stride=stride, padding=dilation, dilation=dilation)
            first, second = spatial, dict(padding=1)
            if bottleneck:  # a 1x1 convolution and a 3x3 one
                first, second = {}, spatial
                if style == 'caffe':
                    first, second = dict(stride=stride), spatial | dict(
                        stride=1)
            y = conv(x, f'{name}.conv1', **first)
            y = F.relu(norm(y, f'{name}.bn1'))
            y = conv(y, f'{name}.conv2', **second)
            y = norm(y, f'{name}.bn2')
            if bottleneck:
                y = norm(conv(F.relu(y), f'{name}.conv3'), f'{name}.bn3')
            if f'{name}.downsample.0.weight' in weights:
                x = conv(x, f'{name}.downsample.0', stride=stride)
                x = norm(x, f'{name}.downsample.1')
            x = x + y
            if (stage, block) != (3, blocks - 1):
                x = F.relu(x)
    return x


@pytest.mark.parametrize('depth', CHANNELS)
@pytest.mark.parametrize('deep_stem', [False, True])
def test_every_depth_has_stride_8_and_its_channels(depth, deep_stem):
    with torch.device('meta'):
        backbone = DilatedResNet(depth, deep_stem=deep_stem)
        features = backbone(torch.empty(2, 3, 64, 417))

    assert [x.shape for x in features] == [(2, CHANNELS[depth], 8, 53)]


@pytest.mark.parametrize('depth, bottleneck, num_blocks, style', [
    (18, False, (2, 2, 2), 'pytorch'),
    (50, True, (3, 4, 6), 'pytorch'),
    (50, True, (3, 4, 6), 'caffe'),
])
def test_features_equal_the_plain_computation(
        depth, bottleneck, num_blocks, style):
    backbone = make_backbone(depth, style=style)
    images = make_images(2, 3, 64, 64)

    with torch.no_grad():
        features, = backbone(images)
        expected = plain_resnet(backbone.state_dict(), images, bottleneck,
                                num_blocks, style)

    assert features.shape == (2, CHANNELS[depth], 8, 8)
    torch.testing.assert_close(
        features, expected, rtol=0, atol=1e-5 * expected.abs().max().item())


@pytest.mark.parametrize('depth', [18, 50])
def test_features_can_be_negative_and_final_relu_clips_them(depth):
    backbone = make_backbone(depth)
    clipped = make_backbone(depth, final_relu=True)
    images = make_images(1, 3, 64, 64)

    with torch.no_grad():
        features, = backbone(images)
        expected, = clipped(images)

    assert (features < 0).float().mean() > 0.1
    torch.testing.assert_close(features.relu(), expected)


@pytest.mark.parametrize('depth', [18, 50])
@pytest.mark.parametrize('deep_stem', [False, True])
@pytest.mark.parametrize('final_relu', [False, True])
def test_keys_and_shapes_are_those_of_mmseg(depth, deep_stem, final_relu):
    with torch.device('meta'):
        ours = DilatedResNet(depth, final_relu, deep_stem=deep_stem)
        theirs = ResNet(
            depth,
            num_stages=3,
            strides=(1, 2, 2),
            dilations=(1, 1, 1),
            out_indices=(2, ),
            deep_stem=deep_stem)

    assert ({k: v.shape for k, v in ours.state_dict().items()} ==
            {k: v.shape for k, v in theirs.state_dict().items()})


def computed(backbone: nn.Module, weights: dict[str, Tensor],
             images: Tensor) -> tuple[Tensor, ...]:
    """Compute the outputs of a backbone with the given weights."""
    backbone.load_state_dict(weights, strict=True)
    backbone.eval()
    with torch.no_grad():
        return backbone(images)


def plain_levels(depth: int, num_stages: int, weights: dict[str, Tensor],
                 images: Tensor,
                 style: str = 'pytorch') -> tuple[Tensor, ...]:
    """Compute all stages of mmseg's ResNet with the same settings."""
    return computed(ResNet(
        depth,
        num_stages=num_stages,
        strides=(1, 2, 1)[:num_stages],
        dilations=(1, 1, 2)[:num_stages],
        contract_dilation=True,
        out_indices=range(num_stages),
        style=style), weights, images)


@torch.no_grad()
@pytest.mark.parametrize('depth, expansion', [(18, 1), (50, 4)])
@pytest.mark.parametrize('out_indices', [
    (0, ), (1, ), (2, ), (0, 1), (0, 2), (1, 2), (0, 1, 2)])
@pytest.mark.parametrize('final_relu', [False, True])
def test_levels_are_mmsegs_except_the_last_before_its_relu(
        depth, expansion, out_indices, final_relu):
    backbone = make_backbone(
        depth, out_indices=out_indices, final_relu=final_relu)
    images = make_images(2, 3, 64, 41)

    levels = backbone(images)
    expected = plain_levels(
        depth, out_indices[-1] + 1, backbone.state_dict(), images)

    shapes = [(2, 64 * expansion, 16, 11), (2, 128 * expansion, 8, 6),
              (2, 256 * expansion, 8, 6)]
    assert [x.shape for x in levels] == [shapes[i] for i in out_indices]
    *others, last = levels
    for index, level in zip(out_indices, others, strict=False):
        assert torch.equal(level, expected[index])
    assert (last < 0).any() != final_relu
    assert torch.equal(last.relu(), expected[-1])


@torch.no_grad()
def test_the_default_is_stage_3_and_not_changed_by_other_levels():
    images = make_images(1, 3, 40, 40)
    features, = make_backbone(18)(images)
    several = make_backbone(18, out_indices=(0, 1, 2))

    assert torch.equal(several(images)[-1], features)
    assert list(several.state_dict()) == list(make_backbone(18).state_dict())


def test_every_level_trains_the_stages_before_it():
    backbone = make_backbone(18, out_indices=(0, 1), frozen_stages=-1)

    first, _ = backbone(make_images(1, 3, 32, 32))
    first.sum().backward()

    trained = {name.split('.')[0] for name, parameter
               in backbone.named_parameters() if parameter.grad is not None}
    assert trained == {'conv1', 'bn1', 'layer1'}
    assert not hasattr(backbone, 'layer3')


def strided_resnet(depth: int, style: str) -> ResNet:
    return ResNet(
        depth, num_stages=3, strides=(1, 2, 2), dilations=(1, 1, 1),
        out_indices=(0, 1, 2), style=style)


@pytest.mark.parametrize('depth, style', [
    (18, 'pytorch'), (18, 'caffe'), (50, 'pytorch'), (50, 'caffe')])
def test_dilate_both_is_a_denser_strided_network(depth, style):
    dense = make_backbone(
        depth, dilate_both=True, final_relu=True, style=style)
    weights, images = dense.state_dict(), make_images(2, 3, 75, 64)
    fine, = computed(dense, weights, images)  # (2, C, 10, 8)
    *_, coarse = computed(strided_resnet(depth, style), weights, images)
    assert coarse.shape[2:] == (5, 4)
    torch.testing.assert_close(fine[..., ::2, ::2], coarse)


def test_in_caffe_style_the_1x1_convolution_has_the_stride():
    with torch.device('meta'):
        backbone = DilatedResNet(50, style='caffe')
        both = DilatedResNet(50, style='caffe', dilate_both=True)

    firsts = [backbone.layer1[0], backbone.layer2[0], backbone.layer3[0]]
    assert [block.conv1.stride[0] for block in firsts] == [1, 2, 1]
    assert [block.conv2.stride[0] for block in firsts] == [1, 1, 1]
    for stage_3, dilations in ((backbone.layer3, [1, 2, 2, 2, 2, 2]),
                               (both.layer3, [2] * 6)):
        assert [block.conv2.dilation[0] for block in stage_3] == dilations
        assert {block.conv1.kernel_size for block in stage_3} == {(1, 1)}


@pytest.fixture(scope='module')
def resnet50() -> dict[str, Tensor]:
    return torch.load(RESNET50_CAFFE, weights_only=True)


@needs_resnet50_caffe
def test_the_real_caffe_resnet50_equals_that_of_mmseg(resnet50):
    images = make_images(2, 3, 75, 64)
    backbone = DilatedResNet(50, style='caffe', out_indices=(0, 1, 2))
    levels = computed(backbone, resnet50, images)

    # mmseg's dilated ResNet has a ReLU after the last block.
    *others, last = plain_levels(50, 3, resnet50, images, style='caffe')
    assert all(map(torch.equal, levels[:2], others))
    assert (levels[2] < 0).float().mean() > 0.1
    assert torch.equal(levels[2].relu(), last)
    # mmseg's ResNet with stride 2 is the same up to stage 3.
    strided = strided_resnet(50, 'caffe')
    *others, _ = computed(strided, resnet50, images)
    assert all(map(torch.equal, levels[:2], others))
    # The first 1x1 convolution of stage 3 is equal at common cells.
    fine, coarse = (
        stage[0].conv1(levels[1])
        for stage in (backbone.layer3, strided.layer3))
    torch.testing.assert_close(fine[..., ::2, ::2], coarse)


@needs_resnet50_caffe
def test_with_dilate_both_the_real_caffe_resnet50_is_the_strided_one(resnet50):
    images = make_images(2, 3, 75, 64)
    features, = computed(
        DilatedResNet(50, style='caffe', dilate_both=True), resnet50, images)
    *_, coarse = computed(strided_resnet(50, 'caffe'), resnet50, images)
    torch.testing.assert_close(features.relu()[..., ::2, ::2], coarse)


def test_only_stage_3_is_dilated_and_not_its_first_block():
    with torch.device('meta'):
        backbone = DilatedResNet(50)

    dilations = [[block.conv2.dilation[0] for block in getattr(backbone, name)]
                 for name in backbone.res_layers]
    assert dilations == [[1] * 3, [1] * 4, [1, 2, 2, 2, 2, 2]]


def test_the_deep_stem_of_pspnet_has_64_64_128_channels():
    with torch.device('meta'):
        backbone = DilatedResNet(50, deep_stem=True, stem_channels=128)

    convs = [m for m in backbone.stem if isinstance(m, nn.Conv2d)]
    assert [conv.out_channels for conv in convs] == [64, 64, 128]
    assert [conv.stride[0] for conv in convs] == [2, 1, 1]


@pytest.mark.parametrize('deep_stem', [False, True])
def test_frozen_stem_and_stage_1_record_no_graph(deep_stem):
    backbone = make_backbone(18, deep_stem=deep_stem)
    backbone.train()
    outputs = {}
    for name in ('maxpool', 'layer1', 'layer2'):
        getattr(backbone, name).register_forward_hook(
            lambda *args, name=name: outputs.update({name: args[-1]}))

    features, = backbone(make_images(1, 3, 32, 32))
    features.sum().backward()

    assert outputs['maxpool'].grad_fn is outputs['layer1'].grad_fn is None
    assert outputs['layer2'].grad_fn is not None
    trained = {name.split('.')[0] for name, parameter
               in backbone.named_parameters() if parameter.grad is not None}
    assert trained == {'layer2', 'layer3'}


def test_frozen_stages_minus_1_trains_everything():
    backbone = make_backbone(18, frozen_stages=-1)

    backbone(make_images(1, 3, 32, 32))[0].sum().backward()

    assert all(p.grad is not None for p in backbone.parameters())


@pytest.mark.parametrize('norm_eval', [True, False])
def test_norm_eval_keeps_the_statistics_in_training(norm_eval):
    backbone = make_backbone(18, norm_eval=norm_eval)
    before = {k: v.clone() for k, v in backbone.named_buffers()}

    backbone.train()
    backbone(make_images(2, 3, 32, 32))

    changed = {name.split('.')[0] for name, buffer in backbone.named_buffers()
               if not torch.equal(buffer, before[name])}
    # The frozen stem and stage 1 always keep their statistics.
    assert changed == (set() if norm_eval else {'layer2', 'layer3'})


@pytest.mark.parametrize('depth', [18, 50])
def test_checkpointing_recomputes_the_last_block_for_equal_gradients(depth):
    plain, checkpointed = make_backbone(depth), make_backbone(
        depth, with_cp=True)
    calls = []
    checkpointed.layer3[-1].conv1.register_forward_hook(
        lambda *args: calls.append('forward'))
    images = make_images(1, 3, 32, 32)

    for backbone in (plain, checkpointed):
        backbone(images)[0].square().mean().backward()

    assert len(calls) == 2
    expected = dict(plain.named_parameters())
    for name, parameter in checkpointed.named_parameters():
        if parameter.requires_grad:
            torch.testing.assert_close(parameter.grad, expected[name].grad)


def test_a_config_may_have_other_arguments_of_mmseg():
    backbone = MODELS.build(
        dict(
            type='DilatedResNet',
            depth=18,
            in_channels=4,
            base_channels=16,
            norm_cfg=dict(type='GN', num_groups=4)))

    features, = backbone(make_images(1, 4, 32, 32))

    assert features.shape == (1, 64, 4, 4)
    assert (features < 0).any()


@pytest.mark.parametrize('arguments, message', [
    (dict(depth=20), r'depth must be one of \[18, .*152\], got 20'),
    (dict(depth=18, frozen_stages=4), 'frozen_stages must be .* 3, got 4'),
    (dict(depth=18, frozen_stages=3, out_indices=(0, 1)),
     'frozen_stages must be .* 2, got 3'),
    *((dict(depth=18, out_indices=out_indices), re.escape(
        'expected out_indices of 0 to 2, each once and in ascending order, '
        f'got {out_indices}')) for out_indices in (
            (), (3, ), (-1, ), (1, 0), (2, 2))),
    (dict(
        depth=50,
        plugins=[
            dict(
                cfg=dict(type='ContextBlock', ratio=1 / 4),
                position='after_conv1')
        ]), 'plugins of stage 3 need final_relu=True'),
    (dict(
        depth=50,
        out_indices=(0, 1),
        plugins=[
            dict(
                cfg=dict(type='ContextBlock', ratio=1 / 4),
                stages=(False, True),
                position='after_conv1')
        ]), 'plugins of stage 2 need final_relu=True'),
])
def test_invalid_arguments_raise_an_error(arguments, message):
    with pytest.raises(ValueError, match=message):
        DilatedResNet(**arguments)
