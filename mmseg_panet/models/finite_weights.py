"""The rule for infinite values in the weights of a model."""
import math

import torch
from torch import Tensor


def is_finite(weight: Tensor) -> bool:
    """Return whether all values of a tensor are finite."""
    return bool(torch.isfinite(weight).all())


def is_finite_or_mask(weight: Tensor) -> bool:
    """Return whether a checkpoint may contain a tensor.

    It must be finite, or a mask of attention: 0 and -inf, and nothing else.
    A mask has two axes or more. A bias, which may also be 0, has one.

    Args:
        weight (Tensor): Parameter or buffer of floating-point numbers.
    """
    if is_finite(weight):
        return True
    zero = weight == 0
    return weight.ndim > 1 and bool(zero.any()) and bool(
        (zero | (weight == -math.inf)).all())
