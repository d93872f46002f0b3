"""A process that is killed at any moment: the next start finishes its work.

The commands run in forks of this process, as imports would take most of the
time. Each is killed once at a random moment, and then started again.
"""
import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest
import torch
from mmcv.transforms import LoadImageFromFile, Resize
from tool_runs import command_of, run_here, small_config, tool

from mmseg_panet.datasets.image_cache import load_image_cache

POINTS = 20


def fork(work, log):
    """Start a function in a fork; gives the number of the process."""
    process = os.fork()
    if process:
        return process
    # Not even a failed assertion may leave this process.
    try:
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for number in (1, 2):
            os.dup2(file, number)
        with open(1, 'w', buffering=1, closefd=False) as stream:
            sys.stdout = sys.stderr = stream
            os._exit(work() or 0)
    finally:
        os._exit(99)


def finish(work, log):
    """Run a function in a fork to its end; gives the seconds it took."""
    start = time.monotonic()
    _, status = os.waitpid(fork(work, log), 0)
    assert os.waitstatus_to_exitcode(status) == 0, log.read_text()[-3000:]
    return time.monotonic() - start


def kill(work, log, seconds):
    """Kill a function in a fork; gives whether it was still running."""
    process = fork(work, log)
    time.sleep(seconds)
    os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status) == -signal.SIGKILL


def contents(folder):
    """Read all files of a folder but the logs."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob('*'))
        if path.is_file() and 'logs' not in path.parts}


def weights(path):
    """Read what a checkpoint holds except for times, by names."""
    state = torch.load(path, map_location='cpu', weights_only=False)
    found = {}

    def visit(name, value):
        if isinstance(value, dict):
            for key, one in value.items():
                visit(f'{name}/{key}', one)
        elif isinstance(value, (list, tuple)):
            for key, one in enumerate(value):
                visit(f'{name}/{key}', one)
        else:
            found[name] = value.numpy().tobytes() if isinstance(
                value, torch.Tensor) else repr(value)
    for key in ('state_dict', 'optimizer', 'param_schedulers'):
        visit(key, state[key])
    return found


@pytest.fixture(scope='module')
def parts(tmp_path_factory, toy_root):
    """A trained checkpoint, a bank and photographs."""
    folder = tmp_path_factory.mktemp('parts')
    config = small_config(folder, max_iters=12, interval=3)
    common = ['--data-root', toy_root]
    tool('train', config, '--work-dir', folder / 'run', *common)
    tool('make-toy-data', folder / 'toy', '--images', 4, '--size', 64)
    checkpoint = folder / 'run/iter_12.pth'
    tool('fit', config, checkpoint, '--support', folder / 'toy/examples',
         '--out', folder / 'bank.safetensors')
    return folder, config, checkpoint, common


def command(name, *arguments, **settings):
    return lambda: run_here(command_of(name, arguments))


def train(parts, out, again):
    _, config, _, common = parts
    return command('train', config, '--work-dir', out / 'logs', *common,
                   *['--resume'] * again)


def evaluate(parts, out, again):
    _, config, checkpoint, common = parts
    return command(
        'test', config, checkpoint, *common, '--work-dir', out / 'logs',
        '--out', out / 'result.json', '--save-predictions', out / 'masks')


def make_episodes(parts, out, again):
    """The class index is built, and then the manifest."""
    _, config, _, common = parts
    work = command('make-episodes', config, out / 'episodes.jsonl', *common,
                   '--episodes', 300)

    def run():
        os.environ['MMSEG_PANET_CACHE'] = str(out / 'cache')
        return work()
    return run


def cache_images(parts, out, again):
    images = sorted(Path(parts[3][1]).glob('JPEGImages/*.jpg'))
    infos = [dict(
        img_path=str(path), seg_map_path=str(
            path.parents[1] / f'SegmentationClass/{path.stem}.png'))
        for path in images]

    def run():
        cv2.setNumThreads(0)
        steps = [LoadImageFromFile(), Resize(scale=(64, 64))]
        load_image_cache(infos, steps, out / 'cache')
    return run


def segment(parts, out, again):
    folder, config, checkpoint, _ = parts
    return command(
        'segment', config, checkpoint, '--bank', folder / 'bank.safetensors',
        '--images', folder / 'toy/photos', '--out', out / 'out', '--overlay',
        '--csv', '--coco')


def fit(parts, out, again):
    folder, config, checkpoint, _ = parts
    return command(
        'fit', config, checkpoint, '--support', folder / 'toy/examples',
        '--out', out / 'bank.safetensors', '--check')


def make_toy_data(parts, out, again):
    return command('make-toy-data', out / 'toy', '--images', 30, '--size', 64)


def benchmark(parts, out, again):
    _, config, _, common = parts
    work = command(
        'benchmark', config, '--folds', 0, '--shots', 1, '--work-dir',
        out / 'logs', *common)

    def here(command, *args, **kwargs):
        done = subprocess.CompletedProcess(command, run_here(command))
        done.check_returncode()
        return done

    def run():
        subprocess.run = here
        return work()
    return run


def result(out):
    """All that the next start must give again, to the bit."""
    found = contents(out)
    logs = out / 'logs'
    last = [*logs.glob('**/iter_12.pth')]
    if last:
        found |= weights(last[0])
    if (logs / 'benchmark.csv').is_file():
        # The file of a checkpoint holds times, and so has another hash.
        with open(logs / 'benchmark.csv', newline='') as file:
            found['csv'] = [
                {key: value for key, value in row.items() if 'sha256' not in
                 key} for row in csv.DictReader(file)]
        scores = json.loads(next(logs.glob('**/result.json')).read_text())
        scores.pop('checkpoint_sha256')
        found['scores'] = scores
    return {name: value for name, value in found.items()
            if not name.startswith('cache/locks/')}


def check(work, parts, tmp_path, points):
    log, once = tmp_path / 'log', tmp_path / 'once'
    once.mkdir()
    seconds = finish(work(parts, once, False), log)
    expected = result(once)
    assert expected
    rng = random.Random(work.__name__)
    for point in range(points):
        out = tmp_path / f'{point}'
        out.mkdir()
        # The first run was slower than others if the machine was busy.
        while not kill(
                work(parts, out, False), log, rng.uniform(0, seconds)):
            seconds *= 0.9
            shutil.rmtree(out)
            out.mkdir()
        finish(work(parts, out, True), log)
        found = result(out)
        assert found.keys() == expected.keys()
        assert [key for key in found if found[key] != expected[key]] == []
        shutil.rmtree(out)
        print(f'{work.__name__}: {point + 1} of {points} kills survived')


@pytest.mark.parametrize('work', [fit, segment, make_episodes])
def test_what_was_killed_once_is_finished_by_the_next_start(
        work, parts, tmp_path):
    check(work, parts, tmp_path, 1)


@pytest.mark.slow
@pytest.mark.parametrize('work', [
    train, evaluate, make_episodes, cache_images, segment, fit, make_toy_data,
    benchmark])
def test_what_was_killed_at_a_random_moment_is_finished_by_the_next_start(
        work, parts, tmp_path):
    check(work, parts, tmp_path, POINTS)
