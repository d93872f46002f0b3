"""Subcommands of `mmseg-panet`, each run in a process of its own."""
import os
import subprocess
import sys

_PART_OF_ANOTHER = 'MMSEG_PANET_PART_OF_ANOTHER'
"""Environment variable of the processes that are started here."""


def run_subcommand(*words: object) -> None:
    """Run a subcommand in a process of its own and wait for it.

    Args:
        *words (object): Its name and its arguments, as a user types them.

    Raises:
        subprocess.CalledProcessError: If it fails.
    """
    subprocess.run(
        [sys.executable, '-m', 'mmseg_panet', *map(str, words)], check=True,
        env=os.environ | {_PART_OF_ANOTHER: '1'})


def is_part_of_another() -> bool:
    """Whether another subcommand runs this one, and tells what to do next."""
    return _PART_OF_ANOTHER in os.environ
