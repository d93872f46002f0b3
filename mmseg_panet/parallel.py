"""Parallel map over processes."""
import os
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
    # The processes use all cores already: OpenCV threads would slow them.
    with Pool(processes, cv2.setNumThreads, (0,)) as pool:
        results = pool.imap(function, items, chunksize=8)
        return list(track(results, len(items), what))
