"""A subcommand of `mmseg-panet` that runs in a separate process."""
import os
import subprocess
import sys

_NESTED = 'MMSEG_PANET_NESTED'
"""Environment variable that is set in processes of :func:`run_subcommand`."""


def run_subcommand(*words: object) -> None:
    """Run a subcommand in a separate process and wait until it ends.

    Args:
        *words (object): Name and arguments of the subcommand, as a user would
            type them.

    Raises:
        subprocess.CalledProcessError: If the subcommand fails.
    """
    subprocess.run(
        [sys.executable, '-m', 'mmseg_panet', *map(str, words)], check=True,
        env=os.environ | {_NESTED: '1'})


def is_nested() -> bool:
    """Return whether another subcommand started this one."""
    return _NESTED in os.environ
