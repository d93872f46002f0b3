from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from flat_episodes import random_episodes
from mmengine.config import Config
from mmseg.registry import MODELS
from torch_versions import compiles, float16_on_cpu

from mmseg_panet.errors import InputError
from mmseg_panet.models import PANetHead
from mmseg_panet.models.feature_levels import FeatureLevels

CONFIGS = Path(__file__).parents[2] / 'configs'


def random_levels(number=3, dtype=torch.float64):
    """Create outputs of stride 8, 4 and 8 with values of different size."""
    generator = torch.Generator().manual_seed(0)
    return [
        (scale * torch.randn(
            number, channels, *size, generator=generator,
            dtype=torch.float64)).to(dtype)
        for scale, channels, size in (
            (100, 4, (5, 6)), (1, 3, (10, 12)), (0.01, 8, (5, 6)))]


def plain_join(maps, size, align_corners=False):
    """Compute the equation level by level."""
    return torch.cat([
        F.interpolate(F.normalize(one, dim=1), size, mode='bilinear',
                      align_corners=align_corners) for one in maps], 1)


@pytest.mark.parametrize('align_corners', [False, True])
@pytest.mark.parametrize(('index', 'size'), [
    ((0, 1, 2), (10, 12)), ((2, 1), (10, 12)), ((0, -1), (5, 6)),
    ([-2], (10, 12))])
def test_levels_are_normalised_resized_to_the_finest_and_joined(
        index, size, align_corners):
    inputs = random_levels()
    channels = [inputs[i].shape[1] for i in index]
    found = PANetHead(
        channels, index, align_corners=align_corners).features(inputs)
    assert torch.equal(found, plain_join(
        [inputs[i] for i in index], size, align_corners))
    assert found.shape == (3, sum(channels), *size)


def test_each_level_has_the_same_weight_for_values_of_any_size():
    """The cells are (3, 4) and (0, 0.02)."""
    found = FeatureLevels((2, 2), (0, 1))([
        torch.tensor([3.0, 4]).view(1, 2, 1, 1),
        torch.tensor([0.0, 0.02]).view(1, 2, 1, 1)])
    torch.testing.assert_close(
        found.flatten(), torch.tensor([0.6, 0.8, 0, 1]))


def test_a_cell_of_zeros_stays_zero_and_gives_no_nan():
    inputs = [torch.zeros(1, 2, 1, 1, requires_grad=True) for _ in range(2)]
    found = FeatureLevels((2, 2), (0, 1))(inputs)
    gradients = torch.autograd.grad(found.sum(), inputs)
    assert not found.any()
    assert all(one.isfinite().all() for one in gradients)


def test_a_single_level_is_the_output_itself():
    inputs = random_levels()
    for index, channels in ((0, 4), (1, 3), (-1, 8)):
        assert PANetHead(channels, index).features(inputs) is inputs[index]
    assert PANetHead(8).features(inputs) is inputs[2]


@pytest.mark.parametrize('dtype', [
    pytest.param(torch.float16, marks=float16_on_cpu), torch.bfloat16])
def test_half_precision_is_normalised_and_resized_in_float32(dtype):
    inputs = [one.clamp(-200, 200) for one in random_levels(dtype=dtype)]
    with torch.autocast('cpu', dtype=dtype):
        found = PANetHead((4, 3, 8), (0, 1, 2)).features(inputs)
    assert torch.equal(
        found, plain_join([one.float() for one in inputs], (10, 12)))
    assert found.dtype == torch.float32


def test_the_memory_format_channels_last_is_preserved():
    inputs = [one.contiguous(memory_format=torch.channels_last)
              for one in random_levels()]
    found = FeatureLevels((4, 3, 8), (0, 1, 2))(inputs)
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_resize_concat_is_the_default_of_a_list():
    for given in (None, 'resize_concat'):
        head = PANetHead((4, 3), (0, 1), input_transform=given)
        assert head.input_transform == 'resize_concat'
        assert head.in_channels == 7 and head.in_index == (0, 1)
    assert PANetHead(8).input_transform is None


def test_losses_and_gradients_are_those_of_the_joined_map():
    _, samples = random_episodes(2, 2, 1, 1)
    inputs = [one.requires_grad_() for one in random_levels(len(samples))]
    joined = plain_join(inputs, (10, 12))
    values = []
    for head, features in (
            (PANetHead((4, 3, 8), (0, 1, 2)), inputs),
            (PANetHead(15), [joined])):
        losses = head.loss(features, samples)
        loss = losses['loss_seg'] + losses['loss_align']
        values.append([loss, *torch.autograd.grad(loss, inputs)])
    for one, other in zip(*values, strict=True):
        assert other.abs().max() > 0
        torch.testing.assert_close(one, other)


def test_episodes_and_a_fit_classify_the_joined_map():
    _, samples = random_episodes(1, 2, 1, 1)
    inputs = random_levels()
    head, plain = PANetHead((4, 3, 8), (0, 1, 2)), PANetHead(15)
    joined = [plain_join(inputs, (10, 12))]
    expected = plain.predict_episodes(joined, samples)
    assert expected.shape == (1, 3, 10, 12)
    assert torch.equal(head.predict_episodes(inputs, samples), expected)
    head.fit([one[:2] for one in inputs], samples[:2])
    torch.testing.assert_close(
        head.forward([one[2:] for one in inputs]), expected)


@compiles
def test_several_levels_compile_to_one_graph():
    _, samples = random_episodes(1, 2, 1, 1)
    inputs = random_levels()
    head = PANetHead((4, 3, 8), (0, 1, 2))
    compiled = torch.compile(head.loss, fullgraph=True, backend='aot_eager')
    torch.testing.assert_close(
        compiled(inputs, samples), head.loss(inputs, samples))


@pytest.mark.parametrize('levels', [
    dict(in_channels=4, in_index=(0, 1)),
    dict(in_channels=(4, 3), in_index=0),
    dict(in_channels=(4, 3)),
    dict(in_channels=(4, 3), in_index=(0, 1, 2)),
    dict(in_channels=(), in_index=()),
    dict(in_channels=(4, None), in_index=(0, 1)),
    dict(in_channels=4, in_index='1'),
    dict(in_channels=4, in_index=None)])
def test_inconsistent_channels_and_indices_raise_an_error(levels):
    with pytest.raises(
            InputError,
            match='lists with an integer for each level, got in_channel'):
        PANetHead(**levels)


@pytest.mark.parametrize('levels', [
    dict(in_channels=(4, 3), in_index=(0, 1),
         input_transform='multiple_select'),
    dict(in_channels=(4, 3), in_index=(0, 1), input_transform='sum'),
    dict(in_channels=4, input_transform='multiple_select'),
    dict(in_channels=4, input_transform='resize_concat')])
def test_an_inconsistent_input_transform_raises_an_error(levels):
    with pytest.raises(
            InputError, match='the head needs one feature map, got input_tr'):
        PANetHead(**levels)


def test_the_error_of_a_level_names_it():
    inputs = random_levels()
    with pytest.raises(
            InputError,
            match=r'in_channels=5 .* of 3 channels; .* at in_index=1$'):
        PANetHead((4, 5, 8), (0, 1, 2)).features(inputs)
    for index in (3, -4):
        with pytest.raises(
                InputError, match=f'in_index={index} .* the 3 outputs'):
            PANetHead((4, 3), (0, index)).features(inputs)


@pytest.mark.parametrize(('base', 'config', 'channels'), [
    ('panet_r18-d8-s23',
     'panet_r18-d8-s23_1xb4-600iters_msrc7i-225x225', 128 + 256),
    ('panet_r50-d8-s23',
     'panet_r50-d8-s23-no-align_1xb4-6k_pascal5i-473x473', 512 + 1024)])
@torch.no_grad()
def test_the_configs_of_two_stages_join_stages_2_and_3(
        base, config, channels):
    base, config = (
        Config.fromfile(CONFIGS / path).model
        for path in (f'_base_/models/{base}.py', f'panet/{config}.py'))
    assert base.backbone.out_indices == config.backbone.out_indices == (1, 2)
    for setting in ('in_channels', 'in_index', 'input_transform'):
        assert base.decode_head[setting] == config.decode_head[setting]
    model = MODELS.build(config | dict(
        backbone=config.backbone | dict(init_cfg=None))).eval()
    outputs = model.extract_feat(torch.zeros(1, 3, 32, 40))
    assert torch.equal(
        model.decode_head.features(outputs), plain_join(outputs, (4, 5)))
    assert model.decode_head.in_channels == channels
