import mmengine.registry
import mmseg.registry
import pytest
from mmengine.config import Config
from mmengine.registry import Registry
from tool_runs import SMALL, tool

from mmseg_panet.config.config_file import read_config
from mmseg_panet.inference.images.image_pipeline import image_steps
from mmseg_panet.registry import REGISTRIES


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
