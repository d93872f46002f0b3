"""The exit of a command: one line and an exit code, no traceback."""
import errno
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from ..errors import (
    NO_MEMORY,
    InputError,
    RunError,
    WriteError,
    is_lost_process,
    is_out_of_memory,
)
from ..runs.subcommand import is_nested
from ..wording import printable
from ..write_errors import write_context

_OF_MACHINE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOENT)
"""Errors of writing that another path would not prevent."""
_LONGEST = 300
"""Most characters of an error of torch, which may end in C++ frames."""
_contexts = 0
"""Number of active contexts of :func:`exit_on_interrupt`."""


@contextmanager
def orderly_exit(resume_hint: str) -> Iterator[None]:
    """Exit with one line if the block fails or is interrupted.

    The exit code is 2 for bad input, 1 for a failure of the run or of the
    machine, such as a diverged training, a lost process or a full disk, and
    130 after Ctrl-C. If a subcommand that the block started fails, its exit
    code is used.

    Args:
        resume_hint (str): Clause that says how to continue the run.
    """
    with exit_on_interrupt(resume_hint), exit_on_input_error():
        try:
            yield
        except RuntimeError as error:
            if is_lost_process(error):
                error = RunError(
                    'expected all processes of the launcher to continue, got '
                    'one that ended or cannot be reached '
                    f'({_one_line(error)[:_LONGEST]}); see its own message, '
                    f'and {resume_hint}')
            if not isinstance(error, RunError):
                raise
            print(f'error: {_one_line(error)}', file=sys.stderr)
            sys.exit(1)
        except subprocess.CalledProcessError as error:
            # As in a shell, the code is 128 + n if signal n ended it.
            code = (error.returncode if error.returncode > 0
                    else 128 - error.returncode)
            name = f'mmseg-panet {error.cmd[3]}'
            print(f'error: {name} failed with exit code {code}; '
                  f'{resume_hint}', file=sys.stderr)
            sys.exit(code)


@contextmanager
def exit_on_input_error() -> Iterator[None]:
    """Print one line for bad input and exit with code 2.

    The code is 1 for a failure of the machine.
    """
    try:
        with write_context('a file of this command'):
            yield
    except (InputError, OSError) as error:
        print(f'error: {_one_line(error)}', file=sys.stderr)
        sys.exit(1 if isinstance(error, WriteError)
                 and error.errno in _OF_MACHINE else 2)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        print(f'error: {NO_MEMORY}', file=sys.stderr)
        sys.exit(1)


def _one_line(error: Exception) -> str:
    """Return the message of an error in one line."""
    text = str(error).strip()
    if re.match(r'Caught \w+ in .*\nOriginal Traceback', text):
        # A worker of a data loader puts its traceback before the message.
        kind = f'{InputError.__module__}.{InputError.__name__}: '
        _, is_ours, message = text.rpartition(f'\n{kind}')
        text = message if is_ours else text.splitlines()[-1]
    lines = (printable(line.strip()) for line in text.splitlines())
    return ' '.join(lines) or repr(error)


@contextmanager
def exit_on_interrupt(resume_hint: str) -> Iterator[None]:
    """Print one line on Ctrl-C and exit with code 130.

    A terminal interrupts all processes of a command. Processes that were
    forked inside the context, such as the workers of data loaders, end
    silently.

    Args:
        resume_hint (str): Clause that says how to continue the run.
    """
    global _contexts
    if threading.current_thread() is not threading.main_thread():
        yield  # Ctrl-C interrupts the main thread alone.
        return
    before = signal.signal(signal.SIGINT, _interrupt)
    _contexts += 1
    try:
        yield
    except KeyboardInterrupt:
        # A second Ctrl-C must not interrupt the exit.
        before = signal.SIG_IGN
        signal.signal(signal.SIGINT, before)
        for child in multiprocessing.active_children():
            child.kill()
            child.join()
        if not is_nested():
            print(f'stopped; {resume_hint}', file=sys.stderr)
        sys.exit(130)
    finally:
        signal.signal(signal.SIGINT, before)
        _contexts -= 1


def _interrupt(*_: object) -> NoReturn:
    if hasattr(signal, 'SIGCHLD'):
        # torch's handler raises an error for each worker that was killed.
        signal.signal(signal.SIGCHLD, lambda *_: None)
    raise KeyboardInterrupt


def _end_silently_when_interrupted() -> None:
    if _contexts:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=_end_silently_when_interrupted)
