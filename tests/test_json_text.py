import pytest

from mmseg_panet.errors import InputError
from mmseg_panet.json_text import parse_json, read_json


@pytest.mark.parametrize('text', [
    '{"a": [1, 2.5, null, "é"]}'.encode(encoding) for encoding in (
        'utf-8', 'utf-8-sig', 'utf-16', 'utf-32')])
def test_json_is_read_in_every_encoding_of_unicode(tmp_path, text):
    (tmp_path / 'a.json').write_bytes(text)
    assert read_json(tmp_path / 'a.json') == {'a': [1, 2.5, None, 'é']}


def test_what_json_dumps_writes_is_read():
    assert parse_json('[NaN, Infinity]')[1] == float('inf')


@pytest.mark.parametrize(('text', 'sentence'), [
    (b'', 'Expecting value'),
    (b'{"a": "\xe9"}', 'invalid continuation byte'),
    (b'{"a": ' + b'9' * 5000 + b'}', 'Exceeds the limit'),
    (b'{"b": {"a": 1, "c": 2, "a": 1}}', "has the key 'a' twice"),
    (b'[' * 100_000 + b']' * 100_000, 'nested too deeply'),
    (b'{"a":' * 100_000 + b'1' + b'}' * 100_000, 'nested too deeply'),
    (b'[' * 100_000, 'nested too deeply'),
])
def test_what_is_not_such_json_raises_an_input_error(
        tmp_path, text, sentence):
    (tmp_path / 'a.json').write_bytes(text)
    with pytest.raises(
            InputError, match=rf'a\.json is not valid JSON: .*{sentence}'):
        read_json(tmp_path / 'a.json')


def test_a_list_is_an_empty_object(tmp_path):
    (tmp_path / 'a.json').write_text('[1]')
    assert read_json(tmp_path / 'a.json') == {}
