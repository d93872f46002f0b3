import pytest
from mmengine.config import Config

from mmseg_panet.config.classifier import set_classifier
from mmseg_panet.errors import InputError


def config_of(**head):
    return Config(dict(model=dict(decode_head=dict(
        type='PANetHead', in_channels=8, **head))))


@pytest.mark.parametrize(('wanted', 'classifier'), [
    ('auto', 'auto'),
    ('DiscriminantClassifier', dict(type='DiscriminantClassifier')),
    (dict(type='QueryRefinement', keep=0.5),
     dict(type='QueryRefinement', keep=0.5))])
def test_a_classifier_is_added_to_the_settings_of_the_head(wanted, classifier):
    cfg = config_of(scale=10.0, distance='cosine', pool_at='image')
    set_classifier(cfg, wanted)
    assert cfg.model.decode_head == dict(
        type='PANetHead', in_channels=8, scale=10.0, distance='cosine',
        pool_at='image', classifier=classifier)


def test_the_classifier_of_the_config_can_be_chosen():
    cfg = config_of(scale=10.0)
    set_classifier(cfg, 'config')
    assert cfg.model.decode_head == config_of(scale=10.0).model.decode_head


@pytest.mark.parametrize(('cfg', 'wanted', 'words'), [
    (config_of(), 'Guess', 'registered subclass of Classifier'),
    (config_of(), 'Discriminant',
     "got 'Discriminant'; give one of DiscriminantClassifier, .*"
     'AutoClassifier.*PrototypeClassifier'),
    (config_of(), dict(type='QueryRefinement', kep=1),
     'expected arguments of QueryRefinement in classifier of the config '
     "among keep, .*, got 'kep'; remove it"),
    (config_of(), 'ResNet', 'registered subclass of Classifier'),
    (Config(dict(model=dict(type='A'))), 'auto',
     'got None; give one of `mmseg-panet --list-configs`'),
    (Config(), 'auto', 'expected a model with a decode_head')])
def test_an_impossible_choice_is_refused_in_one_sentence(cfg, wanted, words):
    with pytest.raises(InputError, match=words):
        set_classifier(cfg, wanted)
