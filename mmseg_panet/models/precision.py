"""A decorator that disables autocast."""
import functools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


def full_precision(method: Callable) -> Callable:
    """Disable autocast in a method whose first argument is features.

    Args:
        method (Callable): Method of a module. Its first argument is a
            sequence of tensors or a tensor.

    Returns:
        Callable: The method without autocast.
    """

    @functools.wraps(method)
    def wrapper(self: nn.Module, inputs: Sequence[Tensor],
                *args: object, **kwargs: object) -> object:
        with torch.autocast(inputs[0].device.type, enabled=False):
            return method(self, inputs, *args, **kwargs)

    return wrapper
