import pytest
import torch
from inference_parts import banked, class_statistics, negative
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_panet.annotations.label_type import MOST_CLASSES
from mmseg_panet.errors import InputError
from mmseg_panet.models import SupportStatistics
from mmseg_panet.models.bank import prototype_bank
from mmseg_panet.models.bank.banked_image import BankedSupport
from mmseg_panet.models.bank.prototype_bank import PrototypeBank


def close(one, other):
    torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_prototypes_are_those_that_the_head_fits():
    """One support of 'a' and two of 'b', all classes labelled in each."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(3, 6, 4, 5, generator=generator)
    labels = torch.randint(0, 3, (3, 16, 20), generator=generator)
    ways = [1, 2, 2]
    # The weight is twice the mean.
    head = MODELS.build(dict(
        type='PANetHead', in_channels=6, distance='squared_euclidean'))
    head.fit([features], [
        SegDataSample(metainfo=dict(way=way),
                      gt_sem_seg=PixelData(data=of_one[None]))
        for way, of_one in zip(ways, labels, strict=True)])
    statistics = class_statistics(features, labels, 2)
    order = {'a': [0, 1, 2], 'b': [0, 2, 1]}
    bank = PrototypeBank(
        BankedSupport(
            'ab'[way - 1], ('a', 'b') if way == 1 else ('b', 'a'),
            statistics.each(lambda one, i=i: one[i]).masks(
                order['ab'[way - 1]]), 'x.jpg', str(i), '')
        for i, way in enumerate(ways))
    torch.testing.assert_close(
        bank.prototypes().float(), head.fitted.weight[0] / 2)


def test_a_class_added_later_equals_all_at_once():
    supports = [banked('cat'), banked('cat', shot=1), banked('dog', 'cat')]
    grown = PrototypeBank(supports[:2])
    grown.prototypes()
    grown.add(supports[2])
    close(grown.prototypes(), PrototypeBank(supports).prototypes())
    assert grown.classes == ('cat', 'dog')
    assert grown.num_shots('cat') == 2


def test_a_class_removed_equals_never_having_had_it():
    """Where a label map shows it, it is background again."""
    cat, dog = banked('cat', 'dog'), banked('dog')
    bank = PrototypeBank([cat, dog])
    bank.remove('dog')
    close(bank.prototypes(), PrototypeBank([cat]).prototypes())
    # As if the dogs had never been labelled.
    unlabelled = cat._replace(
        names=('cat',), statistics=cat.statistics.masks([0, 1]))
    close(bank.prototypes(), PrototypeBank([unlabelled]).prototypes())
    with_dog = PrototypeBank([cat, dog]).prototypes()
    assert not torch.equal(bank.prototypes()[0], with_dog[0])


def test_a_registered_class_is_not_the_background_of_another():
    """By hand: one cell each of cat, dog and background, 1, 2 and 4."""
    features = torch.tensor([[[[1., 2., 4.]]]]).double()
    labels = torch.tensor([[[1, 2, 0]]])
    both = class_statistics(features, labels, 2).each(lambda one: one[0])
    cat = BankedSupport('cat', ('cat', 'dog'), both, '', 'a', '')
    dog = BankedSupport(
        'dog', ('dog', 'cat'), both.masks([0, 2, 1]), '', 'a', '')
    torch.testing.assert_close(
        PrototypeBank([cat, dog]).prototypes().flatten(),
        torch.tensor([4., 1., 2.]).double(), rtol=1e-4, atol=0)
    torch.testing.assert_close(
        PrototypeBank([cat]).prototypes().flatten(),
        torch.tensor([3., 1.]).double(), rtol=1e-4, atol=0)


def test_a_renamed_class_keeps_its_place_and_its_pixels():
    bank = PrototypeBank([banked('cat'), banked('dog', 'cat')])
    before = bank.prototypes()
    bank.rename('cat', 'lynx')
    assert bank.classes == ('lynx', 'dog')
    assert bank.supports[1].names == ('dog', 'lynx')
    close(bank.prototypes(), before)


def test_a_name_in_the_labels_is_taken_without_being_registered():
    """The pixels of one class would become those of the other."""
    bank = PrototypeBank([banked('cat', 'dog')])
    with pytest.raises(InputError, match="cat0.jpg show another class 'dog'"):
        bank.rename('cat', 'dog')


def test_a_support_given_twice_counts_once():
    bank = PrototypeBank([banked('cat')])
    before = bank.prototypes()
    assert not bank.add(banked('cat'))
    assert bank.add(banked('cat', shot=1))
    assert bank.num_shots('cat') == 2
    assert not torch.equal(bank.prototypes(), before)


def test_an_object_that_fills_its_image_leaves_no_background():
    bank = PrototypeBank([
        banked('cat', labels=torch.ones(1, 16, 20, dtype=torch.long))])
    assert not bank.prototypes()[0].any()


@pytest.mark.parametrize('call', [
    lambda bank: bank.remove('cow'), lambda bank: bank.rename('cow', 'ox'),
    lambda bank: bank.num_shots('cow')])
def test_an_unknown_class_is_named_with_the_known_ones(call):
    with pytest.raises(InputError, match=r"'cow' was never .*\['cat'\]"):
        call(PrototypeBank([banked('cat')]))


def test_a_name_cannot_be_taken_twice():
    bank = PrototypeBank([banked('cat'), banked('dog')])
    with pytest.raises(InputError, match="name 'dog' is taken by another"):
        bank.rename('cat', 'dog')
    bank.rename('cat', 'cat')


def test_an_empty_bank_says_what_to_do():
    with pytest.raises(
            InputError, match='no class is registered yet; call fit'):
        PrototypeBank().prototypes()


def test_classes_have_the_labels_of_16_bits_at_most(monkeypatch):
    monkeypatch.setattr(prototype_bank, 'MOST_CLASSES', 300)
    bank = PrototypeBank(
        banked(f'class {i}')._replace(statistics=SupportStatistics(
            torch.ones(2).double(), torch.ones(2, 2).double()))
        for i in range(300))
    with pytest.raises(InputError, match="300 classes, got 'one more'"):
        bank.add(banked('one more'))
    assert len(bank.classes) == 300
    assert MOST_CLASSES == 65534


def test_negatives_are_the_same_before_and_after_the_classes():
    before = PrototypeBank()
    assert before.add_negative(negative(0)) and before.add_negative(
        negative(1))
    assert not before.classes
    after = PrototypeBank()
    for bank in (before, after):
        bank.add(banked('cat'))
        bank.add(banked('dog', 'cat'))
    without = after.prototypes()
    after.add_negative(negative(0))
    after.add_negative(negative(1))
    close(before.prototypes(), after.prototypes())
    close(after.prototypes()[1:], without[1:])
    assert not torch.allclose(after.prototypes()[0], without[0])
    assert after.shots == [1, 1] and after.statistics().areas.shape == (4, 2)
    after.remove_negatives()
    close(after.prototypes(), without)
    assert after.statistics().shares is None


def test_a_negative_that_comes_again_counts_once():
    bank = PrototypeBank([banked('cat')], [negative()])
    expected = bank.prototypes()
    assert not bank.add_negative(negative()) and len(bank.negatives) == 1
    close(bank.prototypes(), expected)


def test_the_share_is_that_of_all_negatives_together():
    """The areas of all images differ little from each other."""
    bank = PrototypeBank(
        [banked('cat')], [negative(0), negative(1)], negative_share=0.3)
    own = PrototypeBank([banked('cat')]).prototypes()[0]
    of_negatives = [
        one.statistics.sums[0] / one.statistics.areas[0]
        for one in bank.negatives]
    torch.testing.assert_close(
        bank.prototypes()[0], 0.7 * own + 0.3 * sum(of_negatives) / 2,
        rtol=1e-6, atol=1e-6)


def test_a_copy_changes_without_the_bank():
    bank = PrototypeBank([banked('cat')], [negative()], 0.3)
    copy = bank.copy()
    assert copy.negative_share == 0.3
    copy.remove_negatives()
    copy.remove('cat')
    assert bank.classes == ('cat',) and len(bank.negatives) == 1
    assert bank.copy(negative_share=0.5).negative_share == 0.5
    assert bank.negative_share == 0.3
    assert copy.negative_share == PrototypeBank().negative_share == 0.1


@pytest.mark.parametrize('share', [-0.1, 1.1, 'half', float('nan')])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(InputError, match='negative_share'):
        PrototypeBank(negative_share=share)

@pytest.mark.parametrize('name', ['sums', 'moments'])
@pytest.mark.parametrize('value', [torch.nan, torch.inf])
def test_statistics_that_are_not_finite_are_refused(name, value):
    one = banked('cat')
    bank = PrototypeBank([banked('dog')])
    moments = torch.ones(2, 6, 6).double()
    tensors = one.statistics.tensors() | dict(moments=moments)
    tensors[name] = tensors[name].clone()
    tensors[name][..., 3] = value
    bad = one._replace(statistics=SupportStatistics(**tensors))
    with pytest.raises(
            InputError, match=f'finite features in cat0.jpg, got {name} with '
            'infinite values or nan; use a checkpoint from before'):
        bank.add(bad)
    assert bank.classes == ('dog',)
    with pytest.raises(InputError, match='finite features in none0.jpg'):
        bank.add_negative(negative()._replace(statistics=bad.statistics))
    assert not bank.negatives
