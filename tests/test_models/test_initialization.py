import pytest
import torch
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


SWIN = dict(type='SwinTransformer', embed_dims=8, num_heads=(1, 1, 1, 1))
RESNET = dict(type='ResNet', stem_channels=8, base_channels=8)


def initialised(backbone, path=None, **init_cfg):
    if path is not None:
        backbone = backbone | dict(init_cfg=dict(
            type='Pretrained', checkpoint=str(path), **init_cfg))
    model = MODELS.build(dict(
        type='FewShotSegmentor', backbone=backbone,
        decode_head=dict(type='PANetHead', in_channels=64)))
    model.init_weights()
    return model.backbone.state_dict()


@pytest.mark.parametrize(('there', 'here', 'words'), [
    (RESNET | dict(depth=34), RESNET | dict(depth=18),
     r"but 'layer1\.2' is unexpected"),
    (RESNET | dict(depth=50), RESNET | dict(depth=101),
     r"but 'layer3\.6' is missing"),
    (SWIN | dict(depths=(2, 2, 4, 2)), SWIN | dict(depths=(2, 2, 2, 2)),
     r"but 'stages\.2\.blocks\.2' is unexpected"),
    (SWIN | dict(depths=(2, 2, 2, 2)), SWIN | dict(depths=(2, 2, 4, 2)),
     r"but 'stages\.2\.blocks\.2' is missing"),
    (RESNET | dict(depth=18), SWIN | dict(depths=(2, 2, 2, 2)),
     r"'patch_embed\.projection\.weight' and \d+ other weights are missing")])
def test_weights_of_a_deeper_a_shallower_or_another_backbone_are_refused(
        there, here, words, tmp_path):
    torch.save(initialised(there), tmp_path / 'x.pth')
    with pytest.raises(InputError, match=words):
        initialised(here, tmp_path / 'x.pth')


def test_last_stages_may_be_left_out(tmp_path):
    weights = initialised(SWIN | dict(depths=(2, 2, 2, 2)))
    torch.save(weights, tmp_path / 'x.pth')
    found = initialised(SWIN | dict(
        depths=(2, 2, 2), num_heads=(1, 1, 1), strides=(4, 2, 2),
        out_indices=(2, )), tmp_path / 'x.pth')
    same = [torch.equal(value, weights[key]) for key, value in found.items()]
    assert len(same) > 80 and all(same)


def test_a_prefix_that_no_key_has_is_named(tmp_path):
    torch.save(initialised(RESNET | dict(depth=18)), tmp_path / 'x.pth')
    with pytest.raises(InputError, match=(
            r"keys that begin with 'backbone\.' in the checkpoint .*x\.pth, "
            'got none; correct the prefix of init_cfg')):
        initialised(RESNET | dict(depth=18), tmp_path / 'x.pth',
                    prefix='backbone.')
