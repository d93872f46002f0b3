"""How the commands end: with one line and an exit code, not a traceback."""
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from ..errors import InputError
from ..runs.subcommand import is_part_of_another

_contexts = 0
"""How many contexts of :func:`exit_on_interrupt` this process is in."""


@contextmanager
def orderly_exit(again: str) -> Iterator[None]:
    """Do all that the commands have in common when they end.

    The exit code is 2 for bad input, 130 after Ctrl-C, and that of a
    subcommand that this one started and that failed.

    Args:
        again (str): How an interrupted run is continued.
    """
    with exit_on_interrupt(again), exit_on_input_error():
        try:
            yield
        except subprocess.CalledProcessError as error:
            # A shell says 128 + n if signal n ended a process.
            code = (error.returncode if error.returncode > 0
                    else 128 - error.returncode)
            name = f'mmseg-panet {error.cmd[3]}'
            print(f'error: {name} failed with exit code {code}; {again}',
                  file=sys.stderr)
            sys.exit(code)


@contextmanager
def exit_on_input_error() -> Iterator[None]:
    """Print bad input as one line and exit with 2, without a traceback."""
    try:
        yield
    except (InputError, OSError) as error:
        # A loader's worker wraps the message in its traceback.
        sentence = str(error).strip().splitlines()[-1]
        sentence = sentence.removeprefix(
            f'{InputError.__module__}.{InputError.__name__}: ')
        print(f'error: {sentence}', file=sys.stderr)
        sys.exit(2)


@contextmanager
def exit_on_interrupt(again: str) -> Iterator[None]:
    """Print one line on Ctrl-C and exit with 130, without a traceback.

    A terminal interrupts all processes of a command. Those that were forked
    inside of the context, such as the workers of data loaders, end silently.

    Args:
        again (str): How the run is continued.
    """
    global _contexts
    before = signal.signal(signal.SIGINT, _interrupt)
    _contexts += 1
    try:
        yield
    except KeyboardInterrupt:
        # A second Ctrl-C has nothing left to stop.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for child in multiprocessing.active_children():
            child.kill()
            child.join()
        if not is_part_of_another():
            print(f'stopped; {again}', file=sys.stderr)
        sys.exit(130)
    else:
        signal.signal(signal.SIGINT, before)
    finally:
        _contexts -= 1


def _interrupt(*_: object) -> NoReturn:
    if hasattr(signal, 'SIGCHLD'):
        # torch has a handler there, which raises when a worker was killed.
        signal.signal(signal.SIGCHLD, lambda *_: None)
    raise KeyboardInterrupt


def _end_silently_when_interrupted() -> None:
    if _contexts:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=_end_silently_when_interrupted)
