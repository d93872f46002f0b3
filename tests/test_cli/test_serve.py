"""The command: a real service, its load, its enemies and its end."""
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('fastapi')
pytest.importorskip('uvicorn')
pytest.importorskip('python_multipart')
pytest.importorskip('httpx')

import torch
from inference_parts import red_and_blue
from markdown_pages import PHOTOS, blocks
from mmengine.config import Config
from mmseg.registry import MODELS
from PIL import Image
from service_parts import HTML, bomb, file_of, opened, pixels
from tool_runs import process_env, small_config, tool

from benchmarks.service import Service, soak
from mmseg_panet.apis import FewShotInferencer


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A folder with a config, weights and a bank."""
    folder = tmp_path_factory.mktemp('serve')
    torch.manual_seed(0)
    torch.save(MODELS.build(Config.fromfile(small_config(
        folder)).model).state_dict(), folder / 'small.pth')
    examples = red_and_blue()
    FewShotInferencer(
        folder / 'small.py', folder / 'small.pth', 'cpu',
        show_progress=False).fit(
            {'windmill': examples['red'], HTML: examples['blue']}).save(
                folder / 'bank.safetensors')
    return folder


def arguments(folder):
    return (folder / 'small.py', folder / 'small.pth', '--bank',
            folder / 'bank.safetensors', '--device', 'cpu',
            '--max-upload', 1, '--max-requests', 9)


def exchange(service, *parts, seconds=5):
    """Send bytes as they are; gives what comes back until the end."""
    with socket.create_connection(service.address, seconds) as one:
        found = b''
        with suppress(ConnectionError, TimeoutError):
            for part in parts:
                one.sendall(part)
            while chunk := one.recv(65536):
                found += chunk
                if b'\r\n\r\n' in found and b'close' not in found:
                    break
        return found


@pytest.fixture(scope='module')
def service(folder):
    log = folder / 'log.txt'
    service = Service(*arguments(folder), log=log, env=process_env())
    yield service
    assert service.stop() == 'stopped; all requests were answered\n'
    assert 'Traceback' not in log.read_text()


def test_200_requests_of_8_clients_are_answered_as_by_the_inferencer(
        service, folder):
    assert service.sentence.startswith(
        'the service is at http://127.0.0.1:')
    images = [pixels((40 + i, 60 + 3 * i), i) for i in range(10)]
    contents = [file_of(image) for image in images]

    def ask(number):
        return service.ask('POST', '/segment', contents[number % 10])

    def open_files():
        return len(os.listdir(f'/proc/{service.process.pid}/fd'))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(40)))
        before = open_files()
        answers += pool.map(ask, range(160))
        after = open_files()
    assert Counter(status for status, _ in answers) == {200: 200}
    # A connection of a client may have been renewed.
    assert abs(after - before) <= 2
    expected = FewShotInferencer(
        folder / 'small.py', folder / 'small.pth', 'cpu',
        show_progress=False).load(folder / 'bank.safetensors').predict(images)
    for number, (_, content) in enumerate(answers):
        np.testing.assert_array_equal(
            np.array(opened(content)), expected[number % 10].class_map)
    rows = json.loads(service.ask('GET', '/classes')[1])['classes']
    assert [row['name'] for row in rows] == [
        'none', 'windmill', HTML, 'undecided']
    assert len(set.union(*(
        {*one.class_map.flat} for one in expected))) > 1


def test_more_requests_than_places_are_told_to_come_again_and_none_is_lost(
        service):
    large = file_of(pixels((400, 500)), 'JPEG')

    def until_answered(_):
        for tries in range(1000):
            connection = HTTPConnection(*service.address)
            connection.request('POST', '/segment', large)
            answer = connection.getresponse()
            content = answer.read()
            if answer.status != 503:
                return tries, answer.status, content
            assert answer.headers['Retry-After'] == '1'
            assert 'at most 9 requests' in json.loads(content)['detail']
            time.sleep(0.05)
        raise AssertionError('no place after 1000 tries')

    with ThreadPoolExecutor(24) as pool:
        tries, statuses, contents = zip(
            *pool.map(until_answered, range(24)), strict=True)
    assert max(tries) > 0
    assert {*statuses} == {200} and len({*contents}) == 1


def test_hostile_requests_get_a_status_and_the_service_goes_on(
        service, tmp_path):
    head = b'POST /segment HTTP/1.1\r\nHost: a\r\n'
    small = bomb(tmp_path)
    for status, *parts in (
            (413, head, b'Content-Length: 99999999\r\n\r\n'),
            (413, head, b'Content-Length: %d\r\n\r\n' % len(small), small),
            (413, head, b'Transfer-Encoding: chunked\r\n\r\n', *[
                b'10000\r\n' + bytes(65536) + b'\r\n'] * 40),
            (400, head, b'A: ' + b'x' * 2_000_000 + b'\r\n\r\n'),
            (400, b'\0\xff\r\n\r\n'),
            (415, head, b'Content-Length: 3\r\n\r\nabc'),
            (404, b'GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n')):
        found = exchange(service, *parts)
        # The rest of a header that is too long meets a closed connection.
        assert f' {status} '.encode() in found[:30] or (
            not found and status == 400), (status, found[:200])
        assert b'Traceback' not in found and b'root:' not in found
        assert service.ask('GET', '/health')[0] == 200
    # A client that leaves in the middle, and one that says nothing.
    with socket.create_connection(service.address) as one:
        one.sendall(head + b'Content-Length: 9\r\n\r\nabc')
    with socket.create_connection(service.address):
        assert service.ask(
            'POST', '/segment', file_of(pixels()))[0] == 200
    deadline = time.monotonic() + 10
    while json.loads(service.ask('GET', '/health')[1])['requests']:
        assert time.monotonic() < deadline


def test_a_browser_takes_no_answer_for_a_page(service):
    connection = HTTPConnection(*service.address)
    connection.request('GET', f'/{HTML}'.replace(' ', '%20'))
    answer = connection.getresponse()
    assert answer.headers['Content-Type'] == 'application/json'
    assert answer.headers['X-Content-Type-Options'] == 'nosniff'
    assert answer.headers['Server'] is None


def test_a_second_service_cannot_have_the_port(service, folder):
    port = service.address[1]
    run = tool('serve', *arguments(folder), '--port', port, code=2)
    assert run.stderr.strip().splitlines()[-1] == (
        f'error: port {port} of 127.0.0.1 is taken by another program; give '
        'another one with --port, or 0 for any that is free')


@pytest.fixture
def reader(service, tmp_path, monkeypatch):
    """What turns the text of docs/deployment.md to the service here."""
    shutil.copytree(PHOTOS / 'photos', tmp_path / 'photos')
    monkeypatch.chdir(tmp_path)
    return lambda text: text.replace('http://127.0.0.1:8000', service.url)


def of_page(language):
    return [block.text for block in blocks(language)
            if block.page == 'docs/deployment.md']


def test_the_client_of_the_page_gets_labels_and_masks(reader):
    names = {}
    for text in of_page('python'):
        exec(reader(text), names)
    labels = names['labels']
    assert labels.shape == np.array(
        Image.open('photos/windmill_mykonos.jpg')).shape[:2]
    found = {label: name for label, name in enumerate(['windmill', HTML], 1)
             if label in labels}
    assert found and names['masks'].keys() == {*found.values()}
    for label, name in found.items():
        np.testing.assert_array_equal(names['masks'][name], labels == label)
    with pytest.raises(ValueError, match='expected an image as JPEG'):
        names['segment'](__file__, url=reader('http://127.0.0.1:8000'))


@pytest.mark.skipif(not shutil.which('curl'), reason='needs curl')
def test_the_commands_of_the_page_write_their_files(reader):
    lines = [line.removeprefix('$ ') for text in of_page('console')
             for line in text.splitlines() if 'Authorization' not in line]
    assert len(lines) == 4
    printed = [subprocess.run(
        shlex.split(reader(line)), check=True, capture_output=True).stdout
        for line in lines]
    mask, overlay = Image.open('mask.png'), Image.open('overlay.jpg')
    assert (mask.format, overlay.format) == ('PNG', 'JPEG')
    assert mask.mode == 'P' and mask.width <= overlay.width
    assert json.loads(Path('objects.json').read_text())['categories'][0][
        'name'] == 'windmill'
    assert json.loads(printed[-1])['classes'][1]['name'] == 'windmill'


@pytest.mark.slow
def test_a_short_soak_keeps_its_memory_and_descriptors(folder):
    contents = [file_of(pixels((40 + i, 60), i)) for i in range(5)]
    rows = soak(
        Service(*arguments(folder), env=process_env()), contents, 800)
    assert [row for row in rows if row.missed] == []


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as one:
        return one.getsockname()[1]


@pytest.mark.parametrize(('numbers', 'statuses', 'last'), [
    ((signal.SIGTERM,), {200}, 'all requests were answered'),
    ((signal.SIGINT,), {200}, 'all requests were answered'),
    # Work that has begun is refused, too, as nobody waits for it.
    ((signal.SIGINT,) * 2, {200, 503}, 'the last requests were refused'),
])
def test_requests_that_have_arrived_are_answered_before_the_end(
        numbers, statuses, last, folder, monkeypatch):
    monkeypatch.delenv('MMSEG_PANET_TOKEN', raising=False)
    port, answers = free_port(), []
    content, predict = file_of(pixels()), FewShotInferencer.predict

    def slow(*args):
        time.sleep(0.2)
        return predict(*args)

    def ask(method, path, body=None):
        connection = HTTPConnection('127.0.0.1', port, timeout=60)
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def client():
        while True:
            try:
                ask('GET', '/health')
                break
            except ConnectionError:
                time.sleep(0.05)
        with ThreadPoolExecutor(6) as pool:
            sent = [pool.submit(ask, 'POST', '/segment', content)
                    for _ in range(6)]
            while json.loads(ask('GET', '/health')[1])['requests'] < 6:
                assert not all(one.done() for one in sent)
            for number in numbers:
                os.kill(os.getpid(), number)
                time.sleep(0.1)
            answers.extend(one.result() for one in sent)

    monkeypatch.setattr(FewShotInferencer, 'predict', slow)
    thread = threading.Thread(target=client)
    thread.start()
    run = tool('serve', *arguments(folder), '--port', port)
    thread.join()
    assert len(answers) == 6
    assert {status for status, _ in answers} | {200} == statuses
    assert run.stdout.splitlines()[-2:] == [
        f'the service is at http://127.0.0.1:{port}/segment with 2 classes; '
        'end it with Ctrl-C', f'stopped; {last}']
    assert 'Traceback' not in run.stderr


@pytest.mark.parametrize(('flags', 'variable', 'message'), [
    (('--port', 70000), None, 'expected --port from 0 to 65535, got 70000'),
    (('--max-upload', 0), None, 'expected --max-upload as a number above 0'),
    (('--max-upload', 'nan'), None, 'expected --max-upload as a number'),
    (('--max-requests', 0), None, 'expected --max-requests as a number at'),
    (('--timeout', -1), None, 'expected --timeout as a number above 0'),
    (('--bank', 'gone'), None, 'gone does not exist; correct the path'),
    (('--bind', 'nowhere.invalid'), None, 'expected --bind as an address'),
    ((), '', 'expected MMSEG_PANET_TOKEN as letters'),
    ((), 'two words', 'expected MMSEG_PANET_TOKEN as letters'),
])
def test_bad_arguments_are_one_line_before_the_model_is_loaded(
        flags, variable, message, folder, monkeypatch):
    monkeypatch.delenv('MMSEG_PANET_TOKEN', raising=False)
    if variable is not None:
        monkeypatch.setenv('MMSEG_PANET_TOKEN', variable)
    run = tool('serve', folder / 'small.py', folder / 'small.pth', '--bank',
               folder / 'bank.safetensors', '--port', 0, *flags, code=2)
    assert not run.stdout
    line, = run.stderr.strip().splitlines()
    assert line.startswith(f'error: {message}')
