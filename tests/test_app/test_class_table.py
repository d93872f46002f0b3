"""The classes of a session, with their colours."""
import pytest

from mmseg_panet.annotations.class_colours import class_colours
from mmseg_panet.app.class_table import ClassTable
from mmseg_panet.errors import InputError

HOSTILE = '<img src=x onerror=alert(1)>'


def test_a_class_gets_the_colour_of_its_name():
    table = ClassTable(9)
    table.add('cat')
    assert table.colours == class_colours(['cat'])
    table.add('dog')
    assert table.colours['cat'] == class_colours(['cat'])['cat']
    assert len({*table.colours.values()}) == 2
    assert table.palette()[:3].tolist() == [
        [0, 0, 0], [*table.colours['cat']], [*table.colours['dog']]]


def test_a_class_keeps_its_label_and_colour_when_it_is_renamed():
    table = ClassTable(9)
    table.add('cat', (1, 2, 3))
    table.add('dog')
    table.rename('cat', HOSTILE)
    table.rename(HOSTILE, HOSTILE)
    assert table.names == (HOSTILE, 'dog')
    assert table.colours[HOSTILE] == (1, 2, 3)
    table.set_colour(HOSTILE, (4, 5, 6))
    assert table.palette()[1].tolist() == [4, 5, 6]


@pytest.mark.parametrize('name', [
    '', ' cat', 'none', 'background', 'a\nb', 'cat 1,2,3', None, 7])
def test_a_name_that_cannot_be_written_is_refused(name):
    table = ClassTable(9)
    with pytest.raises(InputError):
        table.add(name)
    assert not table.names


def test_wrong_calls_change_nothing():
    table = ClassTable(2)
    table.add('cat')
    with pytest.raises(InputError, match='integers of 0..255'):
        table.add('dog', (1, 2, 300))
    table.add('dog')
    before = table.colours
    for call, words in [
            (lambda: table.add('cat'), 'choose another name'),
            (lambda: table.rename('dog', 'cat'), 'choose another name'),
            (lambda: table.rename('cow', 'ox'), 'add the class first'),
            (lambda: table.remove('cow'), 'add the class first'),
            (lambda: table.set_colour('cow', (1, 2, 3)), 'add the class'),
            (lambda: table.add('cow'), 'remove another class first')]:
        with pytest.raises(InputError, match=words):
            call()
    assert table.colours == before
