"""The addresses of the back end, over HTTP."""
import json
from types import SimpleNamespace

import pytest

from mmseg_panet.errors import InputError, WriteError
from mmseg_panet.label_tools.label_studio_app import make_app


def fail(given):
    if given['action'] == 'full':
        raise WriteError('a.safetensors: the disk is full')
    return dict(status=given['action'])


def refuse(_):
    raise InputError('expected <b>, got nothing; give it')


@pytest.fixture
def client():
    pytest.importorskip('httpx')
    client = pytest.importorskip('starlette.testclient')
    backend = SimpleNamespace(
        model_version='panet-1', predict=lambda given: dict(results=[given]),
        train=refuse, webhook=fail)
    return client.TestClient(make_app(backend, max_bytes=100))


def test_label_studio_finds_the_back_end_and_its_version(client):
    for path in ('/', '/health'):
        assert client.get(path).json() == dict(
            status='UP', model_class='mmseg_panet')
    assert client.post('/setup', json=dict(project='1.2', schema='')).json(
        ) == dict(model_version='panet-1')
    for method in (client.get, client.post):
        assert method('/versions').json() == dict(versions=['panet-1'])


def test_requests_reach_the_back_end(client):
    answer = client.post('/predict', json=dict(tasks=[1]))
    assert (answer.status_code, answer.json()) == (
        200, dict(results=[dict(tasks=[1])]))
    answer = client.post('/webhook', json=dict(action='x'))
    assert (answer.status_code, answer.json()) == (201, dict(status='x'))


def test_a_bad_request_is_answered_by_a_sentence_as_json(client):
    answer = client.post('/train', json={})
    assert answer.status_code == 400
    assert answer.headers['Content-Type'] == 'application/json'
    assert answer.json() == dict(error='expected <b>, got nothing; give it')
    for content in (b'{', b'[1]', b'\xff', b'1', b'[]'):
        answer = client.post('/predict', content=content)
        assert answer.status_code == 400, content
        assert 'the request' in answer.json()['error']
    answer = client.post('/predict', content=json.dumps(['x' * 100]))
    assert answer.status_code == 400
    assert 'at most 100 bytes' in answer.json()['error']


def test_a_bank_that_cannot_be_written_is_told(client):
    answer = client.post('/webhook', json=dict(action='full'))
    assert (answer.status_code, answer.json()) == (
        500, dict(error='a.safetensors: the disk is full'))
