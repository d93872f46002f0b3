import warnings
from pathlib import Path

import pytest

from mmseg_panet.apis import FewShotInferencer
from mmseg_panet.config import bundled_configs
from mmseg_panet.config.bundled_configs import (
    RENAMED,
    config_files,
    config_folder,
    find_config,
)
from mmseg_panet.errors import InputError

TOY = 'panet_r18-d8_1xb4-800iters_toy3i-128x128'


@pytest.mark.parametrize('given', [
    TOY, f'{TOY}.py', f'mmseg_panet::panet/{TOY}',
    f'mmseg_panet::panet/{TOY}.py', f'panet/{TOY}', f'configs/panet/{TOY}.py',
    f'./configs/panet/{TOY}', Path(f'configs/panet/{TOY}.py')])
def test_a_config_is_found_by_its_name(given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert find_config(given) == config_folder() / f'panet/{TOY}.py'


def test_a_file_comes_before_a_config_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mine = tmp_path / f'{TOY}.py'
    mine.touch()
    assert find_config(mine) == mine
    assert find_config(mine.name).resolve() == mine
    assert find_config(TOY) == config_folder() / f'panet/{TOY}.py'


@pytest.mark.parametrize('form', [
    '{}', '{}.py', 'configs/panet/{}.py', '/elsewhere/configs/panet/{}.py',
    'mmseg_panet::panet/{}.py'])
def test_an_old_name_works_with_a_warning(form):
    with pytest.warns(FutureWarning, match='panet_r50-d8_pascal5i is now'):
        found = find_config(form.format('panet_r50-d8_pascal5i'))
    assert found.stem == 'panet_r50-d8-no-align_1xb4-6k_pascal5i-473x473'
    with pytest.warns(FutureWarning, match='is now called discriminant_r18'):
        found = find_config(form.format('panet_r18-d8-discriminant_msrc7i'))
    assert found.parent.name == 'discriminant'


def test_every_new_name_of_an_old_one_is_a_config():
    assert set(RENAMED.values()) <= set(config_files())
    assert not set(RENAMED) & set(config_files())


@pytest.mark.parametrize(('given', 'nearest'), [
    (TOY.replace('800', '600'), TOY),
    ('panet_r101-pascal5i', 'panet_r101-d8-no-align_1xb4-6k_pascal5i-473x473'),
    ('configs/panet/panet_vgg16.py', 'panet_vgg16-d8_1xb1-30k_pascal5i'),
    # The folder belongs to another method or to the user.
    (f'discriminant/{TOY}', TOY), (f'mine/{TOY}.py', TOY), ('x', TOY)])
def test_an_unknown_name_is_refused_with_the_nearest_names(given, nearest):
    with pytest.raises(InputError) as caught:
        find_config(given)
    assert str(caught.value).startswith(f'the config {given} does not exist;')
    assert nearest in str(caught.value)


def test_the_inferencer_takes_a_name():
    with pytest.raises(InputError, match=f'does not exist.*{TOY}'):
        FewShotInferencer('panet_r18-d8_1xb4-800iters_toy-128x128')
    inferencer = FewShotInferencer(TOY, device='cpu')
    assert inferencer.model.backbone.depth == 18


def test_the_configs_of_a_wheel_come_first(tmp_path, monkeypatch):
    wheel, checkout = tmp_path / '.mim/configs', tmp_path / 'configs'
    monkeypatch.setattr(bundled_configs, '_FOLDERS', (wheel, checkout))
    # A folder named configs of another package is not used.
    checkout.mkdir()
    with pytest.raises(InputError, match='install the package again'):
        config_folder()
    for folder in (checkout, wheel):
        (folder / '_base_/protocols').mkdir(parents=True)
        assert config_folder() == folder


def test_a_wrong_path_is_not_another_file_of_the_same_name(tmp_path):
    name = 'panet_r18-d8_1xb4-800iters_toy3i-128x128'
    with pytest.raises(InputError, match=f'does not exist; .*{name}'):
        find_config(tmp_path / f'configs/panet/{name}.py')
    assert find_config(f'configs/panet/{name}.py').stem == name
