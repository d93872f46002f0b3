"""Commands end with one line, whatever stops them."""
import multiprocessing
import os
import signal
import subprocess
import time

import pytest
import torch
from tool_runs import command_of, small_config

from mmseg_panet.cli.exit import exit_on_interrupt, orderly_exit
from mmseg_panet.errors import InputError


def interrupt(command, is_at_work, cwd):
    """Press Ctrl-C when a command is at work; gives its end."""
    with open(cwd / 'out', 'w+') as out, open(cwd / 'err', 'w+') as err:
        # In a session of its own: Ctrl-C reaches all of its processes.
        process = subprocess.Popen(
            command, cwd=cwd, stdout=out, stderr=err, start_new_session=True,
            env=os.environ | {'OMP_NUM_THREADS': '1'})
        while not is_at_work(cwd / 'out'):
            assert process.poll() is None, (cwd / 'err').read_text()
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        start = time.monotonic()
        code = process.wait(60)
    return code, (cwd / 'err').read_text(), time.monotonic() - start



def test_ctrl_c_ends_a_training_in_one_line_and_resume_continues_it(
        toy_root, tmp_path):
    """With workers at work, and with a benchmark around the training."""
    config = small_config(tmp_path, max_iters=10000, interval=10)
    flags = ['--data-root', str(toy_root), '--cfg-options',
             'train_dataloader.num_workers=2',
             'default_hooks.logger.interval=10']
    train = command_of('train', [
        config, '--work-dir', 'run', *flags])

    def has_checkpoint(_):
        note = next(tmp_path.rglob('last_checkpoint'), None)
        return note is not None and note.read_text()

    code, err, seconds = interrupt(train, has_checkpoint, tmp_path)
    assert code == 130
    assert 'Traceback' not in err
    assert err.splitlines()[-1] == (
        'stopped; the same command with --resume continues from the last '
        'checkpoint')
    assert seconds < 5
    last = (tmp_path / 'run/last_checkpoint').read_text()
    step = torch.load(last, weights_only=False)['meta']['iter']
    assert 10 <= step < 10000

    def has_resumed(out):
        return f'resumed epoch: 0, iter: {step}' in out.read_text()

    code, err, _ = interrupt([*train, '--resume'], has_resumed, tmp_path)
    assert code == 130
    assert 'Traceback' not in err


def test_ctrl_c_in_a_benchmark_is_one_line_of_the_benchmark(
        toy_root, tmp_path):
    config = small_config(tmp_path, max_iters=10000, interval=10)

    def is_training(out):
        return 'Iter(train)' in out.read_text()

    code, err, _ = interrupt(
        command_of('benchmark', [
            config, '--folds', '0', '--shots', '1', '--data-root', toy_root,
            '--cfg-options', 'train_dataloader.num_workers=1',
            'default_hooks.logger.interval=1']), is_training, tmp_path)
    assert code == 130
    assert 'Traceback' not in err
    stopped = [line for line in err.splitlines() if 'stopped' in line]
    assert stopped == [
        'stopped; what is finished stays, and the same command continues from '
        'there']


@pytest.fixture
def _signals():
    """Give signals back the handlers that they have."""
    numbers = (signal.SIGINT, signal.SIGCHLD)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def sleep(seconds, ready):
    ready.put(signal.getsignal(signal.SIGINT))
    time.sleep(seconds)


@pytest.mark.usefixtures('_signals')
def test_processes_forked_meanwhile_leave_ctrl_c_to_their_parent(capsys):
    context = multiprocessing.get_context('fork')
    ready = context.Queue()
    with pytest.raises(SystemExit) as caught, exit_on_interrupt('go on'):
        child = context.Process(target=sleep, args=(60, ready))
        child.start()
        assert ready.get() == signal.SIG_IGN
        raise KeyboardInterrupt
    assert caught.value.code == 130
    assert capsys.readouterr().err == 'stopped; go on\n'
    assert child.exitcode == -signal.SIGKILL
    # Outside, a process is what it always was.
    other = context.Process(target=sleep, args=(0, ready))
    other.start()
    assert ready.get() != signal.SIG_IGN
    other.join()


def test_bad_input_is_one_line_and_2(capsys):
    with pytest.raises(SystemExit) as caught, orderly_exit('go on'):
        raise InputError('expected 1, got 2; give 1')
    assert caught.value.code == 2
    assert capsys.readouterr().err == 'error: expected 1, got 2; give 1\n'


@pytest.mark.parametrize(('returncode', 'code'), [(3, 3), (-9, 137)])
def test_a_subcommand_that_fails_is_one_line_with_its_code(
        capsys, returncode, code):
    command = ['python', '-m', 'mmseg_panet', 'train', 'config.py']
    with pytest.raises(SystemExit) as caught, orderly_exit('go on'):
        raise subprocess.CalledProcessError(returncode, command)
    assert caught.value.code == code
    assert capsys.readouterr().err == (
        f'error: mmseg-panet train failed with exit code {code}; go on\n')
