"""A subcommand of `mmseg-panet` that runs in a separate process."""
import os
import subprocess
import sys
import threading

_NESTED = 'MMSEG_PANET_NESTED'
"""Environment variable that is set in processes of :func:`run_subcommand`."""
_ends_with_parent = False


def run_subcommand(*words: object) -> None:
    """Run a subcommand in a separate process and wait until it ends.

    It ends if this process is killed, see :func:`end_with_parent`.

    Args:
        *words (object): Name and arguments of the subcommand, as a user would
            type them.

    Raises:
        subprocess.CalledProcessError: If the subcommand fails.
    """
    # The system closes the writing end when this process is gone.
    reading, writing = os.pipe()
    try:
        subprocess.run(
            [sys.executable, '-m', 'mmseg_panet', *map(str, words)],
            check=True, env=os.environ | {_NESTED: '1'}, stdin=reading)
    finally:
        os.close(reading)
        os.close(writing)


def end_with_parent() -> None:
    """End this process as soon as the one that started it is gone.

    Only processes of :func:`run_subcommand` do, which have a pipe as input.
    """
    global _ends_with_parent
    # Commands that this one starts have another input.
    if os.environ.pop(_NESTED, None):
        _ends_with_parent = True
        threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    while os.read(0, 1):
        pass
    os._exit(143)


def is_nested() -> bool:
    """Return whether another subcommand started this one."""
    return _ends_with_parent or _NESTED in os.environ
