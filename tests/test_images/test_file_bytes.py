import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from image_files import oriented_bytes, save_image, write_huge_png
from inference_parts import image_of, small_inferencer
from mmengine.fileio import LocalBackend, register_backend
from mmengine.fileio.backends import backends, prefix_to_backends
from PIL import Image

from mmseg_panet.errors import InputError
from mmseg_panet.images import file_bytes as module
from mmseg_panet.images.file_bytes import is_url, read_bytes, url_name
from mmseg_panet.inference.images.image_list import is_single, list_images
from mmseg_panet.inference.images.image_source import read_image, source_key


class Silent(SimpleHTTPRequestHandler):
    """Serves a folder, and never answers for one name."""

    waiting = threading.Event()

    def do_GET(self):
        if 'slow' in self.path:
            self.waiting.wait(5)
        super().do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('served')


@pytest.fixture(scope='module')
def server(folder):
    """Serve the folder on this machine, and return the start of its URLs."""
    server = ThreadingHTTPServer(
        ('127.0.0.1', 0), partial(Silent, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}'
    Silent.waiting.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def memory(tmp_path):
    """Register a backend for mem:// that reads a temporary folder."""
    class Memory(LocalBackend):
        def get(self, filepath):
            return super().get(
                str(tmp_path / str(filepath).rpartition('://')[2]))

    register_backend('memory', Memory, prefixes='mem', force=True)
    yield tmp_path
    backends.pop('memory')
    prefix_to_backends.pop('mem')


@pytest.mark.parametrize('url', [
    'http://a/b.jpg', 'https://a', 's3://bucket/key', 'cluster:s3://b/k',
    'petrel://a', 'HTTP://a'])
def test_these_are_urls(url):
    assert is_url(url)


@pytest.mark.parametrize('path', [
    'a.jpg', '/a/b://c', 'C:/a.jpg', 'C:\\a.jpg', '://a', './http://a', None])
def test_these_are_paths(path):
    assert not is_url(path)


@pytest.mark.parametrize(('url', 'name'), [
    ('http://a/b/c.jpg', 'c.jpg'), ('http://a/b.jpg?x=/y.png#z', 'b.jpg'),
    ('http://a/k%C3%A4fer%201.png', 'käfer 1.png'),
    ('http://a/%2e%2e', 'image'), ('http://a/..%2Fb.jpg', 'b.jpg'),
    ('http://a/..%5Cb.jpg', 'b.jpg'), ('http://a', 'a'), ('http://', 'image'),
    ('s3://bucket/a%0Ab%3A.png', 'a_b_.png'),
    ('cluster:s3://bucket/b.tif', 'b.tif'), ('http://a/b/', 'b')])
def test_the_name_of_an_output_is_that_of_the_url_and_safe(url, name):
    assert url_name(url) == name


def test_images_and_masks_are_read_by_http(server, folder):
    image, mask = image_of((20, 20, 230))
    Image.fromarray(image[..., ::-1].copy()).save(folder / 'a photo.png')
    Image.fromarray(mask).save(folder / 'mask.png')
    url = f'{server}/a%20photo.png?size=full://x'
    assert (read_image(url) == image).all()
    inferencer = small_inferencer().fit(
        {'red': [(url, f'{server}/mask.png')]})
    support, = inferencer.bank.supports
    assert support.image == 'a photo.png'
    result = inferencer(url)
    assert result['names'] == 'a photo' and result['paths'] == url
    local = inferencer(str(folder / 'a photo.png'))
    assert (result['predictions'] == local['predictions']).all()
    assert result.plot().any()


def test_a_url_is_turned_as_a_file(server, folder):
    (folder / 'turned.webp').write_bytes(oriented_bytes('webp-prefix', 6))
    assert read_image(f'{server}/turned.webp').shape == (16, 24, 3)


def test_files_are_named_by_urls(server, folder, tmp_path):
    save_image(folder / 'a.jpg')
    save_image(folder / 'deep/a.jpg')
    urls = [f'{server}/a.jpg', f'{server}/deep/a.jpg?token=1']
    assert [item.name for item in list_images(urls)] == [
        'a.jpg', 'a.jpg_2']
    assert is_single(urls[0]) and not is_single(urls)
    assert source_key(urls[0]) == source_key(urls[1])


def test_what_cannot_be_downloaded_is_a_sentence(
        server, folder, monkeypatch):
    with pytest.raises(InputError, match='HTTP Error 404.*; correct the URL'):
        read_image(f'{server}/missing.jpg')
    with pytest.raises(InputError, match='could not be read .*refused'):
        read_image('http://127.0.0.1:9/a.jpg')
    (folder / 'slow.jpg').write_bytes(b'?')
    monkeypatch.setattr(module, '_SECONDS', 0.1)
    with pytest.raises(InputError, match='could not be read .*timed out'):
        read_image(f'{server}/slow.jpg')
    (folder / 'text.jpg').write_text('no image')
    with pytest.raises(InputError, match='text.jpg is no complete image'):
        read_image(f'{server}/text.jpg')


def test_the_limits_of_pixels_and_bytes_hold(server, folder, monkeypatch):
    write_huge_png(folder / 'huge.png')
    with pytest.raises(InputError, match='20000x20000 pixels, expected at'):
        read_image(f'{server}/huge.png')
    monkeypatch.setattr(module, '_MOST_BYTES', 10)
    with pytest.raises(InputError, match='has more than 10 bytes; download'):
        read_image(f'{server}/huge.png')


@pytest.mark.parametrize('url', [
    'ftp://a/b.jpg', 'file:///etc/passwd', 'gs://bucket/a.jpg'])
def test_a_url_without_a_backend_names_those_that_are_there(url):
    with pytest.raises(
            InputError, match=r"URL of \['http', 'https', 'petrel', 's3'\]"):
        read_image(url)


def test_a_backend_of_mmengine_is_used(memory):
    image = read_image(str(save_image(memory / 'a.png')))
    assert (read_image('mem://a.png') == image).all()
    assert (read_image('cluster:mem://a.png') == image).all()
    assert read_bytes('mem://a.png') == (memory / 'a.png').read_bytes()
    with pytest.raises(InputError, match='mem://b.png could not be read'):
        read_image('mem://b.png')


def test_a_backend_that_is_not_installed_says_so():
    with pytest.raises(InputError, match='could not be read .*petrel_client'):
        read_image('s3://bucket/a.jpg')


def test_a_video_by_url_is_refused(server):
    with pytest.raises(InputError, match='got that of a video; download it'):
        list_images(f'{server}/clip.mp4')


def test_a_url_in_a_list_that_fails_is_one_failure(server, folder):
    image, mask = image_of((20, 20, 230))
    save_image(folder / 'good.png')
    inferencer = small_inferencer().fit({'red': [(image, mask)]})
    result = inferencer([f'{server}/good.png', f'{server}/none.png'])
    assert list(result['failures']) == ['none']
    assert isinstance(result['predictions'][0], np.ndarray)
