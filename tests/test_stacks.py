from importlib.metadata import PackageNotFoundError

import pytest
from mmengine.config import Config
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.infer import BaseInferencer
from mmengine.registry import DefaultScope
from mmseg.registry import MODELS

from mmseg_panet import stacks


@pytest.fixture
def installed(monkeypatch):
    """What is installed, by distributions' names; and mmengine's table."""
    names: set = set()

    def version(name):
        if name not in names:
            raise PackageNotFoundError(name)
        return '1.0'

    monkeypatch.setattr(stacks, 'version', version)
    table = {'mmseg': 'mmsegmentation', 'mmpretrain': 'mmpretrain',
             'mmdet': 'mmdet'}
    monkeypatch.setattr(stacks, 'MODULE2PACKAGE', table)

    def register(*distributions):
        names.update(distributions)
        stacks.register_distributions()
        return table
    return register


def test_on_the_original_stack_nothing_changes(installed):
    table = installed('mmsegmentation', 'mmpretrain')
    assert table == {
        'mmseg': 'mmsegmentation', 'mmpretrain': 'mmpretrain',
        'mmdet': 'mmdet', 'mmseg_panet': 'mmseg_panet'}


def test_on_the_onedl_stack_its_distributions_are_named(installed):
    table = installed('onedl-mmsegmentation', 'onedl-mmpretrain')
    assert table == {
        'mmseg': 'onedl-mmsegmentation', 'mmpretrain': 'onedl-mmpretrain',
        'mmdet': 'mmdet', 'mmseg_panet': 'mmseg_panet'}


def test_a_package_that_is_not_there_keeps_its_name(installed):
    table = installed('onedl-mmsegmentation')
    assert table['mmpretrain'] == 'mmpretrain'


def test_mmengines_own_table_is_changed():
    assert MODULE2PACKAGE is stacks.MODULE2PACKAGE
    assert MODULE2PACKAGE['mmseg_panet'] == 'mmseg_panet'


@pytest.mark.parametrize('base', [
    'mmseg::_base_/models/fcn_r50-d8.py',
    'mmseg::fcn/fcn_r50-d8_4xb2-40k_cityscapes-512x1024.py'])
def test_bases_of_mmseg_are_found(tmp_path, base):
    (tmp_path / 'mine.py').write_text(
        f"_base_ = '{base}'\n"
        'model = dict(pretrained=None, decode_head=dict(num_classes=7))')
    model = MODELS.build(Config.fromfile(tmp_path / 'mine.py').model)
    assert model.decode_head.conv_seg.out_channels == 7
    assert type(model.backbone).__name__ == 'ResNetV1c'


def test_the_models_of_mmseg_are_listed():
    with DefaultScope.overwrite_default_scope('mmseg'):
        names = BaseInferencer.list_models('mmseg', 'fcn_r50-d8.*')
    assert 'fcn_r50-d8_4xb2-40k_cityscapes-512x1024' in names
