"""Several processes: what they write equals what one process writes."""
import json
import os
import re
import signal
import subprocess
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
import torch
from mmengine.dist import all_gather_object, get_dist_info
from process_runs import free_port, in_environments
from tool_runs import (
    command_of,
    launch,
    process_env,
    small_config,
    tool,
    tool_process,
)

from mmseg_panet.cli.launcher import check_launcher, join_on_cpu
from mmseg_panet.errors import InputError

RECORDER = """
import os
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmseg.registry import HOOKS


@HOOKS.register_module()
class Recorder(Hook):

    def before_train(self, runner):
        with open(f'{runner.work_dir}/pid{get_rank()}.txt', 'w') as file:
            file.write(str(os.getpid()))

    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None):
        with open(f'{runner.work_dir}/episodes{get_rank()}.txt', 'a') as file:
            print(batch_idx, *dict.fromkeys(
                one.episode for one in data_batch['data_samples']), file=file)
"""
RECORDED = """
_base_ = 'small.py'
custom_imports = dict(imports=['mmseg_panet', 'recorder'])
custom_hooks = [dict(type='Recorder')]
train_dataloader = dict(batch_size={batch_size})
# With statistics of the batch, or Adam's sign of tiny gradients, the weights
# would differ.
model = dict(backbone=dict(norm_eval=True))
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='SGD', lr=0.01, momentum=0.9))
"""


@pytest.mark.parametrize(('launcher', 'variable', 'command'), [
    ('pytorch', 'RANK', 'torchrun'), ('slurm', 'SLURM_PROCID', 'srun'),
    ('mpi', 'OMPI_COMM_WORLD_RANK', 'mpirun')])
def test_a_launcher_that_did_not_start_the_command_is_refused(
        monkeypatch, launcher, variable, command):
    monkeypatch.delenv(variable, raising=False)
    with pytest.raises(InputError) as error:
        check_launcher(launcher, on_gpu=False)
    assert str(error.value) == (
        f'expected the environment variable {variable} with --launcher '
        f'{launcher}, got none; start the command with {command}, or remove '
        '--launcher')


def test_the_command_says_so(toy_root, tmp_path):
    done = tool('train', small_config(tmp_path), '--data-root', toy_root,
                '--launcher', 'slurm', code=2)
    assert done.stderr.splitlines()[-1].startswith(
        'error: expected the environment variable SLURM_PROCID with ')


def test_there_is_a_gpu_for_each_process(monkeypatch):
    for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR'):
        monkeypatch.setenv(name, '1')
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    check_launcher('pytorch', on_gpu=True)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 1)
    with pytest.raises(InputError, match='got 1 GPU and 2 or more processes'):
        check_launcher('pytorch', on_gpu=True)
    check_launcher('pytorch', on_gpu=False)


@pytest.mark.parametrize(('variable', 'value'), [
    ('LOCAL_RANK', ''), ('LOCAL_RANK', '1.5'), ('RANK', 'one'),
    ('WORLD_SIZE', '-2'), ('MASTER_PORT', 'http')])
def test_a_variable_of_the_launcher_that_is_no_number_is_refused(
        monkeypatch, variable, value):
    for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR'):
        monkeypatch.setenv(name, '1')
    monkeypatch.setenv(variable, value)
    with pytest.raises(InputError) as error:
        check_launcher('pytorch', on_gpu=False)
    assert str(error.value) == (
        f'expected a number in the environment variable {variable}, which '
        f'the launcher sets, got {value!r}; correct it, or remove --launcher')


def test_the_default_timeout_is_that_of_torch(monkeypatch):
    calls = []
    monkeypatch.setattr(
        torch.distributed, 'init_process_group',
        lambda *args, **kwargs: calls.append((args, kwargs)))
    for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR'):
        monkeypatch.setenv(name, '1')
    join_on_cpu('pytorch')
    join_on_cpu('pytorch', 60)
    assert calls == [
        (('gloo',), {}), (('gloo',), dict(timeout=timedelta(seconds=60)))]


def fake_scontrol(folder):
    """Write a scontrol that lists this machine first."""
    script = folder / 'scontrol'
    script.write_text('#!/bin/sh\n[ "$*" = "show hostname node[1-2]" ] '
                      '&& echo 127.0.0.1 && echo node2\n')
    script.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def join(launcher):
    check_launcher(launcher, on_gpu=False)
    join_on_cpu(launcher, 60)
    return all_gather_object((*get_dist_info(), os.environ['LOCAL_RANK']))


@pytest.mark.parametrize(('launcher', 'names', 'more'), [
    ('slurm', ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'),
     dict(SLURM_NODELIST='node[1-2]')),
    ('mpi', ('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE',
             'OMPI_COMM_WORLD_LOCAL_RANK'), dict(MASTER_ADDR='127.0.0.1'))])
def test_processes_of_srun_and_mpirun_join_on_cpus(
        tmp_path, launcher, names, more):
    common = more | dict(
        MASTER_PORT=str(free_port()), PATH=fake_scontrol(tmp_path))
    found = in_environments([
        common | dict(zip(names, (str(rank), '2', '0'), strict=True))
        for rank in (0, 1)], join, launcher)
    assert found == [[(0, 2, '0'), (1, 2, '0')]] * 2


def write_recorded(folder, batch_size):
    small_config(folder, max_iters=3, interval=3)
    (folder / 'recorder.py').write_text(RECORDER)
    config = folder / f'batches_of_{batch_size}.py'
    config.write_text(RECORDED.format(batch_size=batch_size))
    return config


def train_recorded(folder, toy_root, batch_size, launcher=(), *flags):
    """Train 3 iterations; return the weights, and the episodes of each."""
    config = write_recorded(folder, batch_size)
    run = folder / f'run_{batch_size}'
    tool_process(
        'train', config, '--work-dir', run, '--data-root', toy_root,
        *(['--launcher', 'pytorch'] * bool(launcher)), *flags,
        launcher=launcher, cwd=folder)
    return weights_of(run), episodes_of(run)


def weights_of(run):
    state = torch.load(run / 'iter_3.pth', weights_only=False)['state_dict']
    # mmengine's DDPStrategy saves the weights of its wrapper.
    return {name.removeprefix('module.'): value
            for name, value in state.items()}


def episodes_of(run):
    """Read the episodes of each iteration, of all processes."""
    found = {}
    for path in sorted(run.glob('episodes*.txt')):
        for line in path.read_text().splitlines():
            iteration, *episodes = map(int, line.split())
            found.setdefault(iteration, []).extend(episodes)
    return found


@pytest.fixture(scope='module')
def one_process(tmp_path_factory, toy_root):
    """Train one process with 12 episodes in a batch."""
    return train_recorded(
        tmp_path_factory.mktemp('one'), toy_root, batch_size=12)


def assert_same_training(found, expected):
    weights, episodes = found
    assert {i: sorted(batch) for i, batch in episodes.items()} == {
        i: list(range(12 * i, 12 * i + 12)) for i in range(3)}
    assert expected[1] == {i: sorted(b) for i, b in episodes.items()}
    for name, value in expected[0].items():
        torch.testing.assert_close(
            weights[name], value, rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.slow
@pytest.mark.parametrize('number', [2, 3, 4])
def test_several_processes_train_on_the_batch_of_one(
        one_process, tmp_path, toy_root, number):
    assert_same_training(
        train_recorded(
            tmp_path, toy_root, 12 // number, launch(number)), one_process)


def start(folder, name, *arguments, launcher=(), env=()):
    """Start a command in the background, with its output in a file."""
    python, *command = command_of(name, arguments)
    with (folder / f'log{len(list(folder.glob("log*")))}').open('w') as log:
        return subprocess.Popen(
            [python, *launcher, *command], stdout=log,
            stderr=subprocess.STDOUT, cwd=folder,
            env=process_env(['several']) | dict(env))


def wait_for_all(folder, processes):
    codes = [process.wait(timeout=300) for process in processes]
    assert not any(codes), '\n'.join(
        log.read_text()[-3000:] for log in folder.glob('log*'))


@pytest.mark.slow
def test_two_nodes_train_on_the_batch_of_one(one_process, tmp_path, toy_root):
    """Two launchers on this machine, each with two processes."""
    config, port = write_recorded(tmp_path, 3), free_port()
    nodes = [
        start(tmp_path, 'train', config, '--work-dir', tmp_path / 'run',
              '--data-root', toy_root, '--launcher', 'pytorch',
              launcher=launch(
                  2, '--nnodes=2', f'--node-rank={rank}',
                  '--master-addr=127.0.0.1', f'--master-port={port}'))
        for rank in (0, 1)]
    wait_for_all(tmp_path, nodes)
    assert_same_training(
        (weights_of(tmp_path / 'run'), episodes_of(tmp_path / 'run')),
        one_process)


@pytest.mark.slow
def test_srun_trains_on_the_batch_of_one(one_process, tmp_path, toy_root):
    config = write_recorded(tmp_path, 6)
    env = dict(
        MASTER_PORT=str(free_port()), PATH=fake_scontrol(tmp_path),
        SLURM_NTASKS='2', SLURM_NODELIST='node[1-2]')
    tasks = [
        start(tmp_path, 'train', config, '--work-dir', tmp_path / 'run',
              '--data-root', toy_root, '--launcher', 'slurm',
              env=dict(env, SLURM_PROCID=str(rank), SLURM_LOCALID=str(rank)))
        for rank in (0, 1)]
    wait_for_all(tmp_path, tasks)
    assert_same_training(
        (weights_of(tmp_path / 'run'), episodes_of(tmp_path / 'run')),
        one_process)


def files(folder):
    return {path.relative_to(folder): path.read_bytes()
            for path in folder.rglob('*') if path.is_file()}


@pytest.mark.slow
def test_1_to_4_processes_write_equal_caches_results_and_predictions(
        tmp_path, toy_root):
    """7 episodes and their images cannot be shared evenly."""
    config, found = small_config(tmp_path), []
    for number in (1, 2, 3, 4):
        folder = tmp_path / str(number)
        tool_process(
            'test', config, 'none', '--data-root', toy_root, '--episodes', 7,
            '--work-dir', folder / 'run', '--out', folder / 'out/result.json',
            '--save-predictions', folder / 'out/predictions',
            '--launcher', 'pytorch', '--cfg-options',
            f'test_dataloader.dataset.cache_dir={folder}/cache',
            'test_dataloader.dataset.cache_images=True',
            launcher=launch(number))
        found.append((files(folder / 'out'), files(folder / 'cache')))
    assert all(one == found[0] for one in found[1:])
    written, cached = found[0]
    assert Counter(path.suffix for path in written) == {
        '.png': 7, '.json': 1, '.npz': 1, '.txt': 1, '.csv': 1}
    assert cached
    assert 0 < json.loads(written[Path('result.json')])['mIoU'] < 100


def train_by_strategy(folder, toy_root, strategy, number):
    """Train with 12 episodes in a batch; return the folder of the run."""
    config = write_recorded(folder, 12 // number)
    config.write_text(config.read_text() + (
        "runner_type = 'FlexibleRunner'\n"
        f"strategy = dict(type='{strategy}')\n"
        'model.update(channels_last=False)\n'))
    run = folder / strategy
    tool_process(
        'train', config, '--work-dir', run, '--data-root', toy_root,
        *['--launcher', 'pytorch'] * (number > 1), cwd=folder,
        launcher=launch(number) if number > 1 else ())
    return run


@pytest.mark.slow
def test_a_ddp_strategy_trains_as_one_process_does(tmp_path, toy_root):
    """A FlexibleRunner starts from other random weights than a Runner."""
    one = train_by_strategy(tmp_path, toy_root, 'SingleDeviceStrategy', 1)
    two = train_by_strategy(tmp_path, toy_root, 'DDPStrategy', 2)
    assert_same_training(*(
        (weights_of(run), episodes_of(run)) for run in (two, one)))
    tool('test', tmp_path / 'small.py', two / 'iter_3.pth', '--data-root',
         toy_root, '--work-dir', tmp_path / 'test')


@pytest.mark.slow
def test_an_fsdp_strategy_trains_on_the_batch_of_one(tmp_path, toy_root):
    """On CPUs, torch saves the shards, but not complete weights."""
    run = train_by_strategy(tmp_path, toy_root, 'FSDPStrategy', 2)
    assert {i: sorted(batch) for i, batch in episodes_of(run).items()} == {
        i: list(range(12 * i, 12 * i + 12)) for i in range(3)}
    assert sorted(path.name for path in (run / 'iter_3.pth').iterdir()) == [
        'rank0.pth', 'rank1.pth']


@pytest.mark.slow
@pytest.mark.parametrize('victim', [0, 1])
def test_all_processes_end_with_a_sentence_if_one_is_killed(
        tmp_path, toy_root, victim):
    config = write_recorded(tmp_path, 1)
    run = start(
        tmp_path, 'train', config, '--work-dir', tmp_path / 'run',
        '--data-root', toy_root, '--launcher', 'pytorch', '--cfg-options',
        'train_cfg.max_iters=100000', launcher=launch(2))
    note = tmp_path / f'run/episodes{victim}.txt'
    while not (note.is_file() and note.read_text()):
        assert run.poll() is None, (tmp_path / 'log0').read_text()
        time.sleep(0.05)
    pid = int((tmp_path / f'run/pid{victim}.txt').read_text())
    os.kill(pid, signal.SIGKILL)
    assert run.wait(timeout=120) == 1
    err = (tmp_path / 'log0').read_text()
    assert f'(SIGKILL) received by PID {pid}' in err
    said = re.findall('^error: (.*)', err, re.MULTILINE)
    assert all(one.startswith(
        'expected all processes of the launcher to continue, got one that '
        'ended') for one in said)
    assert not re.search(r'^\[rank\d\]: Traceback', err, re.MULTILINE)
