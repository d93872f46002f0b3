import copy
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inference_parts import small_config
from mmengine.config import Config
from mmengine.registry import HOOKS
from mmseg.registry import METRICS, MODELS
from torch.utils.data import DataLoader

from mmseg_panet.apis import FewShotInferencer
from mmseg_panet.config.build_errors import build_errors
from mmseg_panet.errors import InputError

HEAD = dict(type='PANetHead', in_channels=8)


def sentence(cfg, build):
    """The message that the building of a part of a config ends with."""
    with pytest.raises(InputError) as caught, build_errors(cfg):
        build()
    return str(caught.value)


def config(**parts):
    return Config(parts)


def test_an_unknown_type_is_named_with_its_place_and_the_nearest_one():
    cfg = config(model=dict(
        type='EncoderDecoder', backbone=dict(type='DilatedResNet', depth=18),
        decode_head=HEAD | dict(type='PANetHed')))
    assert sentence(cfg, lambda: MODELS.build(cfg.model)) == (
        'expected a registered model as type in model.decode_head of the '
        "config, got 'PANetHed'; the nearest name is 'PANetHead'; correct "
        'it, or import the module that registers it with custom_imports')


def test_every_registry_is_searched():
    cfg = config(
        val_evaluator=dict(type='FewShotIoU'),
        custom_hooks=[dict(type='EmaHook')])
    assert re.search(
        r"in val_evaluator .*nearest name is 'FewShotIoUMetric'",
        sentence(cfg, lambda: METRICS.build(cfg.val_evaluator)))
    assert re.search(
        r"in custom_hooks\.0 .*nearest name is 'EMAHook'",
        sentence(cfg, lambda: HOOKS.build(cfg.custom_hooks[0])))


def test_an_argument_that_a_class_lacks_is_named_with_its_place():
    cfg = config(model=dict(decode_head=HEAD | dict(num_classes=2)))
    found = sentence(cfg, lambda: MODELS.build(cfg.model.decode_head))
    assert found.startswith(
        'expected arguments of PANetHead in model.decode_head of the config '
        'among ')
    assert found.endswith(
        "got 'num_classes'; remove it, or set _delete_=True there if it "
        'comes from a base')
    assert ' in_channels,' in found
    assert ' self,' not in found


def test_an_argument_that_a_parent_class_refuses_is_that_of_the_class():
    cfg = config(model=dict(
        type='FewShotSegmentor', backbone=dict(type='DilatedResNet', depth=18),
        decode_head=HEAD, wrong=1))
    assert 'arguments of FewShotSegmentor in model of' in sentence(
        cfg, lambda: MODELS.build(cfg.model))


def test_a_missing_argument_is_named_with_its_place():
    cfg = config(model=dict(decode_head=dict(type='PANetHead')))
    assert sentence(cfg, lambda: MODELS.build(cfg.model.decode_head)) == (
        "expected 'in_channels' of PANetHead in model.decode_head of the "
        'config, got none; set what is missing')


def test_the_place_is_that_of_the_component_at_fault():
    """Both heads are of the same class, and only the second one is wrong."""
    wrong = HEAD | dict(type='mmseg.PANetHead', num_classes=2)
    cfg = config(one=HEAD, other=wrong, third=dict(type='PANetHead'))
    assert ' in other of ' in sentence(cfg, lambda: MODELS.build(cfg.other))
    assert ' in third of ' in sentence(cfg, lambda: MODELS.build(cfg.third))
    # A head of mmseg passes its arguments on to the same parent class.
    fcn = dict(type='FCNHead', in_channels=8, channels=8, num_classes=2)
    cfg = config(one=dict(fcn, num_convs=1), other=dict(
        fcn, type='ASPPHead', num_convs=1))
    assert ' in other of ' in sentence(cfg, lambda: MODELS.build(cfg.other))


def test_the_arguments_of_a_data_loader_are_checked_too():
    cfg = config(val_dataloader=dict(wrong=1))
    assert 'DataLoader in val_dataloader of the config among ' in sentence(
        cfg, lambda: DataLoader([], **cfg.val_dataloader))


@pytest.mark.parametrize('error', [
    TypeError("len() got an unexpected keyword argument 'in_channels'"),
    TypeError('unsupported operand'), KeyError('depth'), KeyError()])
def test_other_errors_stay_as_they_are(error):
    with pytest.raises(type(error)) as caught, build_errors(
            config(model=HEAD)):
        raise error
    assert caught.value is error


JUNK = st.sampled_from([
    None, -1, 0, 1, 1e30, float('nan'), True, 'x', '', [], {}, (1, 2, 3)])


def places(node, place=()):
    """The places of all settings below a node, and of those in lists."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(
            node) if isinstance(node, list) else ():
        if isinstance(node, dict) or isinstance(value, dict):
            yield (*place, key)
        yield from places(value, (*place, key))


BASE = small_config(
    dict(type='Resize', scale=(33, 33), keep_ratio=False)).to_dict()


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(place=st.sampled_from(list(places(BASE))), junk=JUNK)
def test_a_config_with_a_random_setting_works_or_gets_one_sentence(
        place, junk):
    *parents, last = place
    node = cfg = copy.deepcopy(BASE)
    for key in parents:
        node = node[key]
    node[last] = junk
    image = np.zeros((33, 33, 3), np.uint8)
    mask = image[..., 0].copy()
    mask[8:24, 8:24] = 1
    try:
        inferencer = FewShotInferencer(
            Config(cfg), None, device='cpu', show_progress=False)
        inferencer.add_class('cat', [(image, mask)])
        inferencer(image)
    except InputError as error:
        assert '\n' not in str(error)


def test_a_constructor_that_refuses_a_setting_is_named_with_its_place():
    cfg = config(model=dict(
        type='SegDataPreProcessor', mean=[1, 2, 3], std=None))
    assert re.fullmatch(
        'expected settings of SegDataPreProcessor in model of the config '
        'that it can be built with, got AssertionError: .* '
        r'\(raised in data_preprocessor.py, line \d+\); correct them',
        sentence(cfg, lambda: MODELS.build(cfg.model)))


def test_the_error_of_a_call_that_builds_nothing_is_kept():
    with pytest.raises(ZeroDivisionError), build_errors({}):
        _ = 1 / 0


class DistNetworkError(RuntimeError):
    """The error of a port in use in torch.distributed has this name."""


def test_a_lost_process_is_no_wrong_setting():
    def lose(**_):
        raise DistNetworkError('The server socket has failed to listen')

    cfg = config(hook=dict(type=lose))
    with pytest.raises(DistNetworkError), build_errors(cfg):
        HOOKS.build(cfg.hook)
