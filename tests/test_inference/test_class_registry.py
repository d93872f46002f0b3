"""Negatives; test_few_shot_inferencer.py has the other calls."""
import cv2
import numpy as np
import pytest
from inference_parts import (
    RESIZE,
    broadcast,
    image_of,
    red_and_blue,
    small_inferencer,
)

from mmseg_panet.errors import InputError
from mmseg_panet.models.bank.bank_file import open_bank

ORANGE = (20, 120, 240)


def without_classes(number, size=(60, 80)):
    """Make images with an orange box, neither red nor blue."""
    return [image_of(ORANGE, size, (8, 8, 20, 20), 200 + seed)[0]
            for seed in range(number)]


def inferencer_of(classifier='auto', **settings):
    return small_inferencer(RESIZE, classifier=classifier, **settings)


def probabilities(inferencer):
    image, = without_classes(1)
    return inferencer(image, return_probabilities=True)['probabilities']


@pytest.fixture
def said(monkeypatch):
    """Collect all that is printed."""
    lines = []
    for name in ('notices', 'inference.adaptable', 'inference.network'):
        monkeypatch.setattr(
            f'mmseg_panet.{name}.print_log',
            lambda line, *_, **__: lines.append(line))
    return lines


@pytest.mark.parametrize('classifier', [
    'config', 'DiscriminantClassifier', 'auto'])
def test_fewer_pixels_of_a_negative_become_a_class(classifier):
    """Labels are compared, which no temperature changes."""
    image, = without_classes(1)
    found = []
    for share in (0, 0.1, 0.5):
        inferencer = inferencer_of(classifier, edges=False).fit(
            red_and_blue(), negatives=without_classes(3),
            negative_share=share)
        found.append(int((inferencer(image)['predictions'] > 0).sum()))
    plain = inferencer_of(classifier, edges=False).fit(red_and_blue())
    assert int((plain(image)['predictions'] > 0).sum()) == found[0]
    assert found[0] > found[1] > found[2], found


@pytest.mark.parametrize('classifier', ['config', 'auto'])
def test_negatives_are_worth_the_same_whenever_they_come(classifier):
    fitted = inferencer_of(classifier).fit(
        red_and_blue(), negatives=without_classes(2))
    before = inferencer_of(classifier).add_negatives(without_classes(2))
    assert before.classes == ()
    after = inferencer_of(classifier).fit(red_and_blue())
    for name, supports in red_and_blue().items():
        before.add_class(name, supports)
    after.add_negatives(without_classes(2))
    for other in (before, after):
        np.testing.assert_array_equal(
            probabilities(other), probabilities(fitted))
        assert other.fingerprint() == fitted.fingerprint()
    after.remove_negatives()
    never = inferencer_of(classifier).fit(red_and_blue())
    np.testing.assert_array_equal(probabilities(after), probabilities(never))
    assert after.fingerprint() == never.fingerprint() != fitted.fingerprint()
    before.remove_class('blue')
    red = inferencer_of(classifier).fit(
        {'red': red_and_blue()['red']}, negatives=without_classes(2))
    np.testing.assert_array_equal(probabilities(before), probabilities(red))


def test_a_fit_replaces_all_negatives():
    inferencer = inferencer_of().fit(
        red_and_blue(), negatives=without_classes(1)).fit(red_and_blue())
    assert not inferencer.bank.negatives


def test_negatives_are_saved_loaded_and_given_to_other_processes(
        tmp_path, monkeypatch):
    main = inferencer_of().fit(
        red_and_blue(), negatives=without_classes(2, (50, 50)),
        negative_share=0.3)
    main.save(tmp_path / 'bank')
    loaded, other = (inferencer_of() for _ in range(2))
    loaded.load(tmp_path / 'bank')
    broadcast(main, other, monkeypatch)
    for one in (loaded, other):
        assert one.fingerprint() == main.fingerprint()
        np.testing.assert_array_equal(
            probabilities(one), probabilities(main))


def test_negatives_are_files_folders_and_arrays_each_counted_once(
        tmp_path, said):
    images = [*without_classes(2), *without_classes(1, (50, 50))]
    for i, image in enumerate(images):
        cv2.imwrite(str(tmp_path / f'{i}.png'), image)
    inferencer = inferencer_of().fit(red_and_blue(), negatives=tmp_path)
    assert said[-1].startswith('auto: ') and said[-1].endswith(
        '2 classes with 2 examples each, 3 negatives')
    inferencer.add_negatives([tmp_path / '1.png'])
    assert said[-1] == '1.png is a negative already: it counts once'
    inferencer.add_negatives(images[0])
    bank = inferencer.bank
    assert [one.image for one in bank.negatives] == [
        '0.png', '1.png', '2.png', 'array']
    for one, image in zip(bank.negatives, images, strict=False):
        assert one.statistics.areas.tolist() == [image[..., 0].size]
    inferencer.add_negatives(images[0], negative_share=0.4)
    assert inferencer.bank.negative_share == 0.4
    assert len(inferencer.bank.negatives) == 4


def test_negatives_of_different_sizes_stay_in_order():
    """Images of one size pass the network together."""
    sizes = [(60, 80), (50, 50), (60, 80), (33, 47)]
    inferencer = small_inferencer().fit(red_and_blue(), negatives=[
        without_classes(1 + i, size)[i] for i, size in enumerate(sizes)])
    assert [one.statistics.areas.item() for one in (
        inferencer.bank.negatives)] == [h * w for h, w in sizes]


@pytest.mark.parametrize(('images', 'share', 'words'), [
    ('gone.png', None, 'gone.png does not exist'),
    ([], None, 'at least one image'),
    (np.zeros((4, 4)), None, 'expected an array'),
    (without_classes(1), 2, 'negative_share')])
def test_negatives_that_cannot_be_used_leave_all_as_it_was(
        images, share, words):
    inferencer = inferencer_of('config').fit(red_and_blue())
    before = inferencer.fingerprint()
    with pytest.raises(InputError, match=words):
        inferencer.add_negatives(images, share)
    assert inferencer.fingerprint() == before


def test_negatives_are_the_background_of_supports_that_show_none(said):
    image, _ = image_of((20, 20, 230))
    everything = {'red': [(image, np.ones(image.shape[:2], bool))]}
    inferencer_of().fit(everything)
    assert any('no example shows background' in line for line in said)
    said.clear()
    inferencer = inferencer_of().fit(everything, negatives=without_classes(1))
    assert not any('no example shows' in line for line in said)
    assert np.isfinite(probabilities(inferencer)).all()


def test_a_support_among_the_negatives_is_named(said):
    supports = red_and_blue()
    inferencer_of().fit(supports, negatives=[supports['red'][0][0]])
    assert any(
        "is an example of 'red' and a negative" in line for line in said)


def test_the_advice_on_supports_is_the_same_with_negatives():
    plain, other = (
        inferencer_of().fit(red_and_blue(), negatives=negatives)
        for negatives in (None, without_classes(2)))
    assert str(other.check_support()) == str(plain.check_support())


def test_negatives_of_a_bank_of_prototypes_are_of_prototypes(tmp_path):
    """Also if its last class is removed and another one is added."""
    inferencer_of('config').fit(red_and_blue()).save(tmp_path / 'old')
    inferencer = inferencer_of().load(tmp_path / 'old')
    inferencer.add_negatives(without_classes(1))
    for name in ('red', 'blue'):
        inferencer.remove_class(name)
    for name, supports in red_and_blue().items():
        inferencer.add_class(name, supports)
    expected = inferencer_of('config').fit(
        red_and_blue(), negatives=without_classes(1))
    np.testing.assert_array_equal(
        probabilities(inferencer), probabilities(expected))
    for name in ('red', 'blue'):
        inferencer.remove_class(name)
    inferencer.remove_negatives()
    inferencer.fit(red_and_blue()).save(tmp_path / 'new')
    assert open_bank(tmp_path / 'new')[0]['needs'] == ['moments']


def test_calls_that_change_the_classes_can_be_chained():
    inferencer = inferencer_of()
    images = without_classes(1)
    assert inferencer.fit(red_and_blue(), negatives=images).rename_class(
        'red', 'crimson').remove_class('blue').remove_negatives(
        ).remove_adaptation() is inferencer
    assert inferencer.classes == ('crimson',)
    assert not inferencer.bank.negatives


def test_a_bank_is_read_without_using_its_classes(tmp_path):
    supports = red_and_blue()
    inferencer = inferencer_of().fit({'red': supports['red']})
    inferencer.save(tmp_path / 'red')
    inferencer.fit({'blue': supports['blue']})
    bank = inferencer.read_bank(tmp_path / 'red')
    assert bank.classes == ('red',) and inferencer.classes == ('blue',)
    inferencer.bank = bank
    assert inferencer.classes == ('red',)


def test_a_bank_of_prototypes_is_not_read_for_a_classifier_with_moments(
        tmp_path):
    """A load would use another classifier, also for classes of others."""
    inferencer_of('config').fit(red_and_blue()).save(tmp_path / 'old')
    with pytest.raises(InputError, match='fit the examples again'):
        inferencer_of().read_bank(tmp_path / 'old')


def test_an_empty_bank_knows_its_weights():
    inferencer = inferencer_of('config')
    weights = inferencer.bank.weights_sha256
    assert weights == inferencer.fit(red_and_blue()).bank.weights_sha256
