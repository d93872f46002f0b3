"""Python's garbage collection."""
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def pause_garbage_collection() -> Iterator[None]:
    """Pause garbage collection while many objects are made that stay alive.

    Nearly all objects that mmseg, mmcv and torch create during their import
    stay alive, and so do the values of a JSON file. Each collection visits
    all of them, which takes a fifth of the time of the import, and more than
    half of that of a large file. Garbage collection that was disabled before
    stays disabled.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
