"""The real commands, run on a tiny network and a tiny toy data set."""
import gc
import os
import random
import runpy
import signal
import subprocess
import sys
import tempfile
import traceback
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import torch
from mmengine.utils import ManagerMixin, manager
from PIL import Image
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

REPO = Path(__file__).parents[1]


def launch(number, *flags):
    """The launcher of a number of processes on this machine."""
    return ('-m', 'torch.distributed.run', f'--nproc-per-node={number}',
            *(flags or ['--standalone']))


TWO_PROCESSES = launch(2)
SMALL = """
_base_ = '{repo}/configs/panet/panet_r18-d8_1xb4-800iters_toy3i-128x128.py'
model = dict(
    data_preprocessor=dict(size=(64, 64)),
    backbone=dict(base_channels=8, stem_channels=8),
    decode_head=dict(in_channels=32))
train_cfg = dict(max_iters={max_iters}, val_interval=100)
train_dataloader = dict(
    batch_size=2, num_workers=0,
    dataset=dict(min_area=1))
val_dataloader = dict(
    num_workers=0,
    dataset=dict(min_area=1, num_episodes=2))
test_dataloader = dict(
    num_workers=0,
    dataset=dict(min_area=1, num_episodes=6))
default_hooks = dict(checkpoint=dict(interval={interval}))
"""


def small_config(folder, max_iters=6, interval=3):
    """Write a config of a tiny network for the toy data."""
    config = folder / 'small.py'
    config.write_text(SMALL.format(
        repo=REPO, max_iters=max_iters, interval=interval))
    return config


def write_supports(folder, toy):
    """Write two supports of each of the two most frequent toy classes."""
    left = {1: 2, 2: 2}
    for mask in sorted((toy / 'SegmentationClass').iterdir()):
        labels = np.array(Image.open(mask))
        for label in [one for one in left if (labels == one).sum() > 50]:
            path = folder / f'class{label}' / mask.name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray((labels == label).astype(np.uint8)).save(path)
            image = toy / 'JPEGImages' / mask.with_suffix('.jpg').name
            path.with_suffix('.jpg').write_bytes(image.read_bytes())
            left[label] -= 1
            if not left[label]:
                del left[label]
    assert not left


def tool(name, *arguments, code=0):
    """Run a command in this process, as if it had its own.

    Its own process would take seconds, nearly all of them for the imports.
    """
    command = command_of(name, arguments)
    with tempfile.TemporaryFile('w+') as out, tempfile.TemporaryFile(
            'w+') as err:
        with _redirected(out, err):
            found = run_here(command)
        out.seek(0)
        err.seek(0)
        run = subprocess.CompletedProcess(
            command, found, out.read(), err.read())
    return _checked(run, code)


def tool_process(name, *arguments, cwd=None, code=0, launcher=()):
    """Run a command in a process of its own, or in several by a launcher."""
    python, *command = command_of(name, arguments)
    return _checked(subprocess.run(
        [python, *launcher, *command], cwd=cwd, capture_output=True,
        text=True, env=process_env(launcher)), code)


def process_env(launcher=()):
    """The environment of a command; several processes use no GPU."""
    hidden = {'CUDA_VISIBLE_DEVICES': ''} if launcher else {}
    return os.environ | {'OMP_NUM_THREADS': '1'} | hidden


def command_of(name, arguments):
    """The command of a subcommand, or of a script of tools/ or elsewhere."""
    script = str(name).endswith('.py')
    program = [str(REPO / 'tools' / name)] if script else [
        '-m', 'mmseg_panet', name]
    return [sys.executable, *program, *map(str, arguments)]


def _checked(run, code):
    assert run.returncode == code, run.stdout[-3000:] + run.stderr[-3000:]
    return run


def run_here(command):
    """Run a command in this process; gives its exit code."""
    is_module = command[1] == '-m'
    argv = command[2:] if is_module else command[1:]
    folder = os.getcwd() if is_module else str(Path(argv[0]).parent)
    path = [folder, *sys.path]
    with (mock.patch.dict(os.environ),
          mock.patch.object(sys, 'argv', argv),
          mock.patch.object(sys, 'path', path),
          _fresh_state()):
        try:
            start = runpy.run_module if is_module else runpy.run_path
            start(argv[0], run_name='__main__')
        except SystemExit as end:
            if isinstance(end.code, str):
                print(end.code, file=sys.stderr)
            return end.code if isinstance(end.code, int) else int(
                end.code is not None)
        except Exception:
            traceback.print_exc()
            return 1
    return 0


@contextmanager
def _redirected(out, err):
    """Send what this process and its children write to files."""
    with ExitStack() as stack:
        for name, number, file in (('stdout', 1, out), ('stderr', 2, err)):
            getattr(sys, name).flush()
            before = os.dup(number)
            stack.callback(os.close, before)
            stack.callback(os.dup2, before, number)
            os.dup2(file.fileno(), number)
            stream = stack.enter_context(
                open(number, 'w', buffering=1, closefd=False))
            stack.enter_context(mock.patch.object(sys, name, stream))
        yield


@contextmanager
def _fresh_state():
    """Hide what the libraries keep of this process, and restore it."""
    kinds = [ManagerMixin]
    for kind in kinds:
        kinds += kind.__subclasses__()
    random_state, numpy_state = random.getstate(), np.random.get_state()
    num_threads = cv2.getNumThreads()
    handlers = {number: signal.getsignal(number) for number in (
        signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)}
    with ExitStack() as stack:
        for kind in kinds:
            stack.enter_context(mock.patch.object(
                kind, '_instance_dict', type(kind._instance_dict)()))
        stack.enter_context(torch.random.fork_rng(devices=[]))
        try:
            yield
        finally:
            stop_workers()
            # mmengine keeps it if the constructor of a manager fails.
            while manager._lock._is_owned():
                manager._lock.release()
            for number, handler in handlers.items():
                signal.signal(number, handler)
            cv2.setNumThreads(num_threads)
            np.random.set_state(numpy_state)
            random.setstate(random_state)


def stop_workers():
    """End the workers of all data loaders.

    Garbage collection of a loader would wait five seconds for each worker,
    because it first closes the queue that tells the worker to end.
    """
    for one in gc.get_objects():
        if type(one) is _MultiProcessingDataLoaderIter:
            one._shutdown_workers()
