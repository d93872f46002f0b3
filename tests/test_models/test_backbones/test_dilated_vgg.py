import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn
from torchvision.models.vgg import cfgs, make_layers

from mmseg_panet.models.backbones import DilatedVGG

CONVS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
LAST_CONVS_OF_STAGES = (2, 7, 14, 21, 28)


def make_backbone(**kwargs) -> DilatedVGG:
    torch.manual_seed(0)
    backbone = DilatedVGG(**kwargs)
    backbone.init_weights()
    for module in backbone.features:
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.bias)
    return backbone


def make_images(*size: int) -> Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(1))


def plain_vgg(weights: dict[str, Tensor], x: Tensor,
              last_stage: int = 4) -> list[Tensor]:
    """Compute the stages of PANet's encoder from torchvision's weights."""
    levels = []
    for index in CONVS:
        dilation = 2 if index >= 24 else 1
        x = F.conv2d(
            x,
            weights[f'features.{index}.weight'],
            weights[f'features.{index}.bias'],
            padding=dilation,
            dilation=dilation)
        if index != LAST_CONVS_OF_STAGES[last_stage]:
            x = F.relu(x)
        if index in LAST_CONVS_OF_STAGES:
            levels.append(x)
        if index in (2, 7, 14):
            x = F.max_pool2d(x, 3, stride=2, padding=1)
        if index == 21:
            x = F.max_pool2d(x, 3, stride=1, padding=1)
    return levels


def test_features_equal_the_plain_computation():
    backbone = make_backbone()
    images = make_images(2, 3, 33, 64)

    with torch.no_grad():
        features, = backbone(images)
        expected = plain_vgg(backbone.state_dict(), images)[-1]

    assert features.shape == (2, 512, 5, 8)
    assert (features < 0).any() and (features > 0).any()
    torch.testing.assert_close(
        features, expected, rtol=0, atol=1e-5 * expected.abs().max().item())


@torch.no_grad()
@pytest.mark.parametrize('out_indices', [
    (0, ), (2, ), (1, 3), (3, 4), (0, 1, 2, 3, 4)])
def test_levels_are_the_stages_except_the_last_before_its_relu(out_indices):
    backbone = make_backbone(out_indices=out_indices)
    images = make_images(2, 3, 33, 64)

    levels = backbone(images)
    expected = plain_vgg(backbone.state_dict(), images, out_indices[-1])

    shapes = [(2, 64, 33, 64), (2, 128, 17, 32), (2, 256, 9, 16),
              (2, 512, 5, 8), (2, 512, 5, 8)]
    assert [x.shape for x in levels] == [shapes[i] for i in out_indices]
    for index, level in zip(out_indices, levels, strict=True):
        assert (level < 0).any() == (index == out_indices[-1])
        torch.testing.assert_close(
            level, expected[index], rtol=0,
            atol=1e-5 * expected[index].abs().max().item())


@torch.no_grad()
def test_the_default_is_stage_5_and_equals_all_layers():
    backbone = make_backbone()
    images = make_images(1, 3, 32, 32)
    features, = backbone(images)

    assert torch.equal(features, backbone.features(images))
    several = make_backbone(out_indices=(2, 3, 4))
    assert torch.equal(several(images)[-1], features)


def test_stages_after_the_last_level_are_not_trained():
    backbone = make_backbone(out_indices=(1, 2), frozen_stages=1)

    sum(x.sum() for x in backbone(make_images(1, 3, 16, 16))).backward()

    trained = [index for index in CONVS
               if backbone.features[index].weight.requires_grad]
    assert trained == [5, 7, 10, 12, 14]
    assert trained == [index for index in CONVS
                       if backbone.features[index].weight.grad is not None]


def test_keys_and_shapes_are_those_of_torchvision():
    with torch.device('meta'):
        ours = DilatedVGG().state_dict()
        theirs = nn.ModuleDict({'features': make_layers(cfgs['D'])})

    assert ({k: v.shape for k, v in ours.items()} ==
            {k: v.shape for k, v in theirs.state_dict().items()})


@pytest.mark.parametrize('frozen_stages', range(-1, 6))
def test_frozen_stages_are_the_leading_ones(frozen_stages):
    with torch.device('meta'):
        backbone = DilatedVGG(frozen_stages)

    last = LAST_CONVS_OF_STAGES[frozen_stages - 1] if frozen_stages > 0 else -1
    for index in CONVS:
        for parameter in backbone.features[index].parameters():
            assert parameter.requires_grad == (index > last)


def test_frozen_stages_record_no_graph():
    backbone = make_backbone(frozen_stages=2)
    outputs = {}
    for index in (9, 10):
        backbone.features[index].register_forward_hook(
            lambda *args, index=index: outputs.update({index: args[-1]}))

    backbone(make_images(1, 3, 16, 16))[0].sum().backward()

    assert outputs[9].grad_fn is None and outputs[10].grad_fn is not None
    assert backbone.features[10].weight.grad is not None


def test_a_config_builds_it_with_kaiming_initialization():
    torch.manual_seed(0)
    backbone = MODELS.build(dict(type='DilatedVGG'))
    backbone.init_weights()

    for index in CONVS:
        weight = backbone.features[index].weight
        # The variance of Kaiming's normal initialization is 2 / fan_out.
        expected = (2 / (weight.shape[0] * 9))**0.5
        assert weight.std().item() == pytest.approx(expected, rel=0.1)
        assert not backbone.features[index].bias.any()


def test_freezing_a_missing_stage_raises_an_error():
    with pytest.raises(ValueError, match='frozen_stages must be .* 5, got 6'):
        DilatedVGG(frozen_stages=6)


def test_missing_levels_raise_an_error():
    with pytest.raises(ValueError, match='expected out_indices of 0 to 4'):
        DilatedVGG(out_indices=(3, 5))
