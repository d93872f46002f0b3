import numpy as np
import pytest

from mmseg_panet.visualization.object_names import write_names


def written(picture, labels, names):
    """Write names on a picture; return the box of what changed."""
    found = write_names(picture, labels, names)
    assert found.shape == picture.shape and found.dtype == np.uint8
    rows, columns = (found != picture).any(-1).nonzero()
    if not len(rows):
        return None
    return rows.min(), rows.max(), columns.min(), columns.max()


def test_a_name_lies_within_its_object():
    labels = np.zeros((200, 300), np.uint8)
    labels[60:160, 150:280] = 2
    top, bottom, left, right = written(
        np.full((200, 300, 3), 128, np.uint8), labels, ('cat', 'dog'))
    assert 60 <= top < bottom < 160 and 150 <= left < right < 280
    assert 100 <= (top + bottom) / 2 <= 120  # about the middle of the object
    assert 205 <= (left + right) / 2 <= 225


@pytest.mark.parametrize('value', [0, 128, 255])
def test_a_name_is_black_and_white_on_every_colour(value):
    picture = np.full((200, 300, 3), value, np.uint8)
    found = write_names(picture, np.ones((200, 300), np.uint8), ('cat',))
    assert {0, 255} <= set(np.unique(found))


@pytest.mark.parametrize('corner', [
    (slice(0, 12), slice(0, 12)), (slice(-12, None), slice(-12, None)),
    (slice(0, 12), slice(-12, None)), (slice(80, 90), slice(0, 5))])
def test_a_name_beside_a_small_object_stays_inside_of_the_image(corner):
    labels = np.zeros((200, 300), np.uint8)
    labels[corner] = 1
    top, bottom, left, right = written(
        np.full((200, 300, 3), 128, np.uint8), labels, ('a long name',))
    assert top >= 1 and left >= 1 and bottom <= 198 and right <= 298
    rows, columns = labels.nonzero()
    assert top <= rows.max() and rows.min() <= bottom
    assert left <= columns.max() and columns.min() <= right


@pytest.mark.parametrize('size', [(1, 1), (2, 500), (500, 3), (13, 13)])
def test_a_tiny_image_has_no_name(size):
    labels = np.ones(size, np.uint8)
    assert written(np.zeros((*size, 3), np.uint8), labels, ('cat',)) is None


def test_names_do_not_overlap():
    """All classes are thin stripes, so that names reach over others."""
    labels = (np.arange(200) // 20 + 1).repeat(300).reshape(200, 300)
    labels = labels.astype(np.uint8)
    picture = np.full((200, 300, 3), 128, np.uint8)
    names = [f'class {i}' for i in range(10)]
    alone = [
        (write_names(picture, np.where(labels == i, i, 0).astype(np.uint8),
                     names) != picture).any(-1).sum() for i in range(1, 11)]
    together = (write_names(picture, labels, names) != picture).any(-1).sum()
    assert together <= sum(alone)
    assert together > 0.9 * sum(alone)


def test_every_class_has_one_name_and_specks_have_none():
    labels = np.zeros((200, 300), np.uint8)
    labels[20:100, 20:140] = 1
    labels[150:152, 200:202] = 1  # a speck of the same class
    picture = np.full((200, 300, 3), 128, np.uint8)
    _, bottom, _, right = written(picture, labels, ('cat',))
    assert bottom < 100 and right < 140


def test_hostile_and_long_names_are_text_in_one_line():
    labels = np.ones((200, 300), np.uint8)
    picture = np.full((200, 300, 3), 128, np.uint8)
    for name in ('<img src=x onerror=alert(1)>', 'a\nb\tc', 'word ' * 99,
                 '\u202eabc', '', ' '):
        box = written(picture, labels, (name,))
        if name.strip():
            top, bottom, left, right = box
            assert bottom - top < 30 and left >= 0 and right < 300


def test_undecided_pixels_have_no_name():
    labels = np.full((200, 300), 255, np.uint8)
    assert written(np.zeros((200, 300, 3), np.uint8), labels, ()) is None
