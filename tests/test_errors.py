import pickle

import pytest

from mmseg_panet.errors import InputError, check_number


@pytest.mark.parametrize(('value', 'bounds'), [
    (0, dict(least=0)), (1, dict(most=1)), (0.5, dict(above=0, most=1)),
    (-3.5, dict()), (2, dict(least=1, integer=True))])
def test_a_number_within_the_range_is_accepted(value, bounds):
    check_number('size', value, **bounds)


@pytest.mark.parametrize(('value', 'bounds', 'wanted'), [
    (-1, dict(least=0), 'a number at least 0'),
    (0, dict(above=0), 'a number above 0'),
    (1.5, dict(least=0, most=1), 'a number at least 0 and at most 1'),
    (True, dict(), 'a number'),
    ('1', dict(), 'a number'),
    (None, dict(), 'a number'),
    (float('nan'), dict(), 'a number'),
    (float('inf'), dict(least=0), 'a number at least 0'),
    (float('-inf'), dict(), 'a number'),
    (1.0, dict(least=1, integer=True), 'an integer at least 1'),
    (0, dict(least=1, integer=True), 'an integer at least 1')])
def test_a_value_out_of_range_raises_an_error_that_names_it(
        value, bounds, wanted):
    with pytest.raises(InputError) as error:
        check_number('size', value, **bounds)
    assert str(error.value) == f'expected size as {wanted}, got {value!r}'


def test_a_message_cannot_change_the_terminal():
    error = InputError('found no \x1b[2J\udcff; a\nb')
    assert str(error) == '\n'.join(['found no \\x1b[2J\\udcff; a', 'b'])
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
