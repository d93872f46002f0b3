"""Parallel map over processes."""
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

import cv2

from .errors import RunError
from .progress import track

_MAX_PROCESSES = 16
Item = TypeVar('Item')
Result = TypeVar('Result')


def parallel_map(function: Callable[[Item], Result], items: Sequence[Item],
                 what: str) -> list[Result]:
    """Apply a function to every item, in up to 16 processes.

    Args:
        function (Callable): Function at the top level of a module, or a
            partial of one, so that it can be pickled. An exception that it
            raises stops the work and is raised here.
        items (Sequence): Arguments, one per call. Items and results must be
            picklable.
        what (str): Description for the progress bar, see :func:`track`.

    Returns:
        list: Results in the order of the items.

    Raises:
        RunError: If a process is killed, for example for lack of memory.
    """
    processes = min(os.cpu_count() or 1, _MAX_PROCESSES)
    with ProcessPoolExecutor(processes, initializer=_start_process) as pool:
        results = pool.map(function, items, chunksize=8)
        try:
            return list(track(results, len(items), what))
        except BrokenProcessPool as error:
            raise RunError(
                f'{what}: expected all processes to end their work, got one '
                'that was killed, which the system does if the memory is '
                'full; free some, then start again') from error


def _start_process() -> None:
    # The processes use all cores already: OpenCV threads would slow them.
    cv2.setNumThreads(0)
    # The command ends its processes on Ctrl-C.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
