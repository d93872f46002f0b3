import pytest
from mmengine.config import Config

from mmseg_panet.config.test_config import (
    seen_classes,
    set_test_split,
    take_test,
    trained_classes,
)
from mmseg_panet.errors import InputError

STEPS = [dict(type='LoadAnnotations')]
FOLDS = [['dining table', 'cat'], ['dog', 'tv']]


def config(train=None, test=None, evaluator='own', fusion=(), **more):
    """Build a config with only what the functions read."""
    parts = {
        f'{mode}_dataloader': dict(
            dataset=dict(support_pipeline=STEPS, **given))
        for mode, given in (('train', train), ('test', test))
        if given is not None}
    return Config(dict(
        parts, test_evaluator=dict(type=evaluator), test_cfg=dict(type='loop'),
        model=dict(test_cfg=dict(mode='whole', **dict(fusion))), **more))


def test_the_test_of_another_config_is_taken_and_the_model_stays():
    cfg = config(dict(folds=FOLDS, fold=1, split='base'), dict(fold=1),
                 fusion=dict(shot_fusion='vote', vote_threshold=0.5),
                 protocol=dict(test=1))
    other = config(None, dict(fold=0, num_shots=5), 'other')
    take_test(cfg, other)
    assert cfg.train_dataloader.dataset.fold == 1
    assert cfg.test_dataloader.dataset == dict(
        support_pipeline=STEPS, fold=0, num_shots=5)
    assert cfg.test_evaluator == dict(type='other')
    # The fusion of shots is a rule of the protocol, which the other has not.
    assert cfg.model.test_cfg == dict(mode='whole')
    assert 'protocol' not in cfg
    take_test(other, config(
        None, dict(), fusion=dict(shot_fusion='vote', vote_threshold=0.3)))
    assert other.model.test_cfg == dict(
        mode='whole', shot_fusion='vote', vote_threshold=0.3)


def test_a_config_of_a_test_needs_no_model():
    cfg = config(dict(), dict())
    other = config(None, dict(fold=2))
    other.pop('model')
    take_test(cfg, other)
    assert cfg.test_dataloader.dataset.fold == 2
    assert cfg.model.test_cfg == dict(mode='whole')


@pytest.mark.parametrize('other', [
    Config(dict(model=dict())), config(dict(), None),
    Config(dict(test_dataloader=dict(dataset=dict(type='CityscapesDataset')),
                test_evaluator=dict(type='IoUMetric'), model=dict()))])
def test_a_config_without_test_episodes_raises_an_error(other):
    with pytest.raises(InputError, match='expected an EpisodicDataset in'):
        take_test(config(dict(), dict()), other)


def test_classes_of_training_and_test_are_compared_by_name():
    cfg = config(dict(folds=FOLDS, fold=0, split='base'),
                 dict(classes=['tvmonitor', 'cow', 'dog']))
    assert trained_classes(cfg) == ['dog', 'tv']
    assert seen_classes(cfg) == ['tvmonitor', 'dog']
    set_test_split(cfg, 'unseen')
    assert cfg.test_dataloader.dataset.classes == ['cow']
    assert seen_classes(cfg) == []


def test_unseen_classes_of_all_folds_of_the_test_are_chosen():
    cfg = config(dict(classes=['cat']), dict(
        folds=[['cat', 'cow'], ['DiningTable']], fold=1, split='novel'))
    set_test_split(cfg, 'unseen')
    dataset = cfg.test_dataloader.dataset
    assert (dataset.classes, dataset.folds, dataset.split) == (
        ['cow', 'DiningTable'], None, None)


@pytest.mark.parametrize(('given', 'split', 'expected'), [
    (dict(folds=FOLDS, split='novel'), 'all', dict(folds=FOLDS, split='all')),
    (dict(folds=FOLDS, split='novel'), 'base',
     dict(folds=FOLDS, split='base')),
    (dict(classes=['cat']), 'all', dict(classes='all', split=None))])
def test_a_split_replaces_that_of_the_test(given, split, expected):
    cfg = config(dict(), given)
    set_test_split(cfg, split)
    assert cfg.test_dataloader.dataset == dict(
        expected, support_pipeline=STEPS)


@pytest.mark.parametrize(('train', 'test', 'sentence'), [
    (dict(classes=['cat']), dict(classes='all'),
     "expected the names of the classes, .* got 'all'"),
    (dict(classes='all'), dict(classes=['cat']),
     "names of the classes of the training .* got classes='all'"),
    (dict(classes=['cat', 'dog']), dict(classes=['Cat']),
     r"it samples all of \['Cat'\]")])
def test_unseen_classes_that_are_unknown_raise_an_error(
        train, test, sentence):
    with pytest.raises(InputError, match=sentence):
        set_test_split(config(train, test), 'unseen')


def test_classes_of_a_training_in_wrappers_are_found():
    cfg = config(test=dict(classes=['cat', 'dog', 'cow']))
    parts = [dict(support_pipeline=STEPS, classes=names)
             for names in (['cat'], ['Cow', 'cat'])]
    cfg.train_dataloader = dict(dataset=dict(
        type='ConcatDataset', datasets=[
            dict(type='RepeatDataset', dataset=parts[0]), parts[1]]))
    assert trained_classes(cfg) == ['cat', 'Cow']
    assert seen_classes(cfg) == ['cat', 'cow']
    parts[1]['classes'] = 'all'
    cfg.train_dataloader.dataset.datasets = parts
    assert trained_classes(cfg) is None


def test_names_that_only_a_data_set_has_are_not_compared():
    assert trained_classes(config(dict(classes='all'))) is None
    assert trained_classes(config()) == []
    assert seen_classes(config(dict(classes='all'), dict(classes='all'))) == []
