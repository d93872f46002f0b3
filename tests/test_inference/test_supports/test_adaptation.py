"""Adaptations to images without labels, end to end."""
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
from mmseg_panet.inference.images.image_source import array_sha256

METHODS = ['DiscriminantClassifier', 'QueryRefinement', 'auto']
RED, BLUE = (40, 60, 200), (200, 60, 40)
"""Not quite the colours of the supports."""


def folder(reds=3, blues=3, others=4):
    """Images with a red box, with a blue one, and with neither."""
    return [
        image_of(colour, (60, 80), (5 + 7 * seed, 12, 28, 30), first + seed)[0]
        for colour, number, first in (
            (RED, reds, 300), (BLUE, blues, 400),
            ((20, 120, 240), others, 500))
        for seed in range(number)]


def fitted(classifier='auto', supports=None, **settings):
    return small_inferencer(RESIZE, classifier=classifier, **settings).fit(
        supports or red_and_blue())


def probabilities(inferencer, colour=RED):
    image, _ = image_of(colour, (60, 80), (30, 10, 30, 30), 900)
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


@pytest.mark.parametrize('classifier', METHODS)
def test_a_class_looks_as_in_the_images_that_it_adapts_to(classifier):
    """The mean of the class moves half way to that of the certain cells."""
    inferencer = fitted(classifier, {'red': red_and_blue(1)['red']})
    plain = inferencer.bank.prototypes()
    before = probabilities(inferencer)
    inferencer.adapt(folder())
    bank = inferencer.bank
    assert [one.class_name for one in bank.adapted] == ['red'] * 3
    images = np.stack([
        one.statistics.means().numpy() for one in bank.adapted]).mean(0)
    np.testing.assert_allclose(
        bank.prototypes(), (plain.numpy() + images) / 2, rtol=1e-3, atol=1e-3)
    assert not np.array_equal(probabilities(inferencer), before)


def test_each_class_takes_its_own_best_images():
    inferencer = fitted(supports=red_and_blue(3)).adapt(folder())
    images = folder()
    own = {'red': images[:3], 'blue': images[3:6]}
    chosen = {
        name: {one.image_sha256 for one in inferencer.bank.adapted
               if one.class_name == name} for name in own}
    for name, those in own.items():
        assert chosen[name] <= {array_sha256(one) for one in those}
        assert len(chosen[name]) <= 3
    assert chosen['red']


@pytest.mark.parametrize('classifier', METHODS)
def test_the_order_of_the_images_makes_no_difference(classifier):
    one, other = (
        fitted(classifier).adapt(images)
        for images in (folder(), [*folder()[::-1], *folder()[:2]]))
    assert one.bank.adapted
    assert one.fingerprint() == other.fingerprint()
    np.testing.assert_allclose(
        probabilities(one), probabilities(other), atol=1e-4)


@pytest.mark.parametrize('classifier', METHODS)
def test_an_adaptation_is_replaced_and_removed_to_the_bit(classifier):
    inferencer, never = (fitted(classifier) for _ in range(2))
    inferencer.adapt(folder(3, 0, 1)).adapt(folder())
    once = fitted(classifier).adapt(folder())
    np.testing.assert_array_equal(
        probabilities(inferencer), probabilities(once))
    assert inferencer.fingerprint() == once.fingerprint()
    assert inferencer.fingerprint() != never.fingerprint()
    assert str(inferencer.check_support()) == str(never.check_support())
    inferencer.remove_adaptation()
    np.testing.assert_array_equal(
        probabilities(inferencer), probabilities(never))
    assert inferencer.fingerprint() == never.fingerprint()


@pytest.mark.parametrize('change', [
    lambda one: one.add_class('green', [image_of((20, 200, 20))]),
    lambda one: one.add_class('red', red_and_blue(3)['red'][2:]),
    lambda one: one.remove_class('blue'),
    lambda one: one.fit(red_and_blue()),
    lambda one: one.add_negatives(folder(0, 0, 1)),
    lambda one: one.add_negatives(folder(0, 0, 1), 0.4),
    lambda one: one.remove_negatives()],
    ids=['class', 'shot', 'less', 'fit', 'negatives', 'share', 'no-negatives'])
def test_other_supports_or_negatives_end_an_adaptation(change, said):
    inferencer, other = (
        fitted().add_negatives(folder(0, 0, 3)[1:]) for _ in range(2))
    inferencer.adapt(folder())
    said.clear()
    change(inferencer)
    assert sum('the adaptation is gone' in line for line in said) == 1
    change(other)
    np.testing.assert_array_equal(
        probabilities(inferencer), probabilities(other))


def test_a_renamed_class_keeps_its_adaptation(said):
    inferencer = fitted().adapt(folder())
    before = probabilities(inferencer)
    inferencer.rename_class('red', 'crimson')
    inferencer.add_class('blue', red_and_blue()['blue'][:1])  # counts once
    np.testing.assert_array_equal(probabilities(inferencer), before)
    assert not any('is gone' in line for line in said)
    assert {one.class_name for one in inferencer.bank.adapted} <= {
        'crimson', 'blue'}


def test_a_file_does_not_hold_an_adaptation_and_says_so(tmp_path, said):
    inferencer = fitted().adapt(folder())
    never = fitted()
    inferencer.save(tmp_path / 'adapted')
    assert 'the adaptation is not part of the bank' in said[-1]
    never.save(tmp_path / 'never')
    assert (tmp_path / 'adapted').read_bytes() == (
        tmp_path / 'never').read_bytes()


def test_other_processes_get_the_adaptation(monkeypatch):
    main, other = fitted().adapt(folder()), fitted()
    broadcast(main, other, monkeypatch)
    assert other.fingerprint() == main.fingerprint()
    np.testing.assert_array_equal(probabilities(other), probabilities(main))


def test_images_come_from_a_folder_and_broken_ones_are_left_out(
        tmp_path, said):
    for i, image in enumerate(folder()):
        cv2.imwrite(str(tmp_path / f'{i}.png'), image)
    (tmp_path / 'broken.png').write_bytes(b'no image')
    inferencer = fitted('auto', {'red': red_and_blue(1)['red']})
    inferencer.adapt(tmp_path)
    assert {one.image for one in inferencer.bank.adapted} == {
        '0.png', '1.png', '2.png'}
    assert any(line.startswith('not adapted to broken') for line in said)
    assert said[-1] == (
        'auto: refinement from the discriminant for 1 class with 1 example, '
        'adapted to 3 unlabelled images')


def test_supports_and_negatives_tell_nothing_new(said):
    negatives = folder(0, 0, 2)
    inferencer = fitted().add_negatives(negatives)
    inferencer.adapt([*negatives, *(
        image for shots in red_and_blue().values() for image, _ in shots)])
    assert not inferencer.bank.adapted
    assert any("no image shows 'red' for certain" in line for line in said)


def test_padding_is_no_certain_background():
    """Half of the input is padding."""
    inferencer = fitted(
        'auto', {'red': red_and_blue(1)['red']}, model=dict(
            data_preprocessor=dict(
                type='SegDataPreProcessor', mean=[100, 110, 120],
                std=[50, 60, 70], test_cfg=dict(size=(65, 129)))))
    inferencer.adapt(folder())
    areas = [one.statistics.areas.tolist() for one in inferencer.bank.adapted]
    # 9 x 9 or 9 x 10 cells of 9 x 17 show the image; 0.3 of 90 are 27.
    assert areas and all(sum(one) <= 28 for one in areas), areas


@pytest.mark.parametrize(('classifier', 'images', 'words'), [
    ('config', folder(), 'second moments .* PrototypeClassifier'),
    ('auto', 'gone.png', 'gone.png does not exist'),
    ('auto', [], 'at least one image')])
def test_what_cannot_be_adapted_to_leaves_all_as_it_was(
        classifier, images, words):
    inferencer = fitted(classifier)
    if classifier == 'auto':
        inferencer.adapt(folder())
    before = probabilities(inferencer)
    with pytest.raises(InputError, match=words):
        inferencer.adapt(images)
    np.testing.assert_array_equal(probabilities(inferencer), before)


def test_images_that_cannot_be_read_at_all_are_refused(tmp_path):
    (tmp_path / 'broken.png').write_bytes(b'no image')
    with pytest.raises(InputError, match='none that can be read: .*broken'):
        fitted().adapt(tmp_path)


def test_without_classes_there_is_nothing_to_adapt():
    with pytest.raises(InputError, match='call fit'):
        small_inferencer(classifier='auto').adapt(folder())
