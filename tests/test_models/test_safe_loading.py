import functools
import os
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import mmengine.runner.checkpoint as loaders
import pytest
import safetensors.torch
import torch
from checkpoint_parts import FORMATS, Hostile, save
from mmengine.runner import CheckpointLoader
from mmseg.models.backbones import ResNet

from mmseg_panet.errors import InputError
from mmseg_panet.models.initialization import initialization
from mmseg_panet.models.safe_loading import safe_loading


@pytest.fixture
def marker(tmp_path):
    return tmp_path / 'marker'


@pytest.fixture
def hostile(tmp_path, marker):
    path = tmp_path / 'hostile.pth'
    save(dict(state_dict={'a': torch.ones(1)}, meta=Hostile(marker)), path)
    return str(path)


def replaced():
    return torch.load, vars(CheckpointLoader)['load_checkpoint']


@pytest.mark.parametrize('kind', FORMATS)
def test_a_hostile_checkpoint_is_refused_in_one_sentence(
        tmp_path, marker, kind):
    path = tmp_path / 'a.pth'
    save(dict(meta=Hostile(marker)), path, kind)
    with safe_loading(), pytest.raises(InputError) as caught:
        CheckpointLoader.load_checkpoint(str(path))
    assert str(caught.value) == (
        f"the checkpoint {path} contains '{os.name}.system', which can "
        'execute code: expected tensors, plain values and what mmengine '
        'saves; if you trust its source, give --trust-checkpoint, or in '
        'Python trust_checkpoint=True')
    assert not marker.exists()


def test_a_trusted_checkpoint_is_loaded(hostile, marker):
    with safe_loading(trusted=True), safe_loading():
        content = CheckpointLoader.load_checkpoint(hostile)
    assert content['state_dict'] == {'a': torch.ones(1)}
    assert marker.exists()


def test_nothing_of_torch_and_mmengine_stays_changed(hostile, marker):
    before = replaced()
    with safe_loading(), safe_loading(trusted=True):
        assert replaced() != before
        # The caller's own use of torch.load is not restricted.
        torch.load(hostile, weights_only=False)
        assert marker.exists()
    assert replaced() == before
    with pytest.raises(InputError), safe_loading():
        CheckpointLoader.load_checkpoint(hostile)
    assert replaced() == before


def test_threads_do_not_affect_each_other(hostile, marker):
    before = replaced()
    inside, outside = threading.Event(), threading.Event()

    def load_in_a_block():
        with safe_loading():
            inside.set()
            outside.wait(30)
            with pytest.raises(InputError):
                CheckpointLoader.load_checkpoint(hostile)
            assert not marker.exists()
        passed.append(True)

    passed = []
    with safe_loading(trusted=True):
        thread = threading.Thread(target=load_in_a_block)
        thread.start()
        inside.wait(30)
    # The block of this thread began first, and has ended.
    outside.set()
    thread.join(30)
    assert passed
    assert replaced() == before


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Address of a server of the files of ``tmp_path``."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'downloads'))
    monkeypatch.setenv('no_proxy', '*')

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(
            Quiet, directory=tmp_path)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{server.server_port}'
        server.shutdown()


@pytest.mark.parametrize('address', [
    '{server}/hostile.pth', 'torchvision://hostile', 'open-mmlab://hostile',
    'mmcls://hostile'])
def test_a_hostile_download_is_refused(
        monkeypatch, hostile, marker, server, address):
    for name in ('get_torchvision_models', 'get_external_models',
                 'get_mmcls_models'):
        monkeypatch.setattr(loaders, name, lambda: dict(
            hostile=f'{server}/hostile.pth'))
    with safe_loading(), pytest.raises(InputError, match='system.*--trust'):
        CheckpointLoader.load_checkpoint(address.format(server=server))
    assert not marker.exists()


def test_mmsegs_own_backbones_are_initialised_safely(hostile, marker):
    backbone = ResNet(18, init_cfg=dict(
        type='Pretrained', checkpoint=hostile))
    with pytest.raises(InputError, match='system.*--trust'), initialization(
            backbone):
        backbone.init_weights()
    assert not marker.exists()


def test_a_torchscript_program_is_refused(tmp_path):
    path = str(tmp_path / 'a.pth')
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), path)
    with safe_loading(), pytest.raises(
            InputError, match="contains 'a TorchScript program', which can"):
        CheckpointLoader.load_checkpoint(path)


def test_the_config_that_a_runner_would_execute_is_removed(tmp_path, marker):
    path = str(tmp_path / 'a.pth')
    save(dict(state_dict={}, meta=dict(config='import os', iter=3)), path)
    with safe_loading():
        content = CheckpointLoader.load_checkpoint(path)
    assert content['meta'] == dict(iter=3)


@pytest.mark.parametrize('value', [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize('name', ['a.pth', 'a.safetensors'])
@pytest.mark.parametrize('trusted', [False, True])
def test_weights_that_are_not_finite_are_named(
        tmp_path, name, value, trusted):
    weights = dict(a=torch.ones(3), b=torch.ones(2, 2), c=torch.ones(1),
                   n=torch.tensor(1))
    weights['b'][1, 0] = value
    weights['c'][0] = value
    path = str(tmp_path / name)
    if name.endswith('.pth'):
        torch.save(dict(state_dict=weights), path)
    else:
        safetensors.torch.save_file(weights, path)
    with safe_loading(trusted), pytest.raises(InputError) as caught:
        CheckpointLoader.load_checkpoint(path)
    assert str(caught.value) == (
        f'the checkpoint {path} has weights that are not finite: 1 value of '
        "4 in 'b' and in 1 other tensor; use a checkpoint "
        'from before the training diverged')


def test_a_mask_of_attention_is_no_weight_that_diverged(tmp_path):
    path = str(tmp_path / 'a.pth')
    mask = torch.full((3, 3), -torch.inf).triu(1)
    torch.save(dict(state_dict=dict(mask=mask)), path)
    with safe_loading():
        found = CheckpointLoader.load_checkpoint(path)
    assert found['state_dict']['mask'].equal(mask)
