"""A bank is loaded by a model with another classifier."""
import json
import logging

import numpy as np
import pytest
from inference_parts import (
    RESIZE,
    broadcast,
    image_of,
    red_and_blue,
    small_inferencer,
)
from mmseg.registry import MODELS
from safetensors.torch import load_file, save_file

from mmseg_panet.errors import InputError
from mmseg_panet.models import (
    AutoClassifier,
    DiscriminantClassifier,
    PrototypeClassifier,
)
from mmseg_panet.models.bank.bank_classifier import classifier_for

HEAD = dict(
    type='PANetHead', in_channels=32, scale=0.5,
    distance='squared_euclidean')


@MODELS.register_module()
class UnitPrototypes(PrototypeClassifier):
    """Prototypes of normalised cells."""

    unit_cells = True


def inferencer_of(classifier=None, head=None):
    return small_inferencer(
        RESIZE, classifier=classifier,
        model=head and dict(decode_head=head))


def used_by(inferencer):
    return type(inferencer.model.decode_head.classifier).__name__


def confidence(inferencer):
    image, _ = image_of((20, 20, 230), seed=7)
    return inferencer(image)['confidence']


def as_first_versions_wrote_it(path):
    """Remove what later versions say about the classifier."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], 'little')
    header = json.loads(json.loads(
        data[8:8 + length])['__metadata__']['mmseg_panet'])
    for key in ('classifier', 'cells', 'needs', 'rank'):
        del header['model'][key]
    save_file(load_file(path), path, dict(mmseg_panet=json.dumps(header)))


@pytest.fixture
def warnings(monkeypatch):
    said = []

    def note(text, logger=None, level=logging.INFO):
        if level == logging.WARNING:
            said.append(text)

    monkeypatch.setattr('mmseg_panet.inference.network.print_log', note)
    return said


@pytest.mark.parametrize('head', [None, HEAD])
@pytest.mark.parametrize('first', [False, True])
def test_an_old_bank_is_classified_by_prototypes_and_says_so(
        tmp_path, warnings, first, head):
    """The results are those of a model with prototypes alone."""
    supports = red_and_blue()
    panet = inferencer_of('config', head).fit({'red': supports['red']})
    panet.save(tmp_path / 'old')
    if first:
        as_first_versions_wrote_it(tmp_path / 'old')
    inferencer = inferencer_of(head=head).load(tmp_path / 'old')
    sentence, = warnings
    assert 'old holds prototypes only, by which images are' in sentence
    assert 'fit the examples again to use AutoClassifier' in sentence
    assert used_by(inferencer) == 'PrototypeClassifier'
    np.testing.assert_array_equal(confidence(inferencer), confidence(panet))
    assert inferencer.fingerprint() == panet.fingerprint()

    # Supports that are added to it are measured for prototypes too.
    for one in (panet, inferencer):
        one.add_class('blue', supports['blue'])
    np.testing.assert_array_equal(confidence(inferencer), confidence(panet))
    assert inferencer.bank.shots == [2, 2]
    inferencer.save(tmp_path / 'grown')
    panet.load(tmp_path / 'grown')
    np.testing.assert_array_equal(confidence(inferencer), confidence(panet))

    # A new fit has everything again.
    inferencer.fit(supports)
    assert used_by(inferencer) == 'AutoClassifier' and len(warnings) == 1
    np.testing.assert_array_equal(
        confidence(inferencer),
        confidence(inferencer_of(head=head).fit(supports)))


def test_what_fails_leaves_prototypes_in_use(tmp_path):
    inferencer_of('config').fit(red_and_blue()).save(tmp_path / 'old')
    inferencer_of().fit(red_and_blue()).save(tmp_path / 'new')
    inferencer = inferencer_of().load(tmp_path / 'old')
    before = inferencer.fingerprint()
    (tmp_path / 'broken').write_bytes(b'')
    image, mask = image_of((20, 230, 20))
    for call in (lambda: inferencer.load(tmp_path / 'broken'),
                 lambda: inferencer.fit({'green': [(image, ~mask & mask)]})):
        with pytest.raises(InputError):
            call()
        assert used_by(inferencer) == 'PrototypeClassifier'
        assert inferencer.fingerprint() == before
    assert used_by(inferencer.load(tmp_path / 'new')) == 'AutoClassifier'
    # A bank with moments stays in use if an old one is refused.
    with pytest.raises(InputError, match='prepared otherwise'):
        small_inferencer(classifier=None).load(tmp_path / 'old')


def test_without_its_classes_an_old_bank_is_forgotten(tmp_path):
    supports = red_and_blue()
    inferencer_of('config').fit(
        {'red': supports['red']}).save(tmp_path / 'old')
    inferencer = inferencer_of().load(tmp_path / 'old')
    inferencer.remove_class('red')
    inferencer.add_class('blue', supports['blue'])
    assert used_by(inferencer) == 'AutoClassifier'
    assert inferencer.bank.supports[0].statistics.moments is not None


def test_another_process_classifies_an_old_bank_by_prototypes_too(
        tmp_path, monkeypatch):
    inferencer_of('config', HEAD).fit(red_and_blue()).save(tmp_path / 'old')
    main, other = inferencer_of(head=HEAD), inferencer_of(head=HEAD)
    main.load(tmp_path / 'old')
    broadcast(main, other, monkeypatch)
    assert used_by(other) == 'PrototypeClassifier'
    assert other.fingerprint() == main.fingerprint()
    np.testing.assert_array_equal(confidence(other), confidence(main))


@pytest.mark.parametrize('other', [
    'DiscriminantClassifier', dict(type='QueryRefinement', rounds=1),
    dict(type='AutoClassifier', prior=0.5), 'UnitPrototypes'])
def test_a_bank_is_for_all_classifiers_of_its_statistics(
        tmp_path, warnings, other):
    """Also for those that need fewer; later supports fit in."""
    supports = red_and_blue()
    inferencer_of().fit({'red': supports['red']}).save(tmp_path / 'bank')
    loaded = inferencer_of(other).load(tmp_path / 'bank')
    loaded.add_class('blue', supports['blue'])
    np.testing.assert_allclose(
        confidence(loaded), confidence(inferencer_of(other).fit(supports)),
        atol=1e-6)
    assert not warnings


@pytest.mark.parametrize(('other', 'words'), [
    ('config', 'other cells: expected raw, got unit; load it with the '
     r'classifier .AutoClassifier. it was made with'),
    (dict(type='AutoClassifier', rank=8), 'another number of main axes: '
     'expected 8, got 64')])
def test_a_classifier_of_other_statistics_refuses_a_bank(
        tmp_path, other, words):
    inferencer_of().fit(red_and_blue()).save(tmp_path / 'bank')
    with pytest.raises(InputError, match=words):
        inferencer_of(other).load(tmp_path / 'bank')


def test_the_settings_of_an_old_bank_are_those_of_its_prototypes():
    old = dict(matching=dict(scale=5.0, distance='squared_euclidean'))
    wanted = AutoClassifier()
    assert classifier_for(old, wanted).settings() == dict(
        type='PrototypeClassifier', scale=5.0, distance='squared_euclidean')
    # Those of another method mean something else.
    other = dict(classifier='Other', matching=dict(scale=5.0))
    assert classifier_for(other, wanted).settings() == dict(
        type='PrototypeClassifier', scale=20.0, distance='cosine')
    for of_others in (dict(needs=['moments'], cells='unit'),
                      dict(cells='unit'), dict(needs=['cells'])):
        assert classifier_for(of_others, wanted) is wanted
    assert isinstance(
        classifier_for(old, DiscriminantClassifier()), PrototypeClassifier)
    plain = PrototypeClassifier()
    assert classifier_for(dict(needs=['moments']), plain) is plain
    with pytest.raises(InputError, match='distance must be one of'):
        classifier_for(dict(matching=dict(distance='far')), wanted)
    with pytest.raises(InputError, match='scale of a bank as a number'):
        classifier_for(dict(matching=dict(scale='5')), wanted)
