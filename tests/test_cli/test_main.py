"""The command, and the scripts of tools/ that run it."""
import importlib
import inspect
import re

import pytest
from tool_runs import REPO, tool, tool_process

from mmseg_panet.cli import main as command
from mmseg_panet.cli import train
from mmseg_panet.config.bundled_configs import config_files
from mmseg_panet.version import versions

SCRIPTS = {'fit': 'fit_prototypes', 'make-toy-data': 'make_toy_dataset'}
"""Scripts with another name than their subcommand."""


def call(*arguments):
    with pytest.raises(SystemExit) as caught:
        command.main(arguments)
    return caught.value.code


def test_help_lists_every_subcommand_with_a_line(capsys):
    assert call('--help') == 0
    printed = capsys.readouterr().out
    for name, text in command.SUBCOMMANDS.items():
        assert re.search(rf'^  {name} +{re.escape(text)}$', printed, re.M)
    assert max(map(len, printed.splitlines())) < 80
    assert call() == 2
    assert capsys.readouterr().err == printed


def test_subcommands_and_modules_correspond():
    folder = REPO / 'mmseg_panet/cli'
    shared = {'__init__', 'main', 'exit', 'inferencer_arguments',
              'launcher', 'run_arguments', 'server_arguments',
              'test_arguments'}
    assert {path.stem for path in folder.glob('*.py')} - shared == {
        name.replace('-', '_') for name in command.SUBCOMMANDS}


@pytest.mark.parametrize('name', command.SUBCOMMANDS)
def test_a_script_of_tools_shows_the_same_help_under_its_own_name(
        name, capsys):
    assert call(name, '--help') == 0
    expected = capsys.readouterr().out
    module = importlib.import_module(
        f"mmseg_panet.cli.{name.replace('-', '_')}")
    assert inspect.cleandoc(module.__doc__) in expected
    script = f"{SCRIPTS.get(name, name.replace('-', '_'))}.py"
    assert len((REPO / 'tools' / script).read_text().splitlines()) <= 8
    printed = tool(script, '--help').stdout

    def without_name(text, program):
        usage, rest = text.split('\n\n', 1)
        return [usage.replace(program, '').split(), rest]

    assert without_name(printed, script) == without_name(
        expected, f'mmseg-panet {name}')


@pytest.mark.parametrize(('typed', 'nearest'), [
    ('trian', 'train'), ('segmnt', 'segment'), ('check_data', 'check-data'),
    ('fitt', 'fit'), ('make-toy-dataset', 'make-toy-data')])
def test_an_unknown_subcommand_names_the_nearest(typed, nearest, capsys):
    assert call(typed) == 2
    assert capsys.readouterr().err == (
        f"error: expected a subcommand, got '{typed}'; did you mean "
        f"'{nearest}'? `mmseg-panet --help` lists all of them\n")


def test_a_subcommand_unlike_any_other_is_only_refused(capsys):
    assert call('xyzzy') == 2
    assert capsys.readouterr().err == (
        "error: expected a subcommand, got 'xyzzy'; `mmseg-panet --help` "
        'lists all of them\n')


def test_the_version_is_that_of_the_package_and_its_stack(capsys):
    assert call('--version') == 0
    printed = capsys.readouterr().out.split()
    assert printed[:2] == ['mmseg_panet', versions()['mmseg_panet']]
    assert 'mmsegmentation' in printed
    assert f"{versions()['torch']}," in printed


def test_toy_data_are_made_in_a_process(tmp_path):
    done = tool_process('make-toy-data', tmp_path / 'toy', '--images', 3,
                        '--size', 32)
    assert done.stdout.splitlines()[-1] == f"3 images in '{tmp_path}/toy'"
    assert len(list((tmp_path / 'toy/JPEGImages').iterdir())) == 3


def test_the_configs_are_listed_one_per_line(capsys):
    assert call('--list-configs') == 0
    assert capsys.readouterr().out.splitlines() == list(config_files())


def test_an_invalid_choice_names_the_nearest(capsys):
    assert call('prepare-data', 'labelm', 'a', 'b') == 2
    assert capsys.readouterr().err.endswith("; did you mean 'labelme'?\n")
    assert call('test', 'a', 'b', '--support-annotation', 'boks') == 2
    assert capsys.readouterr().err.endswith("; did you mean 'box'?\n")
    assert call('prepare-data', 'xyzzy', 'a', 'b') == 2
    assert 'did you mean' not in capsys.readouterr().err


def test_the_hint_of_a_training_holds_before_the_first_checkpoint():
    assert train.RESUME_HINT == (
        'run the same command with --resume to continue from the last '
        'checkpoint, or from the start if there is none yet')
