"""What is marked on an image becomes one label map."""
import numpy as np
import pytest

from mmseg_panet.app.example import Example, region_of, relabelled

NOTHING = Example({}, frozenset())


def region(*values):
    return np.array([values], np.uint8)


def test_the_later_class_covers_the_earlier_one():
    example = NOTHING.with_region('cat', region(1, 1, 0, 0), True)
    example = example.with_region('dog', region(0, 1, 1, 0), True)
    assert example.labels().tolist() == [[1, 2, 2, 0]]
    covered = example.with_region('cow', region(1, 0, 0, 0), True)
    assert [*covered.regions] == ['dog', 'cow']
    assert covered.without('dog').labels().tolist() == [[1, 0, 0, 0]]


def test_what_one_class_leaves_unknown_is_unknown():
    example = NOTHING.with_region('cat', region(1, 0, 0, 0, 0), True)
    example = example.with_region('dog', region(255, 1, 0, 255, 255), False)
    # The second pixel is a dog's, the third is scribbled as background.
    assert example.labels().tolist() == [[1, 2, 0, 255, 255]]


def test_exact_regions_cover_what_is_found():
    found = np.array([[1, 2, 3, 255]], np.uint8)
    classes = ('cat', 'dog', 'cow')
    example = NOTHING.with_region('dog', region(1, 0, 0, 0), True)
    assert example.cover(found, classes).tolist() == [[2, 0, 3, 255]]
    coarse = NOTHING.with_region('dog', region(1, 0, 0, 0), False)
    assert coarse.cover(found, classes).tolist() == found.tolist()
    of_all = Example.of_labels(region(0, 255, 1, 0), classes, True)
    assert of_all.cover(found, classes).tolist() == [[0, 255, 1, 0]]
    # A class that was added later may still be found.
    later = (*classes, 'ox')
    assert of_all.cover(region(4, 4, 4, 4), later).tolist() == [[4, 255, 1, 4]]


def test_exact_regions_cover_a_larger_file():
    example = NOTHING.with_region('cat', region(1, 0), True)
    found = np.zeros((2, 4), np.uint8)
    assert example.cover(found, ('cat',)).tolist() == [[1, 1, 0, 0]] * 2


def test_a_renamed_class_keeps_its_region():
    example = Example.of_labels(region(1, 2, 0), ('cat', 'dog'), True)
    example = example.with_name('cat', 'cow')
    assert [*example.regions] == ['cow', 'dog']
    assert example.decided == {'cow', 'dog'}


@pytest.mark.parametrize('annotation', [
    np.array([[True, False]]), region(1, 0), dict(boxes=[[0, 0, 1, 1]])])
def test_regions_have_one_form(annotation):
    assert region_of(annotation, (1, 2), 'cat').tolist() == [[1, 0]]


def test_labels_are_numbered_by_the_session():
    assert relabelled(
        region(0, 1, 2, 255), ('dog', 'cow'), ('cat', 'cow', 'dog')
    ).tolist() == [[0, 3, 2, 255]]
