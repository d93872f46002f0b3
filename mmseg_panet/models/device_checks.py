"""Checks of values on a device, which is not made to wait for them."""
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

from ..errors import InputError
from ..stacks import is_compiling

_Waiting = list[tuple[Tensor, str]]
_waiting: ContextVar[_Waiting | None] = ContextVar('waiting', default=None)
"""Conditions on a device, and their messages, within :func:`checked_at_end`.
"""


def is_checked_later(holds: Tensor, sentence: str) -> bool:
    """Leave the check of a condition to the device, if that is possible.

    Within :func:`checked_at_end`, a condition on any device is checked at the
    end. Elsewhere, CUDA raises a RuntimeError at some later point, after which
    the process cannot use it any more. Other devices have no asynchronous
    assertion.

    Args:
        holds (Tensor): The condition, a bool without dimensions.
        sentence (str): Message if it does not hold.

    Returns:
        bool: False if the caller has to read the condition and to check it.
    """
    if is_compiling():
        # A value that is read would break the graph.
        if holds.is_cpu or holds.is_cuda:
            torch._assert_async(holds, sentence)
        return True
    if holds.is_cpu:
        return False
    waiting = _waiting.get()
    if waiting is not None:
        waiting.append((holds, sentence))
        return True
    if holds.is_cuda:
        torch._assert_async(holds, sentence)
    return holds.is_cuda


@contextmanager
def checked_at_end() -> Iterator[None]:
    """Check the conditions of a block at its end.

    The block is one whose results are read from the device at its end or
    right after it, so that the device has to finish in any case.

    Raises:
        InputError: If a condition of :func:`is_checked_later` does not hold.
    """
    waiting: _Waiting = []
    before = _waiting.set(waiting)
    try:
        yield
    finally:
        _waiting.reset(before)
    if not waiting:
        return
    found = torch.stack([holds for holds, _ in waiting]).tolist()
    for holds, (_, sentence) in zip(found, waiting, strict=True):
        if not holds:
            raise InputError(sentence)
