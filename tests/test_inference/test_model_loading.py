import pytest
import torch
from inference_parts import (
    RESIZE,
    image_of,
    red_and_blue,
    small_config,
    small_inferencer,
)
from mmengine.runner import save_checkpoint
from mmseg.registry import MODELS

from mmseg_panet.errors import InputError
from mmseg_panet.inference import model_loading
from mmseg_panet.inference.model_loading import (
    build_model,
    load_weights,
)
from mmseg_panet.models import PANetHead
from mmseg_panet.models.bank.description import weights_sha256


@pytest.fixture
def cfg():
    return small_config(RESIZE)


def model_of(cfg, seed):
    torch.manual_seed(seed)
    return build_model(cfg)


def test_a_checkpoint_of_the_model_or_of_its_backbone_alone(cfg, tmp_path):
    trained = model_of(cfg, 1)
    save_checkpoint(
        dict(state_dict=trained.state_dict()), str(tmp_path / 'model.pth'))
    torch.save(trained.backbone.state_dict(), tmp_path / 'backbone.pth')
    hashes = set()
    for name in ('model.pth', 'backbone.pth'):
        model = model_of(cfg, 2)
        load_weights(model, str(tmp_path / name))
        hashes.add(weights_sha256(model))
    assert hashes == {weights_sha256(trained)}
    assert weights_sha256(model_of(cfg, 2)) not in hashes


def test_weights_that_do_not_fit_are_refused(cfg, tmp_path):
    torch.save({'backbone.conv1.weight': torch.ones(3)}, tmp_path / 'x.pth')
    with pytest.raises(InputError, match='x.pth is not a checkpoint of the c'):
        load_weights(model_of(cfg, 0), str(tmp_path / 'x.pth'))
    with pytest.raises(InputError, match='y.pth does not exist'):
        load_weights(model_of(cfg, 0), str(tmp_path / 'y.pth'))


def test_without_a_checkpoint_the_pretrained_backbone_is_loaded(
        cfg, tmp_path):
    source = model_of(cfg, 1).backbone
    torch.save(source.state_dict(), tmp_path / 'backbone.pth')
    cfg.model.backbone.init_cfg = dict(
        type='Pretrained', checkpoint=str(tmp_path / 'backbone.pth'))
    model = model_of(cfg, 2)
    load_weights(model, None)
    assert weights_sha256(model.backbone) == weights_sha256(source)


@pytest.mark.parametrize(('change', 'remedy'), [
    (lambda cfg: cfg.pop('model'),
     '; `mmseg-panet --list-configs` lists those of this project$'),
    (lambda cfg: cfg.model.update(decode_head=dict(
        type='FCNHead', in_channels=32, channels=8, num_classes=2)),
     "got a FCNHead; set type='PANetHead' there$")])
def test_a_config_without_the_head_is_refused(cfg, change, remedy):
    change(cfg)
    with pytest.raises(InputError, match=remedy):
        build_model(cfg)


def test_a_head_that_a_bank_would_bypass_is_refused(cfg):
    """One that only matches differently is used as it is."""

    @MODELS.register_module(force=True)
    class Bypassed(PANetHead):
        def match_episodes(self, *episodes):
            return super().match_episodes(*episodes)

    @MODELS.register_module(force=True)
    class Doubled(PANetHead):
        def match(self, features, fitted):
            return 2 * super().match(features, fitted)

    image, _ = image_of((20, 20, 230), seed=5)
    plain = small_inferencer(RESIZE).fit(red_and_blue())(image)
    doubled = small_inferencer(RESIZE, model=dict(decode_head=dict(
        type='Doubled', in_channels=32))).fit(red_and_blue())(image)
    assert (doubled['predictions'] == plain['predictions']).all()
    assert (doubled['confidence'] >= plain['confidence']).all()
    assert doubled['confidence'].mean() > plain['confidence'].mean()
    with pytest.raises(InputError, match='Bypassed that overrides match_ep'):
        small_inferencer(RESIZE, model=dict(decode_head=dict(
            type='Bypassed', in_channels=32)))


def test_random_weights_are_reported(monkeypatch):
    said = []
    monkeypatch.setattr(
        model_loading, 'print_log', lambda text, *_, **__: said.append(text))
    small_inferencer(RESIZE)
    assert 'the model has random weights' in said[0]


def test_a_setting_that_the_chosen_classifier_lacks_is_named():
    with pytest.raises(InputError, match=(
            'arguments of DiscriminantClassifier in classifier of .*, got '
            "'wrong'")):
        small_inferencer(RESIZE, classifier=dict(
            type='DiscriminantClassifier', wrong=1))
