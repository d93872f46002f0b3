"""Parallel map over processes."""
import os
import signal
from collections.abc import Callable, Sequence
from multiprocessing import Pool
from typing import TypeVar

import cv2

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
    """
    processes = min(os.cpu_count() or 1, _MAX_PROCESSES)
    with Pool(processes, _start_process) as pool:
        results = pool.imap(function, items, chunksize=8)
        return list(track(results, len(items), what))


def _start_process() -> None:
    # The processes use all cores already: OpenCV threads would slow them.
    cv2.setNumThreads(0)
    # The pool ends its processes on Ctrl-C. It would wait forever for one
    # that died with the lock of the queue.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
