import pytest

from mmseg_panet.annotations.left_out import LeftOut


@pytest.fixture
def warnings(monkeypatch):
    found = []
    monkeypatch.setattr(
        'mmseg_panet.annotations.left_out.warn', found.append)
    return found


def test_one_warning_counts_each_kind_and_names_the_first(warnings):
    left_out = LeftOut('a.json', 'only masks are read')
    for kind, where in (('line', 'x'), ('point', 'y'), ('line', 'z')):
        left_out.add(kind, where)
    left_out.warn()
    assert warnings == [
        'a.json: left out 2 lines, 1 point, the first at x; only masks are '
        'read']


def test_nothing_is_said_of_nothing(warnings):
    LeftOut('a.json', 'only masks are read').warn()
    assert warnings == []
