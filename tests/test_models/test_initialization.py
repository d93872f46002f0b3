import pytest
from mmseg.registry import MODELS

from mmseg_panet.errors import InputError
from mmseg_panet.models.backbones import DilatedResNet
from mmseg_panet.models.initialization import initialization


def test_an_unreadable_checkpoint_of_mmsegs_backbone_is_named(tmp_path):
    backbone = dict(
        type='ResNet', depth=18, base_channels=8, stem_channels=8,
        init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'x.pth')))
    model = MODELS.build(dict(
        type='FewShotSegmentor', backbone=backbone,
        decode_head=dict(type='PANetHead', in_channels=64)))
    (tmp_path / 'x.pth').write_text('<html>404</html>')
    with pytest.raises(InputError, match=r'the ch.*x\.pth cannot be read'):
        model.init_weights()
    (tmp_path / 'x.pth').unlink()
    with pytest.raises(InputError, match=r'the ch.*x\.pth does not exist'):
        model.init_weights()


def test_an_error_that_is_not_of_a_checkpoint_stays_as_it_is():
    with pytest.raises(ZeroDivisionError), initialization(DilatedResNet(18)):
        1 / 0  # noqa: B018
