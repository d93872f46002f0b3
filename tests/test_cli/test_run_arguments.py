"""The config that results from the arguments of a run."""
import argparse

import pytest
import torch

from mmseg_panet.cli import run_arguments
from mmseg_panet.cli.run_arguments import (
    add_config_arguments,
    add_run_arguments,
    load_config,
    prepare_run,
)
from mmseg_panet.errors import InputError

TOY = 'panet_r18-d8_1xb4-800iters_toy3i-128x128'


def loaded(*arguments):
    parser = argparse.ArgumentParser()
    add_config_arguments(parser)
    add_run_arguments(parser)
    args = parser.parse_args(arguments)
    cfg = load_config(args)
    prepare_run(cfg, args)
    return cfg


@pytest.mark.parametrize('given', [
    TOY, f'mmseg_panet::panet/{TOY}.py',
    pytest.param('panet_r18-d8_toy', marks=pytest.mark.filterwarnings(
        'ignore:the config panet_r18-d8_toy is now:FutureWarning'))])
def test_the_work_dir_has_the_name_of_the_config(
        given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('LOCAL_RANK', '0')
    assert loaded(given).work_dir == f'work_dirs/{TOY}'
    assert loaded(given, '--work-dir', 'mine').work_dir == 'mine'


@pytest.mark.parametrize(('option', 'sentence'), [
    ('optim_wraper.optimizer.lr=1', "'optim_wrapper' at the top level"),
    ('model.decode_hed.scale=1', "'decode_head' in model"),
    # The name of a variable is a valid option; this one is misspelt.
    ('num_shot=5', "'num_shots' at the top level")])
def test_a_misspelt_option_is_refused(option, sentence):
    with pytest.raises(InputError, match=f'expected {sentence} of .*{TOY}'):
        loaded(TOY, '--cfg-options', option)


@pytest.mark.parametrize(('own', 'expected'), [
    (None, dict(type='MMDistributedDataParallel', broadcast_buffers=False)),
    (dict(find_unused_parameters=True), dict(
        type='MMDistributedDataParallel', find_unused_parameters=True)),
    (dict(type='Wrapper', broadcast_buffers=True, device_ids=[0]), dict(
        type='Wrapper', broadcast_buffers=True))])
def test_the_wrapper_of_the_user_is_kept_on_cpus(
        monkeypatch, tmp_path, own, expected):
    monkeypatch.setattr(run_arguments, 'join_on_cpu', lambda *_: None)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR'):
        monkeypatch.setenv(name, '0')
    config = tmp_path / 'own.py'
    config.write_text(
        f"_base_ = 'mmseg_panet::panet/{TOY}.py'\n"
        f'model_wrapper_cfg = {own}\n')
    cfg = loaded(str(config), '--launcher', 'pytorch')
    assert cfg.model_wrapper_cfg == dict(expected, device_ids=None)
