import mmengine.registry
import mmseg.registry
import pytest
from mmengine.config import Config
from mmengine.registry import Registry
from mmseg.models.backbones import ResNet
from tool_runs import SMALL, tool
from torch import nn

from mmseg_panet.config.config_file import read_config
from mmseg_panet.inference.images.image_pipeline import image_steps
from mmseg_panet.registry import REGISTRIES, type_name, with_type_names


def test_each_registry_of_mmseg_has_an_empty_child():
    assert set(REGISTRIES) == {
        name for name, one in vars(mmseg.registry).items()
        if isinstance(one, Registry)}
    for name, one in REGISTRIES.items():
        assert one.parent is getattr(mmseg.registry, name)
        assert one.scope == 'mmseg_panet'
        assert not one.module_dict


@pytest.mark.parametrize('key', ['PANetHead', 'ResNet', 'Pretrained'])
def test_what_mmseg_and_mmengine_have_is_found_in_the_scope(key):
    name = 'WEIGHT_INITIALIZERS' if key == 'Pretrained' else 'MODELS'
    root = getattr(mmengine.registry, name)
    with root.switch_scope_and_registry('mmseg_panet') as found:
        assert found is REGISTRIES[name]
        assert found.get(key) is getattr(mmseg.registry, name).get(key)


def test_a_config_of_a_base_of_this_package_is_trained_and_tested(
        toy_root, tmp_path):
    """As a config of the user's own, outside of any checkout."""
    config = tmp_path / 'mine.py'
    config.write_text(SMALL.format(repo='', max_iters=2, interval=2).replace(
        "'/configs/", "'mmseg_panet::"))
    assert Config.fromfile(config).model['_scope_'] == 'mmseg_panet'
    data = ('--data-root', toy_root, '--work-dir', tmp_path / 'run')
    run = tool('train.py', config, *data)
    assert 'Failed to' not in run.stdout + run.stderr
    run = tool('test.py', config, tmp_path / 'run/iter_2.pth', *data)
    assert 'mIoU' in run.stdout


def test_the_scope_of_a_base_is_no_setting_of_a_step(tmp_path):
    """Banks of both would be refused by each other otherwise."""
    name = 'panet_r18-d8-s23_imagenet-473x473'
    config = tmp_path / 'mine.py'
    config.write_text(f"_base_ = 'mmseg_panet::panet/{name}.py'")
    mine = read_config(config)
    assert mine.test_pipeline[1]['_scope_'] == 'mmseg_panet'
    assert image_steps(mine) == image_steps(read_config(name)) == [
        dict(type='Resize', scale=(473, 473), keep_ratio=False)]


@pytest.mark.parametrize(('kind', 'name'), [
    ('ResNet', 'ResNet'), (ResNet, 'ResNet'),
    ('mmseg.models.backbones.ResNet', 'ResNet'),
    # A scope stays, as banks record it.
    ('mmseg.ResNet', 'mmseg.ResNet'), ('unknown.ResNet', 'unknown.ResNet'),
    # It is registered under another name.
    (nn.BatchNorm2d, 'BN'), (nn.Fold, 'Fold')])
def test_a_class_becomes_the_name_that_a_config_would_have(kind, name):
    found = with_type_names(dict(backbone=(dict(type=kind, depth=18),)))
    assert found == dict(backbone=(dict(type=name, depth=18),))
    assert type_name(dict(type=kind)) == name.split('.')[-1]


def test_a_class_of_another_package_becomes_a_name_with_its_scope():
    backbones = pytest.importorskip('mmpretrain.models.backbones')
    assert with_type_names(dict(type=backbones.VisionTransformer)) == dict(
        type='mmpretrain.VisionTransformer')
