"""The configs that come with the package, their names and their indices."""
import copy
import re
from functools import cache
from pathlib import Path

import mmcv
import numpy as np
import pytest
import torch
import yaml
from inference_parts import red_and_blue
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.infer import BaseInferencer
from mmengine.structures import PixelData
from mmseg.apis import inference_model, init_model
from mmseg.structures import SegDataSample
from tool_runs import REPO

from mmseg_panet.apis import FewShotInferencer
from mmseg_panet.config.bundled_configs import config_files
from mmseg_panet.config.config_file import read_config
from mmseg_panet.inference.images.image_pipeline import image_steps

FILES = config_files()
DATA = {
    'PascalVOCDataset': 'pascal5i', 'COCO20iDataset': 'coco20i',
    'FSSDataset': 'fss1000', 'LVIS92iDataset': 'lvis92i',
    'MSRCDataset': 'msrc7i', 'ToyDataset': 'toy3i'}
TRAINED = [name for name in FILES if '_imagenet-' not in name]
_read = cache(read_config)


def config(name):
    """A config, which takes a fifth of a second to read."""
    return copy.deepcopy(_read(name))


def network_of(backbone):
    """The name of a backbone by its settings."""
    kind = backbone.type.removeprefix('mmpretrain.')
    if kind == 'TIMMBackbone':
        name = backbone.model_name
        assert '.dinov3_' in name or '_dinov3.' in name
        return dict(
            convnext_tiny='dinov3-convnext-t',
            vit_small_patch16_dinov3='dinov3-vit-s-p16')[name.split('.')[0]]
    if kind in ('VisionTransformer', 'ViTEVA02'):
        method = 'eva02' if kind == 'ViTEVA02' else (
            'clip' if backbone.get('pre_norm') else 'dinov2')
        size = backbone.arch.removeprefix('dinov2-')[0]
        assert f'{method}/' in backbone.init_cfg.checkpoint
        return f'{method}-{size}-p{backbone.patch_size}'
    if kind == 'ConvNeXt':
        return {96: 'convnext-t', 128: 'convnext-b'}[backbone.arch.channels[0]]
    if kind == 'SwinTransformer':
        return 'swin-' + backbone.get('arch', 'tiny')[0]
    if kind == 'HRNet':
        return f'hrnet-w{backbone.extra.stage4.num_channels[0]}'
    if kind == 'MixVisionTransformer':
        return {(3, 4, 6): 'mit-b2'}[tuple(backbone.num_layers)]
    return dict(
        DilatedResNet='r', DilatedVGG='vgg', ResNet='resnet',
        ResNeSt='resnest')[kind] + f"{backbone.get('depth', 16)}-d8"


def name_of(cfg):
    """The name of a config by what is in it."""
    model = cfg.model
    head = model.decode_head
    method = 'discriminant' if head.get('classifier') else 'panet'
    if head.type == 'GeneralizedHead':
        method = 'generalized'
    network = network_of(model.backbone)
    if tuple(model.backbone.get('out_indices', ())) == (1, 2):
        assert head.in_index == (0, 1)
        network += '-s23'
    if 'train_dataloader' not in cfg:
        size, = (step.scale for step in cfg.test_pipeline
                 if step.type == 'Resize')
        return f'{method}_{network}_imagenet-{size[0]}x{size[1]}'
    if method == 'panet' and head.loss_align is None:
        network += '-no-align'
    steps = cfg.train_cfg.max_iters
    # 800iters, but 6k and 30k.
    steps = f'{steps}iters' if steps % 1000 else f'{steps // 1000}k'
    loader = cfg.train_dataloader
    dataset = loader.dataset
    data = DATA[dataset.pools[dataset.pool].type]
    if str(dataset.get('folds')).endswith('-contiguous'):
        data += '-contiguous'
    height, width = model.data_preprocessor.size
    schedule = f'1xb{loader.batch_size}-{steps}'
    return f'{method}_{network}_{schedule}_{data}-{height}x{width}'


@pytest.mark.parametrize('name', FILES)
def test_a_name_says_what_the_config_is(name):
    cfg = config(name)
    assert name_of(cfg) == name
    ours = cfg.model.backbone.type in ('DilatedResNet', 'DilatedVGG')
    assert FILES[name].parent.name == (
        name.split('_')[0] if ours else 'backbones')


@pytest.mark.parametrize('name', TRAINED)
def test_all_sizes_of_a_config_are_that_of_its_name(name):
    cfg = config(name)
    size = tuple(map(int, re.search(r'(\d+)x(\d+)$', name).groups()))
    dataset = cfg.train_dataloader.dataset
    if 'pipeline' in dataset:
        # As in mmseg, it is the size of the crops.
        crop, = (step.crop_size for step in dataset.pipeline
                 if step.type == 'RandomCrop')
        assert crop == size
        return
    text = str(dataset.support_pipeline)
    text += str(cfg.test_pipeline)
    sizes = re.findall(r"(?:scale|crop_size)': \((\d+), (\d+)\)", text)
    assert {tuple(map(int, one)) for one in sizes} <= {size}
    # The toy images have the size of their name: nothing resizes them.
    assert sizes or '_toy3i-' in name


@pytest.mark.parametrize('name', FILES)
def test_a_test_pipeline_prepares_an_image_as_the_query_is(name):
    cfg = config(name)
    load, *steps, pack = cfg.test_pipeline
    assert load == dict(type='LoadImageFromFile')
    assert pack == dict(type='PackSegInputs')
    assert steps == image_steps(cfg)
    if name in TRAINED:
        cfg.pop('test_pipeline')
        assert steps == image_steps(cfg)


@pytest.mark.parametrize('name', [
    'panet_r18-d8_1xb4-800iters_toy3i-128x128',
    'panet_r18-d8-s23_imagenet-473x473'])
def test_mmseg_initialises_a_model_and_segments_by_it(name, tmp_path):
    """A support is fitted first, as an image alone has no classes."""
    model = init_model(str(FILES[name]), device='cpu')
    image, mask = red_and_blue(1)['red'][0]
    model.decode_head.fit(
        model.extract_feat(torch.rand(1, 3, 64, 80)), [SegDataSample(
            gt_sem_seg=PixelData(data=torch.from_numpy(mask)[None].long()),
            metainfo=dict(way=1, ori_shape=mask.shape,
                          img_shape=(64, 80)))])
    mmcv.imwrite(image, str(tmp_path / 'image.png'))
    for one in (str(tmp_path / 'image.png'), image):
        found = inference_model(model, one).pred_sem_seg.data
        assert found.shape == (1, *image.shape[:2])
        assert set(found.unique().tolist()) <= {0, 1}


def test_photographs_need_a_config_of_imagenet_alone(tmp_path, monkeypatch):
    """With random weights here: those of torchvision are a download."""
    cfg = config('panet_r18-d8-s23_imagenet-473x473')
    assert not [key for key in cfg if re.match('(train|val|test)_data', key)]
    assert cfg.model.backbone.init_cfg == dict(
        type='Pretrained', checkpoint='torchvision://resnet18')
    # It computes what the ImageNet network computes.
    assert cfg.model.backbone.dilate_both
    cfg.model.backbone.init_cfg = None
    cfg.test_pipeline[1].scale = (65, 65)
    inferencer = FewShotInferencer(cfg, device='cpu', show_progress=False)
    inferencer.fit(red_and_blue(1))
    image, _ = red_and_blue(1)['blue'][0]
    assert inferencer(image)['predictions'].shape == image.shape[:2]
    assert inferencer.pipeline(dict(img=image))['inputs'].shape == (3, 65, 65)
    assert type(inferencer.model.decode_head.classifier).__name__ == (
        'AutoClassifier')


def test_every_config_is_in_one_metafile_and_every_entry_exists():
    index = yaml.safe_load((REPO / 'model-index.yml').read_text())
    metafiles = [REPO / path for path in index['Import']]
    assert sorted(metafiles) == sorted(REPO.glob('configs/*/metafile.yml'))
    found = []
    for path in metafiles:
        content = yaml.safe_load(path.read_text())
        collection, = content['Collections']
        assert (REPO / collection['README']).parent == path.parent
        for model in content['Models']:
            assert model['In Collection'] == collection['Name']
            assert REPO / model['Config'] == path.parent / (
                model['Name'] + '.py')
            found.append(REPO / model['Config'])
            _check_metadata(model)
    assert sorted(found) == sorted(REPO.glob('configs/[!_]*/*.py'))


def _check_metadata(model):
    metadata = model['Metadata']
    if '_imagenet-' in model['Name']:
        assert set(metadata) == {'Architecture'}
        return
    cfg = config(model['Name'])
    assert metadata['Batch Size'] == cfg.train_dataloader.batch_size
    assert metadata['Iterations'] == cfg.train_cfg.max_iters
    for result in model.get('Results', []):
        assert result['Dataset'].startswith(metadata['Training Data'])
        assert all(0 < value < 100 for value in result['Metrics'].values())


def test_mmengine_finds_the_configs_and_lists_the_models(monkeypatch):
    # Where it looks is what matters: to read them all takes seconds.
    with monkeypatch.context() as patch:
        patch.setattr(Config, 'fromfile', lambda path, *_, **__: path)
        for name, path in FILES.items():
            found = get_config(f'mmseg_panet::{path.parent.name}/{name}.py')
            assert Path(found).resolve() == path.resolve()
    assert sorted(BaseInferencer.list_models('mmseg_panet')) == sorted(FILES)


def test_every_data_set_of_the_configs_is_in_the_index():
    index = yaml.safe_load((REPO / 'dataset-index.yml').read_text())
    assert set(index) == set(DATA.values())
    for name in TRAINED:
        cfg = config(name)
        data = name.rpartition('_')[2].split('-')[0]
        assert index[data]['data_root'] == cfg.data_root


@pytest.mark.parametrize(
    'method', ['panet', 'discriminant', 'generalized', 'backbones'])
def test_the_readme_of_a_folder_links_all_of_its_configs(method):
    text = (REPO / f'configs/{method}/README.md').read_text()
    links = dict(re.findall(r'\[([\w-]+)\]\(([\w-]+\.py)\)', text))
    assert links == {name: f'{name}.py' for name, path in FILES.items()
                     if path.parent.name == method}
    for path in re.findall(r'\]\((\.\./[\w./-]+)\)', text):
        assert (REPO / 'configs' / method / path).is_file()
    assert np.all([name in FILES for name in re.findall(
        r'mmseg-panet (?:train|test) (\S+)', text)])
