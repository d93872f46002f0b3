import pytest
import torch
from mmengine.config import Config
from mmseg.models.backbones import TIMMBackbone
from mmseg.registry import MODELS

from mmseg_panet.config.bundled_configs import config_files
from mmseg_panet.config.config_file import read_config
from mmseg_panet.config.settings import (
    apply_settings,
    check_places,
    leave_timm_out,
    remove_hooks,
    set_pretrained,
)
from mmseg_panet.errors import InputError
from mmseg_panet.runs.checkpoint import start_from

TOY = 'panet_r18-d8_1xb4-800iters_toy3i-128x128'
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


@pytest.mark.parametrize('name', [
    name for name in config_files() if '_imagenet-' not in name])
def test_a_setting_reaches_every_place_of_every_config(name):
    cfg = read_config(name)
    apply_settings(
        cfg, fold=2, ways=2, shots=5, data_root='elsewhere',
        pretrained='weights.pth', queries=3)
    for loader in LOADERS:
        dataset = cfg[loader].dataset
        assert dataset.fold == 2
        # Those of single images have no ways.
        if dataset.type != 'ClosedSetDataset':
            assert (dataset.num_ways, dataset.num_shots) == (2, 5)
            assert dataset.num_queries == 3
        pools = dataset.get('pools') or dict(all=dataset.dataset)
        for pool in pools.values():
            assert pool.data_root == 'elsewhere'
    backbone = cfg.model.backbone
    by_timm = backbone.type == 'TIMMBackbone'
    file = (backbone.pretrained_cfg_overlay.file if by_timm
            else backbone.init_cfg.checkpoint)
    assert file == 'weights.pth'
    # FSS-1000 has lists of classes in place of folds.
    assert (cfg.get('fold', 2), cfg.num_shots, cfg.data_root) == (
        2, 5, 'elsewhere')


def test_settings_that_are_not_given_do_not_change():
    name = 'panet_r50-d8-no-align_1xb4-6k_pascal5i-473x473'
    cfg, before = read_config(name), read_config(name)
    apply_settings(cfg, shots=1)
    assert cfg.to_dict() == before.to_dict()


def test_a_config_without_episodes_is_named(tmp_path):
    path = tmp_path / 'fcn.py'
    path.write_text('model = dict()')
    cfg = Config.fromfile(path)
    with pytest.raises(InputError, match=r'EpisodicDataset in .*fcn\.py'):
        apply_settings(cfg, fold=1)


def test_a_checkpoint_of_the_backbone_replaces_that_of_mmsegs_bases():
    """mmseg refuses ``model.pretrained`` beside ``init_cfg``."""
    cfg = read_config(TOY)
    cfg.merge_from_dict(dict(model=dict(
        pretrained='open-mmlab://resnet50_v1c', backbone=dict(
            _delete_=True, type='ResNetV1c', depth=18, base_channels=8,
            stem_channels=8), decode_head=dict(in_channels=64))))
    apply_settings(cfg, pretrained='mine.pth')
    assert MODELS.build(cfg.model).backbone.init_cfg == dict(
        type='Pretrained', checkpoint='mine.pth')


def test_weights_of_a_file_have_the_prefix_of_the_config():
    """mmpretrain saves a backbone below 'backbone.'."""
    cfg = read_config('panet_dinov2-s-p14_1xb4-600iters_msrc7i-224x224')
    before = cfg.model.backbone.init_cfg
    apply_settings(cfg, pretrained='mine.pth')
    assert cfg.model.backbone.init_cfg == dict(before, checkpoint='mine.pth')
    set_pretrained(cfg, 'alone.pth', is_alone=True)
    assert cfg.model.backbone.init_cfg == dict(
        type='Pretrained', checkpoint='alone.pth')


@pytest.mark.parametrize('kind', [
    TIMMBackbone, 'TIMMBackbone', 'mmseg.TIMMBackbone',
    'mmseg.models.backbones.TIMMBackbone'])
def test_timm_is_left_out_whatever_form_its_type_has(kind):
    backbone = dict(type=kind)
    leave_timm_out(backbone)
    assert backbone['pretrained'] is False


def test_timm_loads_a_file_and_nothing_if_a_checkpoint_follows(tmp_path):
    timm = pytest.importorskip('timm')
    state = timm.create_model('vit_small_patch16_dinov3').state_dict()
    torch.save(state, tmp_path / 'timm.pth')
    cfg = read_config('panet_dinov3-vit-s-p16_1xb4-600iters_msrc7i-224x224')
    apply_settings(cfg, pretrained=str(tmp_path / 'timm.pth'))
    model = MODELS.build(cfg.model)
    loaded = model.backbone.timm_model.model.state_dict()
    assert loaded and all(
        torch.equal(value, state[key]) for key, value in loaded.items())
    # A checkpoint of the backbone or of the model replaces a download.
    for name, number in (('backbone', 1), ('model', 2)):
        cfg.model.backbone.pretrained = True
        weights = model.backbone if name == 'backbone' else model
        path = tmp_path / f'{name}.pth'
        torch.save(weights.state_dict(), path)
        assert start_from(cfg, str(path), weights.state_dict()) == (
            number == 1)
        assert cfg.model.backbone.pretrained is False


@pytest.mark.parametrize(('setting', 'words'), [
    (dict(fold=7), r'fold 7 does not exist: expected 0\.\.3'),
    (dict(data_root='nowhere'),
     'the folder nowhere of the data, data_root in .*toy3i-128x128.py, does '
     'not exist; correct it, or give it with --data-root \\(')])
def test_a_place_that_does_not_exist_is_refused(toy_root, setting, words):
    cfg = read_config(TOY)
    apply_settings(cfg, data_root=str(toy_root))
    check_places(cfg, 'train', 'val', 'test')
    apply_settings(cfg, **setting)
    cfg.train_dataloader = None
    check_places(cfg, 'train')
    for mode in ('val', 'test'):
        with pytest.raises(InputError, match=words):
            check_places(cfg, mode)


@pytest.mark.parametrize(('backend_args', 'is_checked'), [
    (dict(backend='petrel'), False), (dict(backend='local'), True),
    (None, True)])
def test_folders_of_remote_data_are_not_checked(backend_args, is_checked):
    cfg = read_config(TOY)
    apply_settings(cfg, data_root='bucket/nowhere')
    dataset = cfg.test_dataloader.dataset
    for pool in (dataset.get('pools') or dict(all=dataset.dataset)).values():
        pool.backend_args = backend_args
    if not is_checked:
        check_places(cfg, 'test')
        return
    with pytest.raises(InputError, match='the folder bucket/nowhere'):
        check_places(cfg, 'test')


def test_the_config_of_photographs_is_for_segment_and_fit():
    with pytest.raises(InputError, match=(
            r'EpisodicDataset in .*imagenet-473x473\.py, got none: such a '
            'config is for `mmseg-panet segment` and `fit`')):
        apply_settings(read_config('panet_r18-d8-s23_imagenet-473x473'))


def test_default_hooks_that_are_none_are_removed():
    """mmengine removes its own, and has them if they are not set."""
    logger = dict(type='LoggerHook')
    cfg = Config(dict(default_hooks=dict(
        timer=None, logger=logger, finite_loss=None, other=None)))
    remove_hooks(cfg)
    assert cfg.default_hooks == dict(timer=None, logger=logger)
    for cfg in (Config(), Config(dict(default_hooks=None))):
        remove_hooks(cfg)
