import torch
from inference_parts import banked, negative

from mmseg_panet.inference.advice.notes import class_notes, support_notes
from mmseg_panet.inference.advice.report import SupportRow
from mmseg_panet.models.bank.prototype_bank import PrototypeBank

ROW = SupportRow(
    'cat', 2, 'b.jpg', 40, 1.0, 0.5, 12.3, -6.0, 0.1, 0.9, 0.2)


def with_class_sum(class_name, vector, shot=0):
    """A support whose class has a given mean over 10 pixels."""
    support = banked(class_name, shot=shot)
    statistics = support.statistics.each(torch.clone)
    statistics.sums[1] = 10 * torch.tensor(vector)
    statistics.areas[1] = 10
    return support._replace(statistics=statistics)


def test_each_mark_is_a_sentence_with_its_remedy():
    assert support_notes([ROW]) == []
    hurts, tiny, only = support_notes([
        ROW._replace(marks=(mark,)) for mark in ('hurts', 'tiny', 'only')])
    where = "'cat', example 2 (b.jpg): "
    assert hurts == (
        where + 'the other examples are segmented 6.0 points better without '
        'it; leave it out, unless it shows a look of the class that they lack')
    assert tiny.startswith(where + 'its mask covers 0.50 cells')
    assert '; crop the image' in tiny
    assert only.startswith(where + 'there is no other example')
    assert '; add examples' in only
    inverted, = support_notes([ROW._replace(share=88.2, marks=('inverted',))])
    assert inverted == (
        where + 'its mask covers 88% of the image, with all four borders; if '
        'it shows the background, invert it')


def test_a_suspect_that_hurts_is_one_sentence():
    note, = support_notes([ROW._replace(marks=('suspect', 'hurts'))])
    assert 'agrees with the other example to 0.10, and' in note
    assert 'with its own image to 0.90; 1 is best' in note
    assert '6.0 points better without it; correct it or leave it out' in note
    alone, = support_notes(
        [ROW._replace(marks=('suspect',), effect=None)])
    assert 'better without it' not in alone
    *_, third = support_notes(3 * [ROW._replace(marks=('suspect',))])
    assert 'agrees with the other examples to 0.10, and' in third


def test_two_examples_that_disagree_are_both_to_be_looked_at():
    rows = [ROW._replace(shot=shot, marks=('suspect',)) for shot in (1, 2, 3)]
    other = ROW._replace(class_name='dog')
    for note in support_notes([*rows[:2], other]):
        assert 'the two examples disagree (it' in note
        assert '; look at both masks, correct the wrong one' in note
    assert not any('disagree' in note for note in support_notes(rows))


def test_classes_with_nearly_the_same_prototype_are_named():
    """Cosines: cat and puss 0.96, all others 0 or 0.28."""
    bank = PrototypeBank([
        with_class_sum('cat', [1, 0, 0, 0, 0, 0]),
        with_class_sum('dog', [0, 1, 0, 0, 0, 0]),
        with_class_sum('puss', [0.96, 0.28, 0, 0, 0, 0])])
    note, = class_notes(bank)
    assert note.startswith("'cat' and 'puss' are nearly the same")
    assert '(cosine 0.960)' in note


def test_separate_masks_of_one_image_are_better_in_one_file():
    cat, dog = (with_class_sum(name, vector) for name, vector in (
        ('cat', [1, 0, 0, 0, 0, 0]), ('dog', [0, 1, 0, 0, 0, 0])))
    dog = dog._replace(image_sha256=cat.image_sha256)
    note, = class_notes(PrototypeBank([cat, dog]))
    assert note.startswith("'cat' and 'dog' have separate masks of cat0.jpg,")
    more = [one._replace(labels_sha256='other', image_sha256='more')
            for one in (cat, dog)]
    note, = class_notes(PrototypeBank([cat, dog, *more]))
    assert 'of cat0.jpg and 1 more, where' in note


def test_one_label_map_of_two_classes_is_as_it_should_be():
    cat, dog = banked('cat', 'dog'), banked('dog', 'cat')
    dog = dog._replace(image_sha256=cat.image_sha256)
    assert not any('separate' in note for note in class_notes(
        PrototypeBank([cat, dog])))


def test_supports_without_background_are_reported():
    everything = torch.ones(1, 16, 20, dtype=torch.long)
    cat = banked('cat', labels=everything)
    note, = class_notes(PrototypeBank([cat]))
    assert note.startswith('no example shows background')
    assert class_notes(PrototypeBank([cat, banked('cat', shot=1)])) == []


def test_negatives_are_the_background_that_supports_lack():
    everything = torch.ones(1, 16, 20, dtype=torch.long)
    cat = banked('cat', labels=everything)
    assert class_notes(PrototypeBank([cat], [negative()])) == []


def test_a_support_that_is_a_negative_too_is_named():
    bank = PrototypeBank(
        [banked('cat')], [negative()._replace(image_sha256='cat0')])
    note, = class_notes(bank)
    assert note.startswith("cat0.jpg is an example of 'cat' and a negative")
