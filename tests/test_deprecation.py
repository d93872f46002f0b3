import sys
import types
import warnings

import pytest

from mmseg_panet import errors, files
from mmseg_panet.annotations.class_colours import class_palette
from mmseg_panet.deprecation import renamed, warn_renamed
from mmseg_panet.inference.results import mask_file
from mmseg_panet.models.model_wrapper import unwrap_model
from mmseg_panet.runs import checkpoint
from mmseg_panet.visualization import strip
from mmseg_panet.visualization.way_colours import way_colour


@pytest.fixture
def module(monkeypatch):
    module = types.ModuleType('some_module')
    module.new_name = object()
    module.__getattr__ = renamed(
        'some_module', {'old_name': 'new_name', 'moved': 'math.pi'})
    monkeypatch.setitem(sys.modules, 'some_module', module)
    return module


def test_an_old_name_gives_the_new_one_with_a_warning_at_the_caller(module):
    with pytest.warns(DeprecationWarning, match='old_name is now called '
                      'new_name') as caught:
        assert module.old_name is module.new_name
    assert caught[0].filename == __file__


def test_a_name_can_have_moved_to_another_module(module):
    with pytest.warns(DeprecationWarning, match=r'called math\.pi'):
        assert module.moved == 3.141592653589793


def test_other_names_are_missing_as_in_any_module(module):
    with pytest.raises(AttributeError, match="'some_module' has no attribute "
                       "'other'"):
        _ = module.other
    assert not hasattr(module, 'other')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert module.new_name


def test_users_of_commands_see_the_warning_by_default():
    with pytest.warns(FutureWarning, match='a is now called b'):
        warn_renamed('a', 'b')


@pytest.mark.parametrize(('module', 'old', 'new'), [
    (files, 'write_whole', files.write_atomic),
    (errors, 'naming', errors.error_context),
    (checkpoint, 'bare', unwrap_model),
    (strip, 'way_colour', way_colour),
    (mask_file, 'class_palette', class_palette)])
def test_old_names_of_the_package_still_work(module, old, new):
    with pytest.warns(DeprecationWarning, match=rf'{old} is now called'):
        assert getattr(module, old) is new
