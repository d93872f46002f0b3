"""Cells of patches, which must be where the resize of a map puts them."""
import copy
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from backbone_configs import config
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn

from mmseg_panet.apis import FewShotInferencer
from mmseg_panet.errors import InputError
from mmseg_panet.models import LogitMap
from mmseg_panet.models.patch_grid import output_stride, patch_size

VIT = dict(embed_dims=24, num_layers=1, num_heads=2, feedforward_channels=24)
DINOV2 = 'panet_dinov2-s-p14_1xb4-600iters_msrc7i-224x224'


def segmentor(kind, channels, test_cfg=None, in_index=-1, **backbone):
    torch.manual_seed(0)
    return MODELS.build(dict(
        type='FewShotSegmentor',
        data_preprocessor=dict(
            type='SegDataPreProcessor', mean=[100, 110, 120],
            std=[50, 60, 70], test_cfg=test_cfg),
        backbone=dict(type=kind, **backbone),
        decode_head=dict(
            type='PANetHead', in_channels=channels, in_index=in_index))).eval()


@pytest.fixture(scope='module')
def dinov2():
    """The patches of the config of DINOv2-S, and two of its layers."""
    torch.manual_seed(0)
    cfg = config(DINOV2).model
    assert cfg.data_preprocessor.test_cfg == dict(size_divisor=14)
    cfg.backbone.arch = dict(
        embed_dims=384, num_layers=2, num_heads=6,
        feedforward_channels=4 * 384)
    model = MODELS.build(cfg)
    model.init_weights()
    return model.eval()


def photo(side):
    """A noisy image with a bright square, and its labels."""
    rng = np.random.default_rng(side)
    image = torch.from_numpy(
        rng.integers(0, 90, (3, side, side), dtype=np.uint8))
    labels = torch.zeros(side, side, dtype=torch.long)
    labels[side // 5:side // 2, side // 3:-3] = 1
    image[:, labels == 1] += 100
    return image, labels


@torch.no_grad()
def encoded(model, image):
    """Features of an image and its metainfo after the preprocessing."""
    sample = SegDataSample(metainfo=dict(
        ori_shape=image.shape[1:], img_shape=image.shape[1:]))
    data = model.data_preprocessor(dict(
        inputs=[image], data_samples=[sample]))
    features = model.decode_head.features(model.extract_feat(data['inputs']))
    return features, data['data_samples'][0].metainfo


@torch.no_grad()
def at_pixels(model, image, channels=slice(None)):
    """Cells, and the features of the pixels in some channels.

    Each cell is upsampled where its patch is. The image is padded by the
    backbone itself.
    """
    normalise = model.data_preprocessor
    image = (image[[2, 1, 0]] - normalise.mean) / normalise.std
    cells, = model.backbone(image[None])
    size = [14 * length for length in cells.shape[2:]]
    return cells, F.interpolate(
        cells[:, channels].double(), size, mode='bilinear')[
            ..., :image.shape[1], :image.shape[2]]


@pytest.mark.parametrize('side', [392, 420, 518, 417])
def test_pooled_cells_and_logits_of_dinov2_are_those_of_its_patches(
        dinov2, side):
    image, labels = photo(side)
    features, metainfo = encoded(dinov2, image)
    some = slice(None, None, 16)  # all of them would take gigabytes
    cells, pixels = at_pixels(dinov2, image, some)
    # The padding of the preprocessor is that of the backbone.
    torch.testing.assert_close(features, cells)
    found = dinov2.decode_head.class_statistics(
        features, labels[None].byte(), 1, metainfo)
    masks = torch.stack([labels != 255, labels == 1]).double()
    torch.testing.assert_close(
        found.sums[0][:, some],
        torch.einsum('chw,nhw->nc', pixels[0], masks))
    torch.testing.assert_close(found.areas[0], masks.sum((1, 2)))
    # The same resize brings logits to the image.
    torch.testing.assert_close(LogitMap.from_cells(
        features[0, some].double(), metainfo).rows(), pixels[0])


def test_without_padding_the_cells_of_417_pixels_would_be_elsewhere(dinov2):
    image, labels = photo(417)
    cells, pixels = at_pixels(dinov2, image, slice(4))
    stretched = F.interpolate(
        cells[:, :4].double(), (417, 417), mode='bilinear')
    mask = labels == 1
    error = (pixels - stretched)[..., mask].abs().mean()
    assert error > 0.05 * pixels[..., mask].abs().mean()
    plain = copy.deepcopy(dinov2)
    plain.data_preprocessor.test_cfg = None
    with pytest.raises(InputError, match=(
            r'multiple of 14 x 14 pixels, a cell of VisionTransformer, got '
            r'417 x 417; pad them by data_preprocessor.test_cfg=dict\('
            r'size_divisor=14\)')):
        encoded(plain, image)


def test_an_episode_of_145_pixels_agrees_with_the_patches(dinov2):
    """The query is its own support; 145 pixels have 11 patches, not 10.4."""
    image, labels = photo(145)
    samples = [
        SegDataSample(
            gt_sem_seg=PixelData(data=labels[None].clone()),
            metainfo=dict(
                role=role, way=1, shot=0, episode=0, class_ids=[3],
                class_names=['one'], ori_shape=(145, 145),
                img_shape=(145, 145)))
        for role in ('support', 'query')]
    batch = dinov2.data_preprocessor(dict(
        inputs=[image, image], data_samples=samples))
    with torch.no_grad():
        query, = dinov2.predict(**batch)
        _, pixels = at_pixels(dinov2, image)
        means = torch.stack([
            pixels[0][:, labels == way].mean(1) for way in (0, 1)])
    scores = torch.einsum(
        'kc,chw->khw', F.normalize(means), F.normalize(pixels[0], dim=0))
    agreement = query.pred_sem_seg.data[0] == scores.argmax(0)
    # The head normalises cells and the oracle normalises pixels.
    assert agreement.float().mean() > 0.99


CONVNEXT = partial(
    segmentor, 'mmpretrain.ConvNeXt', out_indices=1,
    arch=dict(depths=(1, 1), channels=(8, 16)), gap_before_final_norm=False)
SWIN = dict(depths=(1, 1), num_heads=(1, 2), out_indices=(0, 1))
BACKBONES = {
    'mmpretrain.VisionTransformer': (14, partial(
        segmentor, 'mmpretrain.VisionTransformer', 24, arch=VIT,
        patch_size=14, out_type='featmap')),
    'mmpretrain.ViTEVA02': (14, partial(
        segmentor, 'mmpretrain.ViTEVA02', 24, arch=VIT, patch_size=14,
        out_type='featmap')),
    'mmseg.VisionTransformer': (16, partial(
        segmentor, 'VisionTransformer', 24, embed_dims=24, num_layers=1,
        num_heads=2, out_indices=0)),
    'mmpretrain.SwinTransformer': (8, partial(
        segmentor, 'mmpretrain.SwinTransformer', 16, pad_small_map=True,
        arch=dict(embed_dims=8, depths=[1, 1], num_heads=[1, 2]),
        out_indices=(0, 1))),
    'mmseg.SwinTransformer': (8, partial(
        segmentor, 'SwinTransformer', 16, embed_dims=8, strides=(4, 2),
        **SWIN)),
    'mmpretrain.ConvNeXt': (8, partial(CONVNEXT, 16)),
}


@pytest.mark.parametrize('kind', BACKBONES)
@torch.no_grad()
def test_each_kind_of_patches_is_checked(kind):
    cell, build = BACKBONES[kind]
    model = build()
    height, width = 4 * cell, 6 * cell
    features = model.extract_feat(torch.rand(1, 3, height, width))[-1]
    assert features.shape[2:] == (4, 6)
    wrong = height + cell // 2  # a complete patch of a Swin, but no cell
    with pytest.raises(InputError, match=f'got {wrong} x {width}; pad them'):
        model.extract_feat(torch.rand(1, 3, wrong, width))
    with pytest.raises(InputError, match=f'got {height} x {width - 1}; pad'):
        model.extract_feat(torch.rand(1, 3, height, width - 1))


@pytest.mark.parametrize(('kind', 'channels', 'settings'), [
    ('ResNet', 64, dict(depth=18, base_channels=8, stem_channels=8)),
    ('MixVisionTransformer', 16, dict(
        embed_dims=8, num_stages=2, num_layers=(1, 1), num_heads=(1, 2),
        patch_sizes=(7, 3), strides=(4, 2), sr_ratios=(4, 2),
        out_indices=(0, 1)))])
@torch.no_grad()
def test_overlapping_windows_need_no_multiple(kind, channels, settings):
    model = segmentor(kind, channels, **settings)
    assert patch_size(model.backbone) is None
    assert model.extract_feat(torch.rand(1, 3, 61, 45))[-1].ndim == 4


def test_only_a_first_convolution_without_overlap_makes_patches():
    for convolution, expected in (
            (nn.Conv2d(3, 4, 14, 14), (14, 14)),
            (nn.Conv2d(3, 4, (2, 4), (2, 4), 'valid'), (2, 4)),
            (nn.Conv2d(3, 4, 7, 4, 3), None), (nn.Conv2d(3, 4, 4, 2), None),
            (nn.Conv2d(3, 4, 4, 4, 2), None), (nn.Conv2d(3, 4, 1), None)):
        assert patch_size(nn.Sequential(
            convolution, nn.Conv2d(4, 4, 2, 2))) == expected
    assert patch_size(nn.Linear(2, 2)) is None


@pytest.mark.parametrize('patch', [4, 14, 16])
@pytest.mark.parametrize('pads', [False, True])
def test_exactly_the_lengths_with_an_incomplete_cell_are_found(patch, pads):
    """Step by step, a network halves a map with or without the rest."""
    for pixels in range(1, 300):
        cells, size = -(-pixels // patch) if pads else pixels // patch, patch
        while cells > 1:
            stride = output_stride(pixels, cells, patch)
            assert (pixels % stride == 0) == (pixels % size == 0)
            cells, size = (cells + pads) // 2, 2 * size


def test_the_inferencer_refuses_incomplete_patches_in_mmsegs_segmentor():
    cfg = config('panet_dinov2-s-p14_imagenet-448x448')
    cfg.test_pipeline[1].scale = (62, 62)
    cfg.model.type = 'EncoderDecoder'
    del cfg.model.channels_last
    cfg.model.backbone.arch = dict(VIT, embed_dims=384)
    image, labels = photo(62)
    examples = dict(one=[(
        image.permute(1, 2, 0).numpy(), labels.byte().numpy())])
    FewShotInferencer(cfg, device='cpu', show_progress=False).fit(examples)
    del cfg.model.data_preprocessor.test_cfg
    inferencer = FewShotInferencer(cfg, device='cpu', show_progress=False)
    with pytest.raises(InputError, match='a multiple of 14 x 14 pixels'):
        inferencer.fit(examples)
