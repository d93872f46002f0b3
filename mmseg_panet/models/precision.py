"""Methods that compute in full precision, whatever the autocast."""
import functools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


def full_precision(method: Callable) -> Callable:
    """Keep autocast out of a method whose first argument are features."""

    @functools.wraps(method)
    def wrapper(self: nn.Module, inputs: Sequence[Tensor],
                *args: object, **kwargs: object) -> object:
        with torch.autocast(inputs[0].device.type, enabled=False):
            return method(self, inputs, *args, **kwargs)

    return wrapper
