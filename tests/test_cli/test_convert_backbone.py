"""The command on files of torchvision and on bad files."""
import pickle

import pytest
import torch
import torchvision
from mmengine.config import Config
from mmseg.registry import MODELS
from tool_runs import tool, tool_process

TOOL = 'convert_backbone.py'


def refusal(*arguments: object) -> str:
    return tool(TOOL, *arguments, code=2).stderr


def test_a_torchvision_file_becomes_weights_that_a_config_loads(tmp_path):
    torch.manual_seed(0)
    source = torchvision.models.resnet18().state_dict()
    torch.save(source, tmp_path / 'source.pth')
    target = tmp_path / 'new folder' / 'resnet18.pth'

    result = tool(TOOL, tmp_path / 'source.pth', target)

    # mmengine may print lines when it is imported.
    layout, architecture, dropped, config = result.stdout.splitlines()[-4:]
    assert layout.startswith('layout: plain ResNet of torchvision')
    assert architecture == 'architecture: DilatedResNet(depth=18)'
    # Stage 4 has 4 convolutions and 1 shortcut, each with a norm of 5 tensors.
    assert dropped == 'dropped: layer4 (30 tensors), fc (2 tensors)'
    assert config.startswith('config: ')
    cfg = Config.fromstring(config.removeprefix('config: '), '.py')
    backbone = MODELS.build(cfg.backbone)
    backbone.init_weights()
    for key, value in backbone.state_dict().items():
        assert torch.equal(value, source[key])
    assert list(target.parent.iterdir()) == [target]  # no temporary file


def test_an_error_is_one_line_and_exit_code_2(tmp_path):
    result = tool_process(
        TOOL, tmp_path / 'nowhere.pth', tmp_path / 'out.pth', code=2)

    assert 'layout' not in result.stdout
    assert result.stderr.splitlines()[-1] == (
        f"error: the checkpoint {tmp_path / 'nowhere.pth'} does not exist; "
        'correct the path, or download the file')
    assert 'Traceback' not in result.stderr
    assert list(tmp_path.iterdir()) == []


class NotATensor:
    """A class that is pickled by name: loading it imports this module."""


@pytest.mark.parametrize('content, message', [
    (b'', 'cannot be read, as it is cut off after 0 bytes; use an earlier'),
    (b'a page of text', 'cannot be read: expected a file of torch.save or'),
    (b'PK\x03\x04 cut off', 'cannot be read, as it is cut off after 12 b'),
    (b'<!DOCTYPE html>', 'cannot be read: expected a file of torch.save or'),
    (pickle.dumps(NotATensor()), f"contains '{__name__}.NotATensor', which"),
], ids=['empty', 'text', 'cut off', 'html', 'pickle'])
def test_a_file_that_is_not_a_checkpoint_is_refused(
        tmp_path, content, message):
    source = tmp_path / 'source.pth'
    source.write_bytes(content)

    error = refusal(source, tmp_path / 'out.pth')

    assert error.startswith(f'error: the checkpoint {source} {message}')
    assert len(error.splitlines()) == 1
    assert list(tmp_path.iterdir()) == [source]


def test_a_saved_module_is_refused_without_running_its_pickle(tmp_path):
    source = tmp_path / 'source.pth'
    torch.save(dict(state_dict=NotATensor()), source)

    error = refusal(source, tmp_path / 'out')

    assert f"contains '{__name__}.NotATensor', which can execute" in error


def test_an_unknown_layout_is_refused(tmp_path):
    source = tmp_path / 'source.pth'
    torch.save({'patch_embed.weight': torch.zeros(1)}, source)

    error = refusal(source, tmp_path / 'out.pth')

    assert error.startswith(f'error: {source} must be one of: deep-stem')
    assert "got the first keys ['patch_embed.weight']" in error


def test_a_path_that_cannot_be_written_is_refused(tmp_path):
    source = tmp_path / 'source.pth'
    torch.save(torchvision.models.resnet18().state_dict(), source)

    assert 'cannot be written' in refusal(source, source / 'out.pth')
    (tmp_path / 'folder').mkdir()
    assert 'cannot be written' in refusal(source, tmp_path / 'folder')
    assert {path.name for path in tmp_path.iterdir()} == {
        'source.pth', 'folder'}
