import pytest
from mmengine.config import Config
from mmseg.registry import MODELS, TRANSFORMS
from torch import nn

from mmseg_panet.config.bundled_configs import config_files, config_folder
from mmseg_panet.config.config_file import read_config
from mmseg_panet.config.spelling import check_options, check_spelling
from mmseg_panet.errors import InputError

TOY = 'panet_r18-d8_1xb4-800iters_toy3i-128x128'


@MODELS.register_module(force=True)
class SpellingParent(nn.Module):
    def __init__(self, width, height=1):
        super().__init__()


@MODELS.register_module(force=True)
class SpellingChild(SpellingParent):
    def __init__(self, *args, colour='red', **kwargs):
        super().__init__(*args, **kwargs)


@MODELS.register_module(force=True)
class SpellingGrandchild(SpellingChild):
    """A class that hides parameters, as it takes no ``**kwargs``."""

    def __init__(self, depth):
        super().__init__(1)


@TRANSFORMS.register_module(force=True)
def spelling_step(results, amount=1):
    return results


@pytest.fixture
def written(tmp_path):
    def write(text, name='mine.py'):
        path = tmp_path / name
        path.write_text(text)
        return path
    return write


@pytest.mark.parametrize(('text', 'near', 'where', 'got'), [
    ('optim_wraper = dict(optimizer=dict(lr=1))', 'optim_wrapper',
     'at the top level', 'optim_wraper'),
    ('modle = dict()', 'model', 'at the top level', 'modle'),
    ('custom_import = dict()', 'custom_imports', 'at the top level',
     'custom_import'),
    # A variable of the configs of this project.
    ('num_shot = 5', 'num_shots', 'at the top level', 'num_shot'),
    ("model = dict(type='SpellingChild', colours='blue')", 'colour',
     'in model', 'colours'),
    ("model = dict(type='SpellingChild', widht=3)", 'width', 'in model',
     'widht'),
    ("model = dict(parts=[dict(type='SpellingParent', heigt=3)])", 'height',
     r'in model\.parts\.0', 'heigt'),
    ("steps = [dict(type='spelling_step', amont=3)]\nuse = steps", 'amount',
     r'in steps\.0', 'amont'),
    ('train_dataloader = dict(datset=dict())', 'dataset',
     'in train_dataloader', 'datset'),
    ('val_dataloader = dict(num_worker=2)', 'num_workers',
     'in val_dataloader', 'num_worker'),
    ("model = dict(test_cfg=dict(shot_fuson='vote'))", 'shot_fusion',
     r'in model\.test_cfg', 'shot_fuson'),
    ('default_hooks = dict(loger=dict(interval=5))', 'logger',
     'in default_hooks', 'loger'),
    ('default_hooks = dict(loger=None)', 'logger', 'in default_hooks',
     'loger'),
    ("default_hooks = dict(logger=dict(type='LoggerHook', intervals=5))",
     'interval', r'in default_hooks\.logger', 'intervals'),
    ('randomness = dict(seeds=0)', 'seed', 'in randomness', 'seeds')])
def test_a_misspelt_key_is_refused(written, text, near, where, got):
    path = written(text)
    with pytest.raises(
            InputError, match=f"^expected '{near}' {where} of {path}, got "
            f"'{got}'; correct the key"):
        read_config(path)


@pytest.mark.parametrize('text', [
    # Variables of the user that are unlike any key.
    'scale = 3\nmy_lr = 0.1\nfavourite = [1]',
    # Variables that are similar to a key, but used.
    "model_ = dict(type='SpellingParent')\nmodel = model_",
    'folds_ = [1]\ntrain = dict(folds=folds_)',
    # Private variables, and keys of mmengine.
    "_modle = 1\nmodel = dict(type='SpellingParent', _delete_=True)",
    'optimizer = dict()\ncompile = True\nrunner_type = 1\nsync_bn = 1',
    # Unlike any parameter: a builder may use it, as that of norm_cfg does.
    "model = dict(norm_cfg=dict(type='BN', requires_grad=True))",
    "model = dict(type='SpellingParent', extra=1)",
    # Similar to a parameter of a parent that the class does not pass on.
    "model = dict(type='SpellingGrandchild', colours=1)",
    # mmengine takes more hooks, by any name.
    "default_hooks = dict(checkpoint2=dict(type='CheckpointHook'))",
    # Types that are not registered.
    "model = dict(type='elsewhere.Model', widht=1)",
    "model = dict(type='NotThere', widht=1)"])
def test_other_keys_are_accepted(written, text):
    read_config(written(text))


def test_a_comment_or_an_assignment_does_not_count_as_a_use(written):
    with pytest.raises(InputError, match="got 'modle'"):
        read_config(written('# modle\nmodle = 1\nmodel = dict(modle=2)'))


def test_a_variable_that_only_a_base_uses_is_accepted(written):
    written('model_ = dict(a=1)\nmodel = dict(b=model_)', 'base.py')
    read_config(written("_base_ = './base.py'\nmodel_ = dict(a=2)"))


def test_a_variable_that_only_a_base_with_read_base_uses_is_accepted(written):
    written('model_ = dict(a=1)\nmodel = dict(b=model_)', 'base_model.py')
    text = (
        'from mmengine.config import read_base\n'
        'with read_base():\n    from .base_model import *\n'
        "model.update(dict(type='SpellingParent', {}=3))")
    read_config(written(text.format('width'), 'good.py'))
    # Other keys are still checked.
    with pytest.raises(InputError, match="'width' in model"):
        read_config(written(text.format('widht'), 'bad.py'))


@pytest.mark.parametrize(('name', 'text'), [
    ('mine.json', '{{"{}": {{"a": 1}}}}'), ('mine.yaml', '{}:\n  a: 1\n'),
    ('quoted.yaml', "'{}' :\n  a: 1\n")])
def test_a_key_of_json_and_yaml_does_not_count_as_a_use(written, name, text):
    read_config(written(text.format('optim_wrapper'), name))
    with pytest.raises(InputError, match="got 'optim_wraper'"):
        read_config(written(text.format('optim_wraper'), name))


def test_a_variable_that_the_python_base_of_json_uses_is_accepted(written):
    written('model_ = dict(a=1)\nmodel = dict(b=model_)', 'base.py')
    read_config(written(
        '{"_base_": "./base.py", "model_": {"a": 2}}', 'mine.json'))


def test_variables_in_a_config_that_a_runner_wrote_are_accepted(written):
    """The Runner has replaced them with their values."""
    text = "step = 4\nmodel = dict(type='SpellingParent', width={})\n"
    with pytest.raises(InputError, match="'steps' at the top level"):
        read_config(written(text.format(4)))
    cfg = read_config(written(text.format('step')))
    cfg.launcher, cfg.work_dir = 'none', 'work_dirs/mine'
    path = written('', 'dumped.py')
    cfg.dump(path)
    assert read_config(path).model.width == 4
    # Other keys are still checked.
    path.write_text(path.read_text().replace('width', 'widht'))
    with pytest.raises(InputError, match="'width' in model"):
        read_config(path)


def test_keys_of_a_config_of_another_package_are_checked_too(written):
    text = (f"_base_ = 'mmseg_panet::panet/{TOY}.py'\n"
            'model = dict(decode_head=dict({}=1))')
    read_config(written(text.format('pool_at')))
    with pytest.raises(InputError, match=r"'pool_at' in model\.decode_head"):
        read_config(written(text.format('poolat')))


def test_all_bases_pass():
    """The other configs are checked by the tests that read them."""
    for path in sorted((config_folder() / '_base_').rglob('*.py')):
        check_spelling(Config.fromfile(path))


@pytest.mark.parametrize(('option', 'sentence'), [
    ('optim_wraper.optimizer.lr', "'optim_wrapper' at the top level"),
    ('load_form', "'load_from' at the top level"),
    ('model.decode_hed.scale', "'decode_head' in model "),
    ('model.decode_head.scales', r"'scale' in model\.decode_head"),
    # Similar to a parameter of a parent that is not in the config.
    ('model.backbone.dep_stem', r"'deep_stem' in model\.backbone"),
    ('train_dataloader.datset.fold', "'dataset' in train_dataloader"),
    ('test_cfg.reuse_feature', "'reuse_features' in test_cfg"),
    ('param_scheduler.0.start_facto', r"'start_factor' in param_scheduler\.0"),
    # This dict has no type, so that only its other keys can be compared.
    ('train_dataloader.dataset.pools.trains',
     r"'train' in train_dataloader\.dataset\.pools")])
def test_a_misspelt_option_is_refused(option, sentence):
    cfg = read_config(TOY)
    with pytest.raises(InputError, match=f'^expected {sentence}.*; correct'):
        check_options(cfg, {option: 1})


@pytest.mark.parametrize('option', [
    'optim_wrapper.optimizer.lr', 'optim_wrapper.paramwise_cfg',
    'model.backbone.deep_stem', 'model.decode_head.pool_at',
    'model.decode_head.classifier.type', 'model.test_cfg.edges',
    'train_dataloader.dataset.num_queries', 'test_cfg.reuse_features',
    'train_dataloader.prefetch_factor', 'param_scheduler.0.start_factor',
    'param_scheduler.7.start_facto', 'compile', 'my_lr', 'mine.lr',
    'load_from'])
def test_other_options_are_accepted(option):
    check_options(read_config(TOY), {option: 1})


@pytest.mark.parametrize('options', [
    {'default_hooks.checkpoint2.type': 'CheckpointHook',
     'default_hooks.checkpoint2.interval': 5},
    {'default_hooks.checkpoint2': dict(type='CheckpointHook')}])
def test_another_hook_is_an_option_if_it_has_a_type(options):
    cfg = read_config(TOY)
    check_options(cfg, options)
    with pytest.raises(InputError, match="'checkpoint' in default_hooks"):
        check_options(cfg, {'default_hooks.checkpoint2.interval': 5})


@pytest.mark.parametrize('name', config_files())
def test_every_key_of_a_bundled_config_is_a_valid_option(name):
    """Reading the config checks its keys, too."""
    cfg = read_config(name)
    check_options(cfg, dict.fromkeys(_leaves(cfg.to_dict()), 1))


def _leaves(node, place=''):
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, child in items:
        name = f'{place}.{key}' if place else key
        yield name
        if isinstance(child, (dict, list)):
            yield from _leaves(child, name)
