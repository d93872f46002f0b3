"""The back end for Label Studio as a process, started in both ways."""
import json
import os
import signal
import socket
import subprocess
import sys
from urllib.request import ProxyHandler, Request, build_opener

import pytest
import torch
from inference_parts import RESIZE, image_of, small_config, small_inferencer
from markdown_pages import blocks, commands
from PIL import Image
from tool_exports import ls_brush
from tool_runs import REPO, tool

CONFIG = ('<View><Image name="image" value="$image"/><BrushLabels '
          'name="label" toName="image"><Label value="red"/></BrushLabels>'
          '</View>')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A folder with a config, weights and the images of two tasks."""
    folder = tmp_path_factory.mktemp('studio')
    small_config(RESIZE).dump(folder / 'config.py')
    torch.save(small_inferencer(RESIZE).model.state_dict(),
               folder / 'weights.pth')
    for seed in range(2):
        image, _ = image_of((20, 20, 230), seed=seed)
        Image.fromarray(image[..., ::-1]).save(folder / f'{seed}.png')
    return folder


def arguments(folder, *more):
    return [str(folder / 'config.py'), str(folder / 'weights.pth'), '--bank',
            str(folder / 'bank.safetensors'), *map(str, more)]


def page_arguments(program):
    """The arguments of a command of the page, from its config on."""
    (words,) = (
        words for block in blocks('bash')
        if block.page == 'docs/label_tools.md'
        for words in commands(block.text)
        if program in (words[0], ' '.join(words[:2])))
    return words[words.index('panet_r18-d8-s23_imagenet-473x473'):]


def post(port, path, body):
    opener = build_opener(ProxyHandler({}))
    request = Request(f'http://127.0.0.1:{port}{path}',
                      json.dumps(body).encode())
    with opener.open(request, timeout=60) as answer:
        return json.load(answer)


def test_the_folder_of_label_studio_ml_starts_it(folder):
    pytest.importorskip('uvicorn')
    with socket.create_server(('127.0.0.1', 0)) as free:
        port = free.getsockname()[1]
    # `label-studio-ml start FOLDER ARGUMENTS` runs this command.
    _, _, *flags = page_arguments('label-studio-ml')
    assert flags == ['--bank', 'pets.safetensors']
    process = subprocess.Popen(
        [sys.executable, REPO / 'examples/label_studio/_wsgi.py',
         *arguments(folder, '--document-root', folder, '--port', port,
                    '--device', 'cpu')],
        stdout=subprocess.PIPE, text=True,
        env=os.environ | {'OMP_NUM_THREADS': '1'})
    try:
        while 'connect a project' not in process.stdout.readline():
            assert process.poll() is None
        tasks = [dict(id=i, data=dict(image=f'/data/local-files/?d={i}.png'))
                 for i in range(2)]
        request = dict(tasks=tasks, label_config=CONFIG)
        empty = post(port, '/predict', request)
        assert [one['result'] for one in empty['results']] == [[], []]
        _, mask = image_of((20, 20, 230))
        post(port, '/webhook', dict(
            action='ANNOTATION_CREATED', task=tasks[0],
            annotation=dict(id=1, result=[ls_brush(mask, 'red')]),
            project=dict(id=1, label_config=CONFIG)))
        found = post(port, '/predict', request)
        assert all(one['result'] for one in found['results'])
        assert (folder / 'bank.safetensors').exists()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130


def test_the_command_of_the_page_reaches_its_address(folder, monkeypatch):
    """Nothing but the server is replaced, and the weights are tiny."""
    uvicorn = pytest.importorskip('uvicorn')
    served = []
    monkeypatch.setattr(uvicorn.Server, 'run', lambda server, sockets: (
        served.append((server.config.app, sockets[0].getsockname()))))
    monkeypatch.chdir(folder)
    _, _, *flags = page_arguments('mmseg-panet label-studio')
    run = tool('label-studio', folder / 'config.py', folder / 'weights.pth',
               *flags, '--port', 0)
    (app, (address, port)), = served
    assert run.stdout.splitlines()[-1] == (
        f'connect a project to http://127.0.0.1:{port}; end it with Ctrl-C')
    assert {'/predict', '/webhook'} <= {one.path for one in app.routes}
    assert not (folder / 'pets.safetensors').exists()


def test_an_address_in_use_is_refused(folder):
    pytest.importorskip('uvicorn')
    with socket.create_server(('127.0.0.1', 0)) as used:
        run = tool('label-studio', *arguments(
            folder, '--port', used.getsockname()[1]), code=2)
    assert 'is taken by another program' in run.stderr
