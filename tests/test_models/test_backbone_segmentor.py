"""What a segmentor refuses, or corrects, of its backbone."""
import copy

import pytest
import torch
import torch.nn.functional as F
from backbone_configs import FILES, config
from inference_parts import red_and_blue
from mmengine.config import Config, ConfigDict
from mmseg.registry import MODELS

from mmseg_panet.apis import FewShotInferencer
from mmseg_panet.errors import InputError
from mmseg_panet.inference.model_loading import load_weights

ARCH = dict(
    embed_dims=24, num_layers=2, num_heads=2, feedforward_channels=24)
VIT = dict(
    type='mmpretrain.VisionTransformer', arch=ARCH, img_size=28,
    patch_size=14, out_type='featmap')


def model_cfg(backbone, **head):
    return ConfigDict(
        type='FewShotSegmentor',
        data_preprocessor=dict(
            type='SegDataPreProcessor', mean=[100, 110, 120],
            std=[50, 60, 70], test_cfg=dict(size_divisor=14)),
        backbone=backbone,
        decode_head=dict(type='PANetHead', **(dict(in_channels=24) | head)))


def build(backbone=VIT, **head):
    torch.manual_seed(0)
    model = MODELS.build(model_cfg(backbone, **head))
    model.init_weights()
    return model.eval()


def features_of(model, height=28, width=42):
    return model.decode_head.features(
        model.extract_feat(torch.rand(2, 3, height, width)))


@pytest.mark.parametrize(('change', 'ndim'), [
    (dict(out_type='cls_token'), 2), (dict(out_type='avg_featmap'), 2),
    (dict(out_type='raw'), 3)])
def test_features_of_a_vision_transformer_must_be_a_map(change, ndim):
    assert features_of(build()).shape == (2, 24, 2, 3)
    with pytest.raises(InputError, match=(
            f'expected feature maps .* got {ndim} at in_index=-1.*out_type='
            "'featmap'")):
        features_of(build(VIT | change))


def test_a_convnext_must_not_average_over_its_image():
    convnext = dict(
        type='mmpretrain.ConvNeXt', out_indices=0,
        arch=dict(depths=(1, ), channels=(8, )))
    with pytest.raises(InputError, match='gap_before_final_norm=False of Co'):
        features_of(build(convnext, in_channels=8))
    assert features_of(build(dict(
        convnext, gap_before_final_norm=False), in_channels=8),
        32, 32).shape == (2, 8, 8, 8)


def test_a_list_of_levels_normalises_the_middle_layers_of_a_transformer():
    """Only the last layer has a norm layer behind it."""
    levels = dict(VIT, out_indices=(0, 1))
    middle, last = build(levels).extract_feat(torch.rand(1, 3, 56, 56))
    assert last.var(1, unbiased=False).sub(1).abs().max() < 1e-3
    assert middle.var(1).sub(1).abs().min() > 0.1
    one = features_of(build(levels, in_channels=[24], in_index=[0]))
    torch.testing.assert_close(one.norm(dim=1), torch.ones(2, 2, 3))
    both = features_of(build(levels, in_channels=[24, 24], in_index=[0, 1]))
    for level in both.split(24, 1):
        torch.testing.assert_close(level.norm(dim=1), torch.ones(2, 2, 3))


@pytest.mark.parametrize('name', [
    name for name in FILES if 'eva02' in name or 'dinov3' in name])
def test_configs_without_a_last_norm_layer_normalise_each_cell(name):
    head = config(name).model.decode_head
    assert head.in_channels == [384] and head.in_index == [0]


def test_a_backbone_does_not_change_its_config():
    """mmpretrain writes the positive index into a list."""
    cfg = model_cfg(dict(VIT, out_indices=[-1]))
    before = copy.deepcopy(cfg)
    for layers in (2, 3):
        cfg.backbone.arch.num_layers = before.backbone.arch.num_layers = layers
        model = MODELS.build(cfg)
        assert model.backbone.out_indices == [layers - 1]
        assert cfg == before


def test_a_map_that_is_smaller_than_a_window_is_padded_or_refused():
    swin = dict(
        type='mmpretrain.SwinTransformer', out_indices=(0, ),
        arch=dict(embed_dims=24, depths=[2], num_heads=[2]))
    with pytest.raises(InputError, match=(
            r'SwinTransformer can encode, got 24 x 32 \(The input shape '
            r'\(6, 8\) is smaller .*pad_small_map=True')):
        features_of(build(swin), 24, 32)
    for one in (dict(swin, pad_small_map=True), dict(
            type='SwinTransformer', embed_dims=24, depths=(2, ),
            num_heads=(2, ), strides=(4, ), out_indices=(0, ))):
        assert features_of(build(one), 24, 32).shape == (2, 24, 6, 8)


def test_a_beit_takes_images_of_its_own_size_only():
    beit = build(dict(
        VIT, type='mmpretrain.BEiTViT', arch=ARCH, use_abs_pos_emb=True))
    assert features_of(beit, 28, 28).shape == (2, 24, 2, 2)
    with pytest.raises(InputError, match='BEiTViT can encode, got 28 x 42'):
        features_of(beit, 28, 42)
    with pytest.raises(RuntimeError, match='expected input.*to have 3 chan'):
        beit.extract_feat(torch.rand(1, 4, 28, 28))


def test_the_position_embedding_is_interpolated_to_other_sizes():
    """Its weights alone are left: the other parts give zeros."""
    model = build(dict(VIT, final_norm=False))
    backbone = model.backbone
    with torch.no_grad():
        for name, parameter in backbone.named_parameters():
            if name != 'pos_embed':
                parameter.zero_()
    own = backbone.pos_embed[0, 1:].T.reshape(1, 24, 2, 2)
    for size in ((2, 2), (2, 3), (5, 4)):
        torch.testing.assert_close(
            model.extract_feat(torch.rand(
                1, 3, 14 * size[0], 14 * size[1]))[0], own
            if size == (2, 2) else F.interpolate(own, size, mode='bicubic'))


@pytest.fixture
def saved(tmp_path):
    """Weights of the transformer as mmpretrain saves them."""
    state = build().backbone.state_dict()
    path = tmp_path / 'vit.pth'
    torch.save({'state_dict': {
        **{f'backbone.{key}': value for key, value in state.items()},
        'head.fc.weight': torch.zeros(1000, 24)}}, path)
    return path, state


def pretrained(path, prefix='backbone.', **settings):
    return dict(VIT, **settings, init_cfg=dict(
        type='Pretrained', checkpoint=str(path), prefix=prefix))


def test_weights_are_loaded_by_their_prefix_or_refused(saved):
    path, state = saved
    model = MODELS.build(model_cfg(pretrained(path)))
    model.init_weights()
    for key, value in model.backbone.state_dict().items():
        assert torch.equal(value, state[key])
    model = MODELS.build(model_cfg(pretrained(path, None)))
    with pytest.raises(InputError, match=(
            r"weights of the backbone in \S+vit\.pth, but 'cls_token' and "
            r"\d+ other weights are missing; correct the prefix .*"
            r"prefix='backbone\.'")):
        model.init_weights()


def test_weights_of_another_size_of_images_are_interpolated(saved):
    path, state = saved
    model = MODELS.build(model_cfg(pretrained(path, img_size=56)))
    model.init_weights()
    own = state['pos_embed'][0, 1:].T.reshape(1, 24, 2, 2)
    torch.testing.assert_close(
        model.backbone.pos_embed[0, 1:].T.reshape(1, 24, 4, 4),
        F.interpolate(own, (4, 4), mode='bicubic'))
    # A checkpoint of a trained model belongs to its config.
    with pytest.raises(InputError, match='use the config that it was trained'):
        load_weights(model, str(path))


def test_weights_of_another_patch_size_are_refused(saved):
    """CLIP ViT-L/14 has a config with patches of 16 pixels in mmpretrain."""
    path, _ = saved
    model = MODELS.build(model_cfg(pretrained(
        path, patch_size=16, img_size=32)))
    with pytest.raises(InputError, match=(
            r"vit\.pth below 'backbone\.', but "
            r"'patch_embed\.projection\.weight' has another shape there; .*"
            r'patch_size')):
        model.init_weights()


def test_missing_norm_layers_of_earlier_stages_are_no_fault(tmp_path):
    swin = dict(embed_dims=24, num_heads=(2, ), strides=(4, ), depths=(1, ),
                out_indices=(0, ), type='SwinTransformer')
    state = MODELS.build(swin).state_dict()
    torch.save({key: value for key, value in state.items()
                if not key.startswith('norm0')}, tmp_path / 'swin.pth')
    init_cfg = dict(
        type='Pretrained', checkpoint=str(tmp_path / 'swin.pth'))
    model = MODELS.build(model_cfg(dict(swin, init_cfg=init_cfg)))
    model.init_weights()
    # mmseg's Swin loads by itself.
    model = MODELS.build(model_cfg(dict(
        swin, embed_dims=48, init_cfg=init_cfg), in_channels=48))
    with pytest.raises(InputError, match='has another shape there'):
        model.init_weights()


def test_a_bank_and_a_checkpoint_of_eva02_fit_after_images_of_other_sizes(
        tmp_path):
    """mmpretrain keeps the rotary embedding of the last image as a buffer."""
    cfg = Config(dict(
        model=model_cfg(dict(VIT, type='mmpretrain.ViTEVA02')),
        test_pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='Resize', scale=(42, 42), keep_ratio=False),
            dict(type='PackSegInputs')]))
    torch.manual_seed(0)
    first = FewShotInferencer(cfg, device='cpu', show_progress=False)
    first.fit(red_and_blue(1)).save(tmp_path / 'bank.safetensors')
    torch.save(first.model.state_dict(), tmp_path / 'eva.pth')
    second = FewShotInferencer(
        cfg, str(tmp_path / 'eva.pth'), device='cpu', show_progress=False)
    image, _ = red_and_blue(1)['blue'][0]
    assert (second.load(tmp_path / 'bank.safetensors')(image)['predictions']
            == first(image)['predictions']).all()


def test_each_config_normalises_images_as_its_weights_expect():
    of_clip = [122.7709383, 116.7460125, 104.09373615]
    for name in FILES:
        preprocessor = config(name).model.data_preprocessor
        clip = '_clip-' in name or '_eva02-' in name
        assert preprocessor.bgr_to_rgb  # OpenCV reads images as BGR
        assert preprocessor.mean == (
            of_clip if clip else [123.675, 116.28, 103.53])
