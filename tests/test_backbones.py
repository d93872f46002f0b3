"""Every config of configs/backbones, through all commands, at a small size."""
import json

import numpy as np
import pytest
import torch
from backbone_configs import FILES, config
from inference_parts import red_and_blue
from mmengine.config import Config
from mmseg.apis import inference_model, init_model
from tool_runs import tool

from mmseg_panet.apis import FewShotInferencer
from mmseg_panet.config.config_file import read_config
from mmseg_panet.datasets.toy.toy_dataset import make_toy_examples
from mmseg_panet.inference.banked_model import write_banked_model

QUICK = ('resnet50-d8', 'hrnet-w18', 'swin-t', 'mit-b2', 'convnext-t',
         'dinov2-s-p14', 'dinov3-vit-s-p16')
"""One backbone of each family, for which there is time in each run."""
TOY = 'panet_r18-d8_1xb4-800iters_toy3i-128x128'


def resized(node, old, new):
    """Replace a size everywhere in a config."""
    if isinstance(node, dict):
        for key, value in node.items():
            node[key] = resized(value, old, new)
        return node
    if isinstance(node, list):
        return [resized(one, old, new) for one in node]
    return new if node == old else node


def small_size(cfg):
    """Return a few cells, as a multiple of the patches."""
    divisor = cfg.model.data_preprocessor.get('test_cfg', {}).get(
        'size_divisor')
    return 65 if divisor is None else 4 * divisor if divisor < 32 else 64


def named(name):
    short = name.split('_')[1]
    return pytest.param(
        name, id=short, marks=() if short in QUICK else pytest.mark.slow)


@pytest.mark.parametrize('name', [
    named(name) for name in FILES if '_imagenet-' not in name])
def test_a_backbone_trains_is_tested_and_fits_and_loads_a_bank(
        name, tmp_path, toy_root):
    cfg = config(name)
    side = small_size(cfg)
    old = cfg.model.data_preprocessor.size
    small = tmp_path / 'small.py'
    cfg = resized(cfg._cfg_dict, old, (side, side))
    toy = read_config(TOY)
    cfg.train_cfg.update(max_iters=2, val_interval=2)
    for loader, episodes in (('train', 8), ('val', 2), ('test', 20)):
        cfg[f'{loader}_dataloader'].update(batch_size=2, num_workers=0)
        cfg[f'{loader}_dataloader'].dataset.update(
            num_episodes=episodes, min_area=1, folds='toy-3i',
            pools=toy[f'{loader}_dataloader'].dataset.pools)
    cfg.test_dataloader.dataset.num_runs = 1
    cfg.default_hooks.checkpoint.update(interval=2, save_optimizer=False)
    Config(cfg).dump(small)

    tool('train', small, '--data-root', toy_root, '--work-dir',
         tmp_path / 'run')
    weights = tmp_path / 'run/iter_2.pth'
    tool('test', small, weights, '--data-root', toy_root, '--work-dir',
         tmp_path / 'test', '--out', tmp_path / 'scores.json')
    scores = json.loads((tmp_path / 'scores.json').read_text())
    assert scores['num_episodes'] == 20 and 0 <= scores['mIoU'] <= 100
    make_toy_examples(tmp_path, num_shots=1, num_photos=2, size=64)
    bank = tmp_path / 'bank.safetensors'
    tool('fit', small, weights, '--support', tmp_path / 'examples', '--out',
         bank)

    inferencer = FewShotInferencer(
        str(small), str(weights), device='cpu', show_progress=False)
    photos = sorted((tmp_path / 'photos').iterdir())
    fitted = inferencer.fit(tmp_path / 'examples')(photos)['predictions']
    loaded = inferencer.load(bank)(photos)['predictions']
    for one, other in zip(fitted, loaded, strict=True):
        assert one.shape == (64, 64)
        np.testing.assert_array_equal(one, other)
    state = torch.load(weights, map_location='cpu', weights_only=False)
    assert all(value.isfinite().all() for value in
               state['state_dict'].values() if value.is_floating_point())


def test_photographs_of_a_config_without_training_are_segmented():
    cfg = config('panet_dinov2-s-p14_imagenet-448x448')
    cfg.test_pipeline[1].scale = (56, 56)
    inferencer = FewShotInferencer(cfg, device='cpu', show_progress=False)
    image, _ = red_and_blue(1)['blue'][0]
    found = inferencer.fit(red_and_blue(1))(image)['predictions']
    assert found.shape == image.shape[:2]


@pytest.mark.parametrize('name', [
    'panet_dinov2-s-p14_imagenet-448x448',
    'panet_dinov3-vit-s-p16_1xb4-600iters_msrc7i-224x224'])
def test_mmseg_segments_by_a_bank_on_incomplete_patches(name, tmp_path):
    cfg = config(name)
    cfg.test_pipeline[1].scale = (62, 62)
    cfg.pop('test_dataloader', None)
    inferencer = FewShotInferencer(cfg, device='cpu', show_progress=False)
    inferencer.fit(red_and_blue(1))
    if 'dinov3' in name:
        inferencer.cfg.model.backbone.pretrained = True  # a download
    paths = write_banked_model(inferencer, tmp_path, 'banked')
    model = init_model(*map(str, paths), device='cpu')
    for image, _ in sum(red_and_blue(2).values(), []):
        np.testing.assert_array_equal(
            inference_model(model, image).pred_sem_seg.data[0],
            inferencer(image)['predictions'])
