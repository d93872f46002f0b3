"""The exit of commands: one line, whatever stops them."""
import errno
import multiprocessing
import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from tool_runs import command_of, small_config

from mmseg_panet.cli.exit import exit_on_interrupt, orderly_exit
from mmseg_panet.errors import InputError, RunError, WriteError
from mmseg_panet.files import is_alive
from mmseg_panet.runs import subcommand
from mmseg_panet.runs.subcommand import run_subcommand


def test_ctrl_c_ends_a_training_in_one_line_that_says_how_to_resume(
        toy_root, tmp_path):
    """The interrupt comes while workers load the next episodes."""
    config = small_config(tmp_path, max_iters=10000, interval=10)
    note = tmp_path / 'run/last_checkpoint'

    err = tmp_path / 'err'
    with err.open('w') as file:
        # In a separate session, Ctrl-C reaches all processes of the command.
        process = subprocess.Popen(
            command_of('train', [
                config, '--work-dir', 'run', '--data-root', toy_root,
                '--cfg-options', 'train_dataloader.num_workers=2']),
            cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=file,
            start_new_session=True, env=os.environ | {'OMP_NUM_THREADS': '1'})
    while not (note.is_file() and note.read_text()):
        assert process.poll() is None, err.read_text()
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    start = time.monotonic()
    while 'stopped' not in err.read_text():
        # torch would wait five seconds for each worker.
        assert time.monotonic() < start + 5
        time.sleep(0.02)
    assert process.wait(60) == 130
    assert 'Traceback' not in err.read_text()
    assert err.read_text().splitlines()[-1] == (
        'stopped; run the same command with --resume to continue from the '
        'last checkpoint, or from the start if there is none yet')
    step = torch.load(tmp_path / note.read_text(), weights_only=False)[
        'meta']['iter']
    assert 10 <= step < 10000


@pytest.fixture
def _signals():
    """Restore the signal handlers after a test."""
    numbers = (signal.SIGINT, signal.SIGCHLD)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def say_handler_and_sleep(sender, seconds):
    sender.send(signal.getsignal(signal.SIGINT))
    time.sleep(seconds)


@pytest.mark.usefixtures('_signals')
def test_forked_processes_end_silently_on_ctrl_c(capfd):
    context = multiprocessing.get_context('fork')

    def start(seconds):
        # A queue would have a lock, which a killed child might not release.
        receiver, sender = context.Pipe(duplex=False)
        child = context.Process(
            target=say_handler_and_sleep, args=(sender, seconds))
        child.start()
        return child, receiver.recv()

    with pytest.raises(SystemExit) as caught, exit_on_interrupt('go on'):
        interrupted, handler = start(60)
        assert handler == signal.SIG_DFL
        os.kill(interrupted.pid, signal.SIGINT)
        interrupted.join()
        missed, _ = start(60)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
    assert caught.value.code == 130
    assert capfd.readouterr() == ('', 'stopped; go on\n')
    assert interrupted.exitcode == -signal.SIGINT
    assert missed.exitcode == -signal.SIGKILL


@pytest.mark.usefixtures('_signals')
def test_processes_forked_outside_keep_their_handler():
    before = signal.getsignal(signal.SIGINT)
    with exit_on_interrupt('go on'):
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before
    context = multiprocessing.get_context('fork')
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=say_handler_and_sleep, args=(sender, 0))
    child.start()
    assert receiver.recv() == before
    child.join()


def test_bad_input_gives_one_line_and_the_exit_code_2(capsys):
    with pytest.raises(SystemExit) as caught, orderly_exit('go on'):
        raise InputError('expected 1, got 2; give 1')
    assert caught.value.code == 2
    assert capsys.readouterr().err == 'error: expected 1, got 2; give 1\n'


def test_a_failed_run_gives_one_line_and_the_exit_code_1(capsys):
    with pytest.raises(SystemExit) as caught, orderly_exit('go on'):
        raise RunError('expected 1, got nan; start again')
    assert caught.value.code == 1
    assert capsys.readouterr().err == (
        'error: expected 1, got nan; start again\n')


class DistBackendError(RuntimeError):
    """The error of NCCL in torch.distributed has this name."""


@pytest.mark.parametrize(('error', 'reason'), [
    (RuntimeError(
        '[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:538] '
        'Read error [127.0.0.1]:54985: Connection reset by peer'),
     '[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:538] '
     'Read error [127.0.0.1]:54985: Connection reset by peer'),
    (DistBackendError('NCCL ' + 'x' * 400), 'NCCL ' + 'x' * 295),
    (DistBackendError('NCCL communicator was\naborted on rank 1.'),
     'NCCL communicator was aborted on rank 1.')])
def test_a_lost_process_gives_one_line_and_the_exit_code_1(
        capsys, error, reason):
    with pytest.raises(SystemExit) as caught, orderly_exit('go on'):
        raise error
    assert caught.value.code == 1
    assert capsys.readouterr().err == (
        'error: expected all processes of the launcher to continue, got one '
        f'that ended or cannot be reached ({reason}); see its own message, '
        'and go on\n')


def test_another_error_of_the_program_keeps_its_traceback():
    with pytest.raises(RuntimeError, match='a bug'), orderly_exit('go on'):
        raise RuntimeError('a bug')


@pytest.mark.parametrize(('error', 'line'), [
    (InputError('expected a,\n  got b;  give c'),
     'expected a, got b;  give c'),
    (TimeoutError(), 'TimeoutError()'),
    (InputError('Caught InputError in 1.\nOriginal Traceback (most):\n'
                '  File 1\nmmseg_panet.errors.InputError: a\nb'), 'a b'),
    (OSError('Caught OSError in 1.\nOriginal Traceback (most):\n  File 1\n'
             'OSError: full'), 'OSError: full')], ids=str)
def test_an_error_is_one_line_and_complete(capsys, error, line):
    with pytest.raises(SystemExit), orderly_exit('go on'):
        raise error
    assert capsys.readouterr().err == f'error: {line}\n'


@pytest.mark.parametrize(('error', 'code', 'words'), [
    (OSError(errno.ENOSPC, 'No space left on device'), 1,
     'the disk is full; free some space'),
    (WriteError('a was removed', errno.ENOENT), 1, 'a was removed'),
    (WriteError('a is read-only', errno.EROFS), 2, 'a is read-only'),
    (FileNotFoundError(errno.ENOENT, 'No such file', 'a'), 2, 'No such file'),
    (MemoryError(), 1, 'too little memory; take a smaller batch'),
    (torch.cuda.OutOfMemoryError('CUDA out of memory.'), 1,
     'too little memory; take a smaller batch')], ids=str)
def test_a_failure_of_the_machine_has_the_exit_code_1(
        capsys, error, code, words):
    with pytest.raises(SystemExit) as caught, orderly_exit('go on'):
        raise error
    assert caught.value.code == code
    err = capsys.readouterr().err
    assert err.startswith('error: ') and err.count('\n') == 1
    assert words in err


def test_another_error_is_not_hidden():
    with pytest.raises(RuntimeError, match='a bug'), orderly_exit('go on'):
        raise RuntimeError('a bug')


def write_package(lines):
    """Write a package whose main program is that of subcommands and lines."""
    Path('mmseg_panet').mkdir()
    Path('mmseg_panet/__init__.py').touch()
    source = Path(subcommand.__file__).read_text(encoding='utf-8')
    Path('mmseg_panet/__main__.py').write_text(f'{source}\n{lines}')


def test_a_subcommand_ends_when_its_parent_is_killed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_package(
        'import pathlib, time\n'
        'end_with_parent()\n'
        'pathlib.Path("part").write_text(str(os.getpid()))\n'
        'pathlib.Path("part").rename("pid")\n'
        'time.sleep(600)\n')
    parent = os.fork()
    if not parent:
        run_subcommand('train')
        os._exit(1)
    while not Path('pid').exists():
        time.sleep(0.01)
    child = int(Path('pid').read_text())
    assert is_alive(child)
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    start = time.monotonic()
    while state(child) not in ('', 'Z'):
        assert time.monotonic() < start + 20
        time.sleep(0.01)


def test_a_command_that_a_nested_subcommand_starts_is_not_nested(
        tmp_path, monkeypatch):
    """It would end at once, as it has another input."""
    monkeypatch.chdir(tmp_path)
    write_package(
        'import pathlib, time\n'
        'nested = is_nested()\n'
        'end_with_parent()\n'
        'assert is_nested() == nested\n'
        'if nested:\n'
        '    subprocess.run([sys.executable, "-m", "mmseg_panet"],\n'
        '                   check=True, stdin=subprocess.DEVNULL)\n'
        'else:\n'
        '    time.sleep(0.3)\n'
        '    pathlib.Path("done").touch()\n')
    run_subcommand('train')
    assert Path('done').exists()


def state(pid):
    """The state of a process, Z if it ended and nobody has asked for it."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2][1]
    except OSError:
        return ''


@pytest.mark.parametrize('end', [SystemExit, ValueError, None])
def test_ctrl_c_is_handled_as_before_after_the_context(end):
    before = signal.getsignal(signal.SIGINT)
    with suppress(BaseException), exit_on_interrupt('go on'):
        assert signal.getsignal(signal.SIGINT) is not before
        if end is not None:
            raise end
    assert signal.getsignal(signal.SIGINT) is before


def test_another_thread_leaves_ctrl_c_to_the_main_one():
    before, found = signal.getsignal(signal.SIGINT), []

    def run():
        with exit_on_interrupt('go on'):
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [before]


@pytest.mark.parametrize(('returncode', 'code'), [(3, 3), (-9, 137)])
def test_a_failed_subcommand_gives_one_line_and_its_code(
        capsys, returncode, code):
    command = ['python', '-m', 'mmseg_panet', 'train', 'config.py']
    with pytest.raises(SystemExit) as caught, orderly_exit('go on'):
        raise subprocess.CalledProcessError(returncode, command)
    assert caught.value.code == code
    assert capsys.readouterr().err == (
        f'error: mmseg-panet train failed with exit code {code}; go on\n')


@pytest.mark.usefixtures('_signals')
def test_a_nested_subcommand_prints_nothing_when_it_is_interrupted(
        capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path('mmseg_panet').mkdir()
    Path('mmseg_panet/__init__.py').touch()
    Path('mmseg_panet/__main__.py').write_text(
        'import os, pathlib\n'
        'pathlib.Path("names").write_text(" ".join(os.environ))\n')
    run_subcommand('train')
    name, = {name for name in Path('names').read_text().split()
             if name.startswith('MMSEG_PANET_')} - set(os.environ)
    monkeypatch.setenv(name, '1')
    with pytest.raises(SystemExit) as caught, exit_on_interrupt('go on'):
        raise KeyboardInterrupt
    assert caught.value.code == 130
    assert capsys.readouterr().err == ''
