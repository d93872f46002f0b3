"""The memory that callbacks have freed, on Linux with glibc.

Its allocator keeps freed memory for later. With eight threads, whose images
and tensors differ in size, that grows to a multiple of what is in use.
"""
import ctypes
from contextlib import suppress

_ARENA_MAX = -8
"""M_ARENA_MAX of glibc's malloc.h."""


def share_free_memory() -> None:
    """Let all threads that start from now on allocate in one heap."""
    _call('mallopt', _ARENA_MAX, 1)


def return_free_memory() -> None:
    """Return the unused pages of the heap to the system, in milliseconds."""
    _call('malloc_trim', 0)


def _call(name: str, *arguments: int) -> None:
    with suppress(OSError, AttributeError, TypeError):
        getattr(ctypes.CDLL(None), name)(*arguments)
