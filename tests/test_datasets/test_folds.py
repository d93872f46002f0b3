import pytest

from mmseg_panet.datasets import FOLDS, split_classes
from mmseg_panet.datasets.folds import hold_out, portable_folds
from mmseg_panet.errors import InputError


def test_fold_1_of_pascal_is_classes_6_to_10():
    assert split_classes('pascal-5i', 1, 'novel') == [
        'bus', 'car', 'cat', 'chair', 'cow']


def test_fold_0_of_coco_is_every_fourth_class_as_in_the_literature():
    assert split_classes('coco-20i', 0, 'novel') == [
        'person', 'airplane', 'boat', 'parking meter', 'dog', 'elephant',
        'backpack', 'suitcase', 'sports ball', 'skateboard', 'wine glass',
        'spoon', 'sandwich', 'hot dog', 'chair', 'dining table', 'mouse',
        'microwave', 'refrigerator', 'scissors']
    assert split_classes('coco-20i', 3, 'novel')[:2] == ['motorcycle', 'truck']


def test_fold_1_of_contiguous_coco_is_classes_21_to_40():
    assert split_classes('coco-20i-contiguous', 1, 'novel') == [
        'elephant', 'bear', 'zebra', 'giraffe', 'backpack', 'umbrella',
        'handbag', 'tie', 'suitcase', 'frisbee', 'skis', 'snowboard',
        'sports ball', 'kite', 'baseball bat', 'baseball glove',
        'skateboard', 'surfboard', 'tennis racket', 'bottle']


@pytest.mark.parametrize(('name', 'num_folds', 'size'), [
    ('pascal-5i', 4, 5), ('coco-20i', 4, 20), ('coco-20i-contiguous', 4, 20),
    ('msrc-7i', 3, 7), ('toy-3i', 4, 3)])
def test_the_name_of_a_benchmark_states_the_classes_per_fold(
        name, num_folds, size):
    assert [len(fold) for fold in FOLDS[name]] == [size] * num_folds


@pytest.mark.parametrize('name', FOLDS)
def test_every_class_is_novel_in_one_fold_and_base_in_the_others(name):
    folds = range(len(FOLDS[name]))
    everything = sorted(c for names in FOLDS[name] for c in names)
    for fold in folds:
        novel = split_classes(name, fold, 'novel')
        base = split_classes(name, fold, 'base')
        assert sorted(novel + base) == everything
    assert sorted(
        c for f in folds for c in split_classes(name, f, 'novel')
    ) == everything
    assert len(set(everything)) == len(everything)


@pytest.mark.parametrize('folds', [[['crack']], [['crack'], []],
                                   [[], ['crack']]])
def test_one_class_is_both_base_and_novel(folds):
    assert not hold_out(folds)
    for fold in range(len(folds)):
        for split in ('base', 'novel', 'all'):
            assert split_classes(folds, fold, split) == ['crack']


def test_two_folds_with_classes_hold_classes_out():
    folds = [['cat'], [], ['car']]
    assert hold_out(folds) and hold_out('toy-3i')
    assert split_classes(folds, 1, 'base') == ['cat', 'car']
    assert split_classes(folds, 1, 'novel') == []


def test_folds_may_be_given_by_class_names():
    assert split_classes([['cat'], ['car', 'bus']], 0, 'base') == [
        'car', 'bus']


@pytest.mark.parametrize(('arguments', 'sentence'), [
    (('pascal-5i', 4, 'novel'), r'fold 4 does not exist: expected 0..3'),
    (('pascal-5i', -1, 'novel'), r'fold -1 does not exist'),
    (('pascal', 0, 'novel'), "expected folds to be one of .*'pascal-5i'"),
    (('pascal-5i', 0, 'test'), "expected split 'base', 'novel' or 'all'"),
])
def test_a_missing_benchmark_fold_or_split_is_named(arguments, sentence):
    with pytest.raises(InputError, match=sentence):
        split_classes(*arguments)


def test_folds_may_be_read_from_a_file(tmp_path):
    path = tmp_path / 'folds.txt'
    path.write_text('# fold and name\n0 traffic light\n1 dog\n0 cat\n')
    assert split_classes(str(path), 0, 'novel') == ['traffic light', 'cat']
    assert split_classes(str(path), 0, 'base') == ['dog']
    # A manifest has the names, as the path would differ elsewhere.
    assert portable_folds(str(path)) == [['traffic light', 'cat'], ['dog']]
    assert portable_folds('pascal-5i') == 'pascal-5i'
    assert portable_folds(None) is None


def test_all_classes_are_those_of_all_folds():
    assert split_classes([['cat'], ['car', 'bus']], 0, 'all') == [
        'cat', 'car', 'bus']


@pytest.mark.parametrize(('text', 'sentence'), [
    ('0 cat\ndog', "line 2: expected `fold name`, got 'dog'"),
    ('0 cat\n1', "line 2: expected `fold name`, got '1'"),
    ('-1 cat', "line 1: expected `fold name`, got '-1 cat'"),
    ('0 cat\n2 dog', r'of the folds \[0, 2\]; expected all folds from 0'),
    ('', r'of the folds \[\]')])
def test_a_malformed_file_of_folds_raises_an_input_error(
        tmp_path, text, sentence):
    (tmp_path / 'folds.txt').write_text(text)
    with pytest.raises(InputError, match=sentence):
        split_classes(str(tmp_path / 'folds.txt'), 0, 'novel')
