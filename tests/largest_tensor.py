"""Measurement of the largest tensor of a computation."""
import torch
from torch.utils._python_dispatch import TorchDispatchMode


class LargestTensor(TorchDispatchMode):
    """A mode that records the size of the largest result of an operation."""

    values = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for one in result if isinstance(result, tuple) else [result]:
            if isinstance(one, torch.Tensor):
                self.values = max(self.values, one.numel())
        return result
