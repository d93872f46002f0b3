import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from urllib.error import HTTPError, URLError

import pytest
import safetensors.torch
import torch
from mmengine.logging import MMLogger
from mmengine.model import PretrainedInit
from mmengine.runner import CheckpointLoader, load_checkpoint
from real_data import RESNET18, needs_resnet18
from torch import Tensor

from mmseg_panet.errors import InputError
from mmseg_panet.models.backbones import DilatedResNet, DilatedVGG
from mmseg_panet.models.checkpoint_file import read_weights
from mmseg_panet.models.pretrained import fitting_part, without_lines


@pytest.fixture(scope='module')
def weights() -> dict[str, Tensor]:
    """Random weights of a ResNet-18 up to stage 3."""
    generator = torch.Generator().manual_seed(0)
    return {
        key: torch.randn(value.shape, generator=generator)
        if value.is_floating_point() else value
        for key, value in DilatedResNet(18).state_dict().items()
    }


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., dict]:
    """A function that saves a checkpoint and returns its init_cfg."""

    def save(content, **kwargs) -> dict:
        path = tmp_path / 'weights.pth'
        torch.save(content, path)
        return dict(type='Pretrained', checkpoint=str(path), **kwargs)

    return save


def init(init_cfg: dict | list[dict], depth: int = 18) -> dict[str, Tensor]:
    """Return the weights of a backbone after ``init_weights``."""
    backbone = DilatedResNet(depth, init_cfg=init_cfg)
    backbone.init_weights()
    return backbone.state_dict()


@pytest.mark.parametrize('wrap, arguments', [
    (lambda w: w, {}),
    (lambda w: dict(state_dict=w, meta='of the run'), {}),
    (lambda w: {f'module.{k}': v for k, v in w.items()}, {}),
    (lambda w: {f'backbone.{k}': v for k, v in w.items()},
     dict(prefix='backbone.')),
    (lambda w: dict(state_dict={f'backbone.{k}': v for k, v in w.items()}),
     dict(prefix='backbone')),
    (lambda w: {**w, 'layer4.0.conv1.weight': torch.zeros(1),
                'fc.bias': torch.zeros(1000)}, {}),
], ids=['bare', 'state_dict', 'module.', 'prefix', 'both', 'extra keys'])
def test_weights_that_fit_are_loaded(weights, saved, wrap, arguments):
    loaded = init(saved(wrap(weights), **arguments))

    assert all(torch.equal(loaded[key], weights[key]) for key in weights)


def test_a_backbone_of_fewer_stages_loads_its_part_of_a_file(weights, saved):
    backbone = DilatedResNet(
        18, init_cfg=saved(weights), out_indices=(0, 1))
    backbone.init_weights()

    loaded = backbone.state_dict()
    assert set(loaded) == {k for k in weights if not k.startswith('layer3')}
    assert all(torch.equal(loaded[key], weights[key]) for key in loaded)


def test_the_initialiser_may_be_a_class_in_a_list(weights, saved):
    init_cfg = saved(weights) | dict(type=PretrainedInit)
    loaded = init([dict(type='Kaiming', layer='Conv2d'), init_cfg])

    assert torch.equal(loaded['conv1.weight'], weights['conv1.weight'])

    init_cfg = saved({}) | dict(type=PretrainedInit)
    with pytest.raises(InputError, match="'conv1.weight' is missing"):
        init([dict(type='Kaiming', layer='Conv2d'), init_cfg])


def test_files_without_num_batches_tracked_are_loaded(weights, saved):
    old = {k: v for k, v in weights.items() if 'num_batches' not in k}

    assert torch.equal(init(saved(old))['bn1.bias'], weights['bn1.bias'])


@pytest.mark.parametrize('key', [
    'conv1.weight', 'bn1.bias', 'layer3.1.bn2.running_var',
    'layer2.0.downsample.0.weight'
])
def test_a_missing_parameter_or_buffer_raises_an_error(weights, saved, key):
    rest = {k: v for k, v in weights.items() if k != key}

    with pytest.raises(
            InputError,
            match=f"weights.pth is not a checkpoint of DilatedResNet-18 with "
            f"plain stem: '{key}' is missing; its first keys are .*; "
            '`mmseg-panet convert-backbone` converts other layouts'):
        init(saved(rest))


def test_many_missing_weights_are_counted(weights, saved):
    rest = {k: v for k, v in weights.items() if not k.startswith('layer2')}
    # Stage 2: (4 convs + 1 shortcut) with a norm of 4 tensors each.
    with pytest.raises(
            InputError,
            match=r"'layer2.0.conv1.weight' is missing \(and 24 more\)"):
        init(saved(rest))


def test_weights_of_another_shape_raise_an_error(weights, saved):
    narrow = {**weights, 'conv1.weight': torch.zeros(64, 1, 7, 7)}

    with pytest.raises(
            InputError,
            match=r"'conv1.weight' has shape \(64, 1, 7, 7\), expected "
            r'\(64, 3, 7, 7\)'):
        init(saved(narrow))


def test_weights_of_a_deeper_network_raise_an_error(saved):
    deeper = DilatedResNet(34).state_dict()

    with pytest.raises(InputError,
                       match="'layer1.2.conv1.weight' is unexpected"):
        init(saved(deeper))


def test_weights_of_the_other_stem_raise_an_error(saved):
    deep = DilatedResNet(18, deep_stem=True).state_dict()

    with pytest.raises(
            InputError,
            match=r"plain stem: 'conv1.weight' is missing \(and 4 more\); "
            "its first keys are 'stem.0.weight'"):
        init(saved(deep))


def test_a_prefix_that_is_not_in_the_file_raises_an_error(weights, saved):
    with pytest.raises(
            InputError,
            match="weights.pth below 'backbone.' is not .* its first keys are "
            'none'):
        init(saved(weights, prefix='backbone.'))


def test_the_error_of_a_missing_file_contains_its_path():
    with pytest.raises(
            InputError, match='nowhere/r18.pth does not exist; correct'):
        init(dict(type='Pretrained', checkpoint='nowhere/r18.pth'))


@pytest.mark.parametrize('content', [
    b'', b'<!DOCTYPE html>', b'a page of text\n', b'PK\x03\x04 cut off'
], ids=['empty', 'html', 'text', 'cut off'])
def test_a_file_that_is_not_a_checkpoint_raises_an_error(tmp_path, content):
    path = tmp_path / 'weights.pth'
    path.write_bytes(content)

    with pytest.raises(InputError, match='weights.pth cannot be read'):
        init(dict(type='Pretrained', checkpoint=str(path)))


def test_a_picture_in_place_of_a_checkpoint_is_one_sentence(
        tmp_path, capfd):
    (tmp_path / 'a.png').write_bytes(b'\x89PNG\r\n' + bytes(99))
    with pytest.raises(InputError, match='a.png cannot be read: expected .*PNG'
                       ) as caught:
        read_weights(str(tmp_path / 'a.png'))
    assert '\n' not in str(caught.value)
    printed = capfd.readouterr()
    assert not printed.out + printed.err
    with pytest.raises(InputError, match='is a folder; give the path of a'):
        read_weights(str(tmp_path))


@pytest.mark.parametrize('settings', [
    {}, dict(_use_new_zipfile_serialization=False)], ids=['zip', 'pickle'])
def test_checkpoints_of_all_versions_are_read(weights, tmp_path, settings):
    torch.save(weights, tmp_path / 'a.pth', **settings)
    assert read_weights(str(tmp_path / 'a.pth')).keys() == weights.keys()


@pytest.mark.parametrize(('error', 'sentence'), [
    (URLError('no name'), 'as there is no connection .URLError.* download '
     'https?://.*/resnet18-.*pth on another machine, and give the path of'),
    (TimeoutError(), 'as there is no connection'),
    (HTTPError('address', 404, 'Not Found', {}, None),
     'cannot be read .HTTPError.*correct the address')])
def test_without_a_connection_the_address_to_download_is_given(
        monkeypatch, error, sentence):
    def fail(*args, **kwargs):
        raise error
    monkeypatch.setattr(CheckpointLoader, 'load_checkpoint', fail)
    with pytest.raises(InputError, match=sentence):
        read_weights('torchvision://resnet18')


def test_an_address_is_read_by_mmengines_loader():
    with pytest.raises(
            InputError,
            match='torchvision://resnet17 cannot be read .*correct the address'
    ):
        init(dict(type='Pretrained', checkpoint='torchvision://resnet17'))


@pytest.mark.parametrize('content', [[1, 2], dict(state_dict=[1, 2])])
def test_a_file_without_a_dict_raises_an_error(saved, content):
    with pytest.raises(
            InputError, match="contain a dict of tensors, got 'list'"):
        init(saved(content))


def test_vgg_loads_its_weights_and_raises_an_error_for_others(saved, weights):
    source = DilatedVGG()
    backbone = DilatedVGG(
        init_cfg=saved({**source.state_dict(), 'classifier.0.bias': 0}))
    backbone.init_weights()
    assert all(
        torch.equal(value, source.state_dict()[key])
        for key, value in backbone.state_dict().items())

    with pytest.raises(
            InputError,
            match=r'DilatedVGG \(VGG-16\): .features.0.weight. is missing'):
        DilatedVGG(init_cfg=saved(weights)).init_weights()


@needs_resnet18
def test_the_real_weights_of_resnet18_are_loaded():
    loaded = init(dict(type='Pretrained', checkpoint=str(RESNET18)))

    source = torch.load(RESNET18, weights_only=True)
    assert set(source) == set(loaded)
    assert all(torch.equal(loaded[key], source[key]) for key in source)


def test_safetensors_are_read_wherever_mmengine_reads_weights(
        weights, tmp_path):
    path = str(tmp_path / 'weights.safetensors')
    safetensors.torch.save_file(weights, path)
    loaded = init(dict(type='Pretrained', checkpoint=path))
    assert all(torch.equal(loaded[key], weights[key]) for key in weights)

    backbone = DilatedResNet(18)
    load_checkpoint(backbone, path)
    assert torch.equal(backbone.conv1.weight, weights['conv1.weight'])
    with pytest.raises(InputError, match='nowhere.safetensors does not exist'):
        read_weights('nowhere.safetensors')
    Path(path).write_bytes(b'cut off')
    with pytest.raises(InputError, match='weights.safetensors cannot be read'):
        read_weights(path)


def test_lists_of_weights_are_not_printed_and_all_else_is(
        weights, saved, caplog):
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    source = saved({**weights, 'fc.bias': torch.zeros(1000)})
    try:
        init(source)
        with without_lines('load'):
            logger.info('load model')
            logger.warning('unload model')
        logger.info('load model again')
    finally:
        logger.removeHandler(caplog.handler)
    path = source['checkpoint']
    shown = [one.getMessage() for one in caplog.records
             if one.levelno >= logging.INFO]
    assert shown == [
        f'load model from: {path}',
        f'Loads checkpoint by local backend from path: {path}',
        'unload model', 'load model again']


@pytest.mark.parametrize('change', [
    lambda state: {f'backbone.{k}': v for k, v in state.items()},
    lambda state: state | {'fc.bias': torch.zeros(3)},
])
def test_the_weights_of_a_model_or_of_its_backbone_find_their_part(
        weights, change):
    model = SimpleNamespace(
        backbone=DilatedResNet(18), decode_head=torch.nn.Identity())
    model.state_dict = lambda: {
        f'backbone.{k}': v for k, v in model.backbone.state_dict().items()}
    found = change(weights)
    alone = 'conv1.weight' in found
    assert fitting_part(model, found, 'x.pth') is (
        model.backbone if alone else model)

    # A head that learns needs its weights, too.
    model.decode_head = torch.nn.Linear(1, 1)
    state = model.state_dict()
    model.state_dict = lambda: state | {'decode_head.bias': torch.zeros(1)}
    missing = 'backbone.conv1.weight' if alone else 'decode_head.bias'
    with pytest.raises(InputError, match=f"config's model: '{missing}' is"):
        fitting_part(model, found, 'x.pth')


def test_a_backbone_of_another_depth_is_named_as_one(weights):
    model = SimpleNamespace(
        backbone=DilatedResNet(34), decode_head=torch.nn.Identity())
    with pytest.raises(
            InputError,
            match="x.pth is not a checkpoint of the config's backbone: "
            "'layer1.2.conv1.weight' is missing"):
        fitting_part(model, weights, 'x.pth')
