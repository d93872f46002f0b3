"""One function for many items, on all processors."""
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
    """Call a function with every item, in parallel.

    Args:
        function (Callable): Of a module, or a partial of one. What it raises
            ends the work and is raised here.
        items (Sequence): Travel to other processes, as the results do.
        what (str): See :func:`track`.

    Returns:
        list: The results, in the order of the items.
    """
    processes = min(os.cpu_count() or 1, _MAX_PROCESSES)
    with Pool(processes, _start_process) as pool:
        results = pool.imap(function, items, chunksize=8)
        return list(track(results, len(items), what))


def _start_process() -> None:
    # A process does one thing at a time: OpenCV needs no threads there.
    cv2.setNumThreads(0)
    # The pool ends its processes on Ctrl-C. It would wait forever for one
    # that died with the lock of the queue.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
