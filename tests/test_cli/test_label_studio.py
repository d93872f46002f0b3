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


def test_an_address_in_use_is_refused(folder):
    pytest.importorskip('uvicorn')
    with socket.create_server(('127.0.0.1', 0)) as used:
        run = tool('label-studio', *arguments(
            folder, '--port', used.getsockname()[1]), code=2)
    assert 'is taken by another program' in run.stderr
