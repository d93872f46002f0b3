"""The command that serves the page, started as a person starts it."""
import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from unittest import mock

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from tool_runs import command_of, small_config, tool, write_supports

from mmseg_panet.cli import app


@pytest.fixture(scope='module')
def setting(tmp_path_factory, toy_root):
    """Return a folder with a config, a checkpoint and a bank."""
    folder = tmp_path_factory.mktemp('app')
    config = Config.fromfile(small_config(folder))
    torch.manual_seed(0)
    torch.save(MODELS.build(config.model).state_dict(), folder / 'small.pth')
    write_supports(folder / 'support', toy_root)
    tool('fit', folder / 'small.py', folder / 'small.pth', '--support',
         folder / 'support', '--out', folder / 'bank.safetensors')
    return folder


def model(folder):
    return folder / 'small.py', folder / 'small.pth', '--device', 'cpu'


def start(folder, temporary, *flags):
    """Start the command, and return its process and the page's URL."""
    process = subprocess.Popen(
        command_of('app', [*model(folder), '--port', 0, '--no-browser',
                           *flags]),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | dict(TMPDIR=str(temporary), OMP_NUM_THREADS='1'))
    for line in process.stdout:
        if line.startswith('the page is at '):
            return process, line.split()[4].rstrip(';')
    raise AssertionError(process.stderr.read())


def call(url, session, index, *values):
    """Run an event of the page, as a browser does, and return its outputs."""
    body = dict(data=values, fn_index=index, session_hash=session)
    request = urllib.request.Request(
        f'{url}/gradio_api/queue/join', json.dumps(body).encode(),
        {'Content-Type': 'application/json'})
    urllib.request.urlopen(request).close()
    with urllib.request.urlopen(
            f'{url}/gradio_api/queue/data?session_hash={session}') as stream:
        for line in stream:
            message = json.loads(line[6:] if line.startswith(b'data: ')
                                 else b'{}')
            if message.get('msg') == 'process_completed':
                return message['output']['data']
    raise AssertionError(session)


def index_of(page, element):
    """Return the index of the event of a click on a component."""
    found, = [one['id'] for one in page['components']
              if one['props'].get('elem_id') == element]
    return next(one['id'] for one in page['dependencies']
                if [found, 'click'] in one['targets'])


def listens_at(port):
    """Return the local addresses of a port, in Linux' hexadecimal form."""
    with open('/proc/net/tcp') as table:
        return {row.split()[1].split(':')[0] for row in table
                if row.split()[1].endswith(f':{port:04X}')
                and row.split()[3] == '0A'}


@pytest.mark.skipif(sys.platform != 'linux', reason='reads /proc')
def test_the_page_is_served_to_this_machine_and_leaves_no_files(
        setting, tmp_path):
    pytest.importorskip('gradio', reason='the page is made with Gradio')
    temporary = tmp_path / 'temporary'
    temporary.mkdir()
    process, url = start(setting, temporary, '--bank',
                         setting / 'bank.safetensors')
    try:
        assert listens_at(int(url.rpartition(':')[2])) == {'0100007F'}
        with urllib.request.urlopen(url) as response:
            html = response.read().decode()
        assert 'Few-shot segmentation' in html
        with urllib.request.urlopen(f'{url}/config') as response:
            page = json.load(response)
        assert page['analytics_enabled'] is False
        assert page['max_file_size'] == 50_000_000
        # Each person has the classes of the bank, and adds others.
        state = [None, '', 0, 0.5]  # of the person, and the view
        add = index_of(page, 'add-class')
        for person, name in (('one', 'cat'), ('other', 'dog')):
            call(url, person, 0)
            shown = call(url, person, add, *state, name, '#00ff00')
            marker, = [one for one in shown
                       if isinstance(one, dict) and 'classes' in one]
            assert [one['name'] for one in marker['classes']] == [
                'class1', 'class2', name]
        assert len(list(temporary.glob('mmseg_panet-*'))) == 1
    finally:
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert errors.strip().endswith(
        'stopped; the files of the page are removed')
    assert 'Traceback' not in errors
    assert list(temporary.glob('mmseg_panet-*')) == []


def test_the_page_without_gradio_is_refused_with_the_command_that_helps(
        setting):
    with mock.patch('mmseg_panet.extras.find_spec', return_value=None):
        run = tool('app', *model(setting), '--port', 0, code=2)
    assert run.stderr.strip().endswith(
        "error: expected the packages of the extra 'app', got no gradio; "
        'pip install "mmseg_panet[app]"')


def test_a_taken_port_is_refused_before_the_model_is_loaded():
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
        run = tool('app', 'no_such_config.py', 'none', '--port', port, code=2)
    assert f'port {port} of 127.0.0.1 is taken by another program' in (
        run.stderr)


@pytest.mark.parametrize(('flags', 'message'), [
    (('--max-images', 0), 'expected --max-images as a number at least 1'),
    (('--feature-cache', -1), 'expected --feature-cache as a number at least'),
    (('--max-upload', 0), 'expected --max-upload as a number above 0'),
    (('--bank', 'nowhere.safetensors'), 'nowhere.safetensors does not exist'),
])
def test_flags_are_checked_before_the_model_is_loaded(flags, message):
    run = tool('app', 'no_such_config.py', 'none', *flags, code=2)
    assert message in run.stderr


@pytest.mark.parametrize(('address', 'warns'), [
    ('127.0.0.1', False), ('0.0.0.0', True)])  # noqa: S104
def test_an_address_that_others_reach_is_warned_of(
        setting, address, warns):
    pytest.importorskip('gradio', reason='the page is made with Gradio')
    served = []
    with (mock.patch(
            'mmseg_panet.app.server.serve',
            lambda inferencer, name, listening, *others: served.extend(
                [name, listening.getsockname()[0], *others])),
          mock.patch.object(app, 'warn') as warn):
        parser = argparse.ArgumentParser()
        app.add_arguments(parser)
        app.run(parser.parse_args([
            *map(str, model(setting)), '--bind', address, '--port', '0',
            '--max-upload', '7', '--max-images', '3', '--no-browser']))
    assert warn.called == warns
    *facts, limits, open_browser, _ = served
    assert facts == ['small', address, None]
    assert not open_browser
    assert (limits.max_images, limits.max_megabytes) == (3, 7)
