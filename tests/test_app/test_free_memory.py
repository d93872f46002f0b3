"""The memory that callbacks have freed."""
import ctypes
import sys

import numpy as np
import psutil
import pytest

from mmseg_panet.app.free_memory import return_free_memory


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), 'malloc_trim') if sys.platform == 'linux'
    else True, reason='needs glibc')
def test_unused_pages_between_used_ones_are_returned():
    resident = psutil.Process().memory_info
    # Blocks below the threshold of mmap are parts of the heap.
    blocks = [np.ones(100_000, np.uint8) for _ in range(1000)]
    kept = blocks[::10]
    full = resident().rss
    del blocks
    return_free_memory()
    assert full - resident().rss > 60e6
    assert all(one.all() for one in kept)
