import errno
import pickle

import pytest

from mmseg_panet.errors import InputError, RunError, WriteError
from mmseg_panet.shared_errors import shared_errors

ERRORS = [
    InputError('expected a, got b'), RunError('it diverged'),
    WriteError('the disk is full', errno.ENOSPC),
    PermissionError(errno.EACCES, 'Permission denied', 'a/b')]


@pytest.fixture
def exchange(monkeypatch):
    """What each process sends; the others' values are set by the test."""
    sent, others = [], []

    def gather(one):
        sent.append(one)
        # It travels as bytes.
        return pickle.loads(pickle.dumps([one, *others]))
    monkeypatch.setattr('mmseg_panet.shared_errors.all_gather_object', gather)
    return sent, others


@pytest.mark.parametrize('error', ERRORS, ids=lambda one: type(one).__name__)
def test_an_error_of_one_process_is_raised_in_all(exchange, error):
    sent, others = exchange
    with pytest.raises(type(error)) as caught, shared_errors():
        raise error
    assert caught.value is error
    assert sent == [error]
    others.append(error)
    with pytest.raises(type(error)) as caught, shared_errors():
        pass
    assert str(caught.value) == str(error)
    assert getattr(caught.value, 'errno', 0) == getattr(error, 'errno', 0)


def test_each_process_raises_its_own_error_if_several_fail(exchange):
    _, others = exchange
    others.append(ERRORS[2])
    with pytest.raises(InputError), shared_errors():
        raise ERRORS[0]


def test_without_an_error_all_continue(exchange):
    sent, others = exchange
    others.append(None)
    with shared_errors():
        pass
    assert sent == [None]


def test_a_process_alone_raises_its_error_and_a_bug_is_not_exchanged(
        exchange, monkeypatch):
    with pytest.raises(KeyError), shared_errors():
        raise KeyError('a bug')
    assert exchange[0] == []
    monkeypatch.undo()
    with pytest.raises(WriteError), shared_errors():
        raise ERRORS[2]
