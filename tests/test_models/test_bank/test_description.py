import pytest
import torch
from inference_parts import RESIZE, small_config

from mmseg_panet.inference.model_loading import build_model
from mmseg_panet.models.bank.description import describe_model


@pytest.fixture
def cfg():
    return small_config(RESIZE)


def model_of(cfg, seed):
    torch.manual_seed(seed)
    return build_model(cfg)


def test_the_description_tells_what_changes_a_prototype(cfg):
    def described(**backbone):
        model = model_of(cfg, 0)
        changed = small_config(RESIZE)
        changed.model.backbone.update(backbone)
        return describe_model(model, changed, [RESIZE])

    plain = described()
    assert plain['matching'] == dict(scale=20.0, distance='cosine')
    assert plain['pooling'] == dict(pool_at='image', align_corners=False)
    assert plain['preprocessing']['pipeline'][0]['scale'] == [65, 65]
    assert plain['preprocessing']['normalise']['mean'] == [100, 110, 120]
    # Settings of training alone do not make it another network.
    assert described(frozen_stages=1, norm_eval=True, init_cfg=None) == plain
    assert described(dilate_both=True)['network'] != plain['network']


def test_the_description_tells_which_levels_are_joined(cfg):
    """A single level is described as it always was."""
    def network(**levels):
        changed = small_config(RESIZE)
        changed.model.decode_head.update(levels)
        return describe_model(
            build_model(changed), changed, [RESIZE])['network']

    plain = network()
    assert plain == dict(backbone=plain['backbone'], in_index=-1)
    assert network(in_channels=[32], in_index=[-1]) == dict(
        plain, in_index=[-1], input_transform='resize_concat')
