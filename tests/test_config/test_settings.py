import pytest
from mmengine.config import Config

from mmseg_panet.config.bundled_configs import config_files
from mmseg_panet.config.config_file import read_config
from mmseg_panet.config.settings import apply_settings
from mmseg_panet.errors import InputError

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
        assert (dataset.fold, dataset.num_ways, dataset.num_shots) == (2, 2, 5)
        assert dataset.num_queries == 3
        pools = dataset.get('pools') or dict(all=dataset.dataset)
        for pool in pools.values():
            assert pool.data_root == 'elsewhere'
    assert cfg.model.backbone.init_cfg.checkpoint == 'weights.pth'
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
