"""Where the files of the page are, and how it is served."""
import os
import signal
import socket
import tempfile
from pathlib import Path
from unittest import mock

import pytest
from inference_parts import RESIZE, small_inferencer

from mmseg_panet.app.server import serve
from mmseg_panet.errors import InputError

pytest.importorskip('gradio', reason='the page is made with Gradio')


class StoppedError(Exception):
    """Ends a page that is served."""


def run(launch, **settings):
    """Serve a page whose server is replaced; give the settings of it."""
    with (socket.create_server(('127.0.0.1', 0)) as listening,
          mock.patch('gradio.Blocks.launch', autospec=True,
                     side_effect=launch) as called):
        serve(small_inferencer(RESIZE), 'model', listening, **settings)
    return called


def test_the_server_is_local_sends_nothing_home_and_limits_uploads():
    found = {}

    def launch(page, **settings):
        found.update(settings, page=page)
        raise StoppedError

    with pytest.raises(StoppedError):
        run(launch, open_browser=False)
    assert found['server_name'] == '127.0.0.1'
    assert found['max_file_size'] == 25_000_000
    assert {name for name, value in found.items() if value is False} >= {
        'share', 'inbrowser', 'enable_monitoring', 'mcp_server', 'ssr_mode'}
    assert found['page'].analytics_enabled is False
    assert all(one.api_visibility == 'private'
               for one in found['page'].fns.values())
    assert 'http' not in found['css'] + found['js']


def test_files_of_the_page_are_in_one_folder_which_is_removed(monkeypatch):
    monkeypatch.setenv('GRADIO_TEMP_DIR', '/elsewhere')
    before = tempfile.gettempdir()
    folders = []

    def launch(page, **_):
        folders.append(Path(os.environ['GRADIO_TEMP_DIR']))
        assert Path(tempfile.gettempdir()) == folders[0]
        (folders[0] / 'upload').write_text('of a person')
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(launch)
    assert not folders[0].exists()
    assert os.environ['GRADIO_TEMP_DIR'] == '/elsewhere'
    assert tempfile.gettempdir() == before


def test_sigterm_ends_the_page_and_removes_its_files():
    folders = []

    def launch(page, **_):
        folders.append(Path(tempfile.gettempdir()))

    handler = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as end:
        run(launch, ready=lambda: signal.raise_signal(signal.SIGTERM))
    assert end.value.code == 143
    assert not folders[0].exists()
    assert signal.getsignal(signal.SIGTERM) is handler


def test_a_wrong_bank_is_refused_before_anything_is_served(tmp_path):
    bank = tmp_path / 'bank.safetensors'
    bank.write_bytes(b'no bank')

    def launch(page, **_):
        raise AssertionError

    with pytest.raises(InputError, match='is not a prototype bank'):
        run(launch, bank=bank)


def test_a_port_that_was_taken_meanwhile_is_told_in_a_sentence():
    def launch(page, **_):
        raise OSError

    with pytest.raises(InputError, match='was taken by another program'):
        run(launch)
