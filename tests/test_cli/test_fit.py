"""The command on the toy examples."""
import re

import cv2
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from tool_runs import small_config, tool, tool_process

from mmseg_panet.apis import FewShotInferencer
from mmseg_panet.datasets.toy.toy_dataset import make_toy_examples


@pytest.fixture(scope='module')
def setting(tmp_path_factory):
    """Return a folder with config, weights and examples, and the run."""
    folder = tmp_path_factory.mktemp('fit')
    config = Config.fromfile(small_config(folder))
    torch.manual_seed(0)
    torch.save(MODELS.build(config.model).state_dict(), folder / 'small.pth')
    make_toy_examples(folder, num_shots=3, num_photos=1, size=64)
    run = tool_process(
        'fit_prototypes.py', folder / 'small.py', folder / 'small.pth',
        '--support', folder / 'examples', '--out',
        folder / 'new/toy.safetensors', '--check', '--device', 'cpu')
    return folder, run


def test_the_bank_equals_that_of_the_inferencer(setting):
    folder, _ = setting
    inferencer = FewShotInferencer(
        str(folder / 'small.py'), str(folder / 'small.pth'), device='cpu',
        show_progress=False)
    inferencer.fit(folder / 'examples').save(folder / 'own.safetensors')
    assert (folder / 'own.safetensors').read_bytes() == (
        folder / 'new/toy.safetensors').read_bytes()


def test_the_check_gives_a_table_and_a_picture_next_to_the_bank(setting):
    folder, run = setting
    # The first lines are printed by mmengine when it is imported.
    lines = run.stdout[run.stdout.index('class '):].splitlines()
    shots = [line.split('.jpg')[0].split()[-2:] for line in lines[1:10]]
    assert shots == [
        [str(1 + shot), str(shot)] for _ in range(3) for shot in range(3)]
    bank = folder / 'new/toy.safetensors'
    assert lines[-3:] == [
        f'picture in {bank}.png', '',
        f'9 examples of 3 classes in {bank}']
    picture = cv2.imread(f'{bank}.png')
    assert picture.shape[0] > picture.shape[1]


@pytest.mark.parametrize(('change', 'message'), [
    (dict(support='gone'), 'gone does not exist'),
    (dict(config='gone.py'), 'gone.py does not exist'),
    (dict(out='small.py/a.safetensors'), 'a.safetensors cannot be written'),
    (dict(out='examples/a.safetensors'), 'outside .* got examples/.*.png, '),
    (dict(out='bank.pth'), 'expected the bank as a .safetensors file, got '
     'bank.pth; end the name in .safetensors'),
])
def test_bad_input_is_one_line_before_a_model_is_loaded(
        setting, change, message, monkeypatch):
    folder, _ = setting
    monkeypatch.chdir(folder)
    parts = dict(
        config='small.py', support='examples', out='a.safetensors') | change
    done = tool(
        'fit_prototypes.py', parts['config'], 'gone.pth', '--support',
        parts['support'], '--out', parts['out'], '--check', code=2)
    *_, line = done.stderr.strip().splitlines()
    assert line.startswith('error: ')
    assert re.search(message, line), line


def test_negatives_are_in_the_bank_and_counted(setting):
    folder, _ = setting
    bank = folder / 'negatives.safetensors'
    photos = folder / 'photos'
    run = tool(
        'fit_prototypes.py', folder / 'small.py', folder / 'small.pth',
        '--support', folder / 'examples', '--negatives', photos, '--out',
        bank, '--device', 'cpu')
    assert f'9 examples of 3 classes and 1 negative in {bank}' in run.stdout
    inferencer = FewShotInferencer(
        str(folder / 'small.py'), str(folder / 'small.pth'), device='cpu',
        show_progress=False)
    inferencer.fit(folder / 'examples', negatives=photos).save(
        folder / 'own.safetensors')
    assert (folder / 'own.safetensors').read_bytes() == bank.read_bytes()
    done = tool(
        'fit_prototypes.py', folder / 'small.py', 'gone.pth', '--support',
        folder / 'examples', '--negatives', folder / 'gone', '--out', bank,
        code=2)
    assert 'gone does not exist' in done.stderr.strip().splitlines()[-1]
