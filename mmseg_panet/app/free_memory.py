"""The memory that callbacks have freed, on Linux with glibc.

Its allocator keeps freed memory for later. With eight threads, whose images
and tensors differ in size, that grows to a multiple of what is in use.
"""
import ctypes
from contextlib import suppress

_MMAP_THRESHOLD, _ARENA_MAX = -3, -8
"""M_MMAP_THRESHOLD and M_ARENA_MAX of glibc's malloc.h."""
_LARGE = 4 << 20
"""Bytes from which a block is returned at once; a smaller number is slower."""


def share_free_memory() -> None:
    """Let all threads that start from now on allocate in one heap.

    Large blocks, such as the features of an image, are not part of it.
    """
    _call('mallopt', _ARENA_MAX, 1)
    _call('mallopt', _MMAP_THRESHOLD, _LARGE)


def return_free_memory() -> None:
    """Return the unused pages of the heap to the system, in milliseconds."""
    _call('malloc_trim', 0)


def _call(name: str, *arguments: int) -> None:
    with suppress(OSError, AttributeError, TypeError):
        getattr(ctypes.CDLL(None), name)(*arguments)
