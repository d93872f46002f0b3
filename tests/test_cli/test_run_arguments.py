"""The config that results from the arguments of a run."""
import argparse

import pytest

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
