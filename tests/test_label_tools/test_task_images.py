"""Images of tasks, and who gets the key of Label Studio."""
import base64
import json
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

import pytest

from mmseg_panet.errors import InputError
from mmseg_panet.label_tools.task_images import TaskImages

KEY = 'a-secret-key'
PERSONAL = 'head.body.signature'


class Server:
    """A server that records the requests and their key.

    Attributes:
        answers: Bytes, or the address of a redirect, by path.
    """

    def __init__(self):
        self.requests, self.answers = [], {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests.append(
                    (self.path, self.headers.get('Authorization')))
                found = outer.answers.get(self.path)
                self.send_response(
                    404 if found is None else
                    302 if isinstance(found, str) else 200)
                if isinstance(found, str):
                    self.send_header('Location', found)
                self.end_headers()
                if isinstance(found, bytes):
                    self.wfile.write(found)

            def do_POST(self):
                sent = self.rfile.read(int(self.headers['Content-Length']))
                outer.requests.append((self.path, json.loads(sent)))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b'{"access": "short-lived"}')

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self._server.server_port}'

    def __enter__(self):
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs=dict(poll_interval=0.01))
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def servers(monkeypatch):
    """Label Studio, and another server."""
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    with ExitStack() as stack:
        yield [stack.enter_context(Server()) for _ in range(2)]


def task(url):
    return dict(id=5, data=dict(image=url))


@pytest.mark.parametrize('url', [
    '/data/upload/1/1a2b3c4d-a.jpg', 'data/upload/1/1a2b3c4d-a.jpg',
    '{}/data/upload/1/1a2b3c4d-a.jpg'])
def test_an_upload_comes_from_label_studio_with_the_key(url, servers):
    studio, other = servers
    studio.answers['/data/upload/1/1a2b3c4d-a.jpg'] = b'image'
    images = TaskImages(studio.url, KEY)
    assert images.read(task(url.format(studio.url)), 'image') == b'image'
    assert studio.requests == [
        ('/data/upload/1/1a2b3c4d-a.jpg', f'Token {KEY}')]


def test_letters_that_no_url_has_are_quoted(servers):
    studio, _ = servers
    studio.answers['/data/upload/1/%C3%A4%20b%2B.jpg?c=1&d=2'] = b'image'
    images = TaskImages(studio.url, KEY)
    url = '/data/upload/1/ä b%2B.jpg?c=1&d=2'
    assert images.read(task(url), 'image') == b'image'


def test_a_personal_token_gives_a_token_that_expires(servers):
    studio, _ = servers
    studio.answers['/data/upload/1/a.jpg'] = b'image'
    images = TaskImages(studio.url + '/', PERSONAL)
    assert images.read(task('/data/upload/1/a.jpg'), 'image') == b'image'
    assert studio.requests == [
        ('/api/token/refresh/', dict(refresh=PERSONAL)),
        ('/data/upload/1/a.jpg', 'Bearer short-lived')]


@pytest.mark.parametrize('key', [KEY, PERSONAL])
@pytest.mark.parametrize('scheme', ['http:', ''])
def test_another_server_never_gets_the_key(key, scheme, servers):
    studio, other = servers
    other.answers['/a.jpg'] = b'image'
    images = TaskImages(studio.url, key)
    url = f"{scheme}//{other.url.partition('//')[2]}/a.jpg"
    assert images.read(task(url), 'image') == b'image'
    assert other.requests == [('/a.jpg', None)]
    assert not studio.requests


def test_a_redirect_to_another_server_loses_the_key(servers):
    studio, other = servers
    uri = base64.urlsafe_b64encode(b's3://bucket/a.jpg').decode()
    path = f'/tasks/5/resolve/?fileuri={quote(uri)}'
    studio.answers[path] = f'{other.url}/signed'
    other.answers['/signed'] = f'{other.url}/a.jpg'
    other.answers['/a.jpg'] = b'image'
    images = TaskImages(studio.url, KEY)
    assert images.read(task('s3://bucket/a.jpg'), 'image') == b'image'
    assert studio.requests == [(path, f'Token {KEY}')]
    assert other.requests == [('/signed', None), ('/a.jpg', None)]


@pytest.mark.parametrize('target', ['file:///etc/passwd', 'ftp://a/b'])
def test_a_redirect_to_no_server_of_http_is_refused(target, servers):
    studio, _ = servers
    studio.answers['/data/upload/1/a.jpg'] = target
    with pytest.raises(InputError, match='task 5.*could not be fetched'):
        TaskImages(studio.url, KEY).read(
            task('/data/upload/1/a.jpg'), 'image')


def test_a_refused_key_is_told_without_the_key(servers):
    studio, _ = servers
    with pytest.raises(
            InputError, match='404.*check.*LABEL_STUDIO_API_KEY') as raised:
        TaskImages(studio.url, KEY).read(
            task('/data/upload/1/a.jpg'), 'image')
    assert KEY not in str(raised.value)


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / 'root'
    (folder / 'sub').mkdir(parents=True)
    (folder / 'sub/a b.jpg').write_bytes(b'image')
    (tmp_path / 'secret.jpg').write_bytes(b'secret')
    (tmp_path / 'root2').mkdir()
    (tmp_path / 'root2/secret.jpg').write_bytes(b'secret')
    (folder / 'link.jpg').symlink_to(tmp_path / 'secret.jpg')
    return folder


@pytest.mark.parametrize('name', [
    'sub/a%20b.jpg', '/sub/a b.jpg', 'sub/../sub/a+b.jpg'])
def test_a_local_file_is_read_from_the_folder(name, root):
    url = f'/data/local-files/?d={name}'
    assert TaskImages(root=root).read(task(url), 'image') == b'image'


@pytest.mark.parametrize('name', [
    '../secret.jpg', '..%2Fsecret.jpg', '%2e%2e/secret.jpg', '/../secret.jpg',
    'sub/../../secret.jpg', '../root2/secret.jpg', 'link.jpg', '{}/secret.jpg',
    'sub', '', 'no.jpg', 'a%00b', 'x' * 5000])
def test_no_file_outside_the_folder_is_read(name, root):
    url = f'/data/local-files/?d={name.format(root.parent)}'
    with pytest.raises(InputError, match='task 5: expected an image in the'):
        TaskImages(root=root).read(task(url), 'image')


def test_without_the_folder_local_files_come_from_label_studio(servers):
    studio, _ = servers
    studio.answers['/data/local-files/?d=a.jpg'] = b'image'
    images = TaskImages(studio.url, KEY)
    assert images.read(
        task('/data/local-files/?d=a.jpg'), 'image') == b'image'


def test_a_file_that_is_too_large_is_refused(root, servers):
    studio, _ = servers
    studio.answers['/data/upload/1/a.jpg'] = b'image'
    images = TaskImages(studio.url, root=root, max_bytes=4)
    for url in ('/data/upload/1/a.jpg', '/data/local-files/?d=sub/a b.jpg'):
        with pytest.raises(InputError, match='at most 4 bytes'):
            images.read(task(url), 'image')


@pytest.mark.parametrize('url', [
    'file:///etc/passwd', 'ftp://host/a.jpg',
    'http://host:port/a.jpg', 'data:image/png;base64,AAAA'])
def test_what_is_no_address_of_http_is_refused(url):
    with pytest.raises(InputError, match='task 5: expected'):
        TaskImages('http://localhost:1').read(task(url), 'image')


@pytest.mark.parametrize('data', [None, {}, dict(image=''), dict(image=[1])])
def test_a_task_without_an_image_is_refused(data):
    with pytest.raises(InputError, match="as 'image' in its data, got"):
        TaskImages().read(dict(id=5, data=data), 'image')


def test_a_path_needs_the_address_of_label_studio():
    with pytest.raises(InputError, match='give --label-studio'):
        TaskImages().read(task('/data/upload/1/a.jpg'), 'image')


def test_wrong_settings_are_refused():
    with pytest.raises(InputError, match='as http://NAME:PORT, got localhost'):
        TaskImages('localhost:8080')
    with pytest.raises(InputError, match='the folder of local files'):
        TaskImages(root='nowhere')
