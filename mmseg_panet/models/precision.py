"""Full precision after the backbone, and what it cannot repair."""
import functools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..stacks import is_recording
from .device_checks import is_checked_later

NOT_FINITE = (
    'expected finite features, got inf or nan; run the backbone in bfloat16 '
    'or float32 if it ran in float16, or use other weights')
"""The message about features that overflow, or of weights that diverged."""


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


def at_least_float32(features: Tensor) -> Tensor:
    """Convert features of half precision to float32.

    Args:
        features (Tensor): Features of any shape.

    Returns:
        Tensor: The same features in float32, or in float64 if they are.
    """
    half = features.dtype in (torch.float16, torch.bfloat16)
    return features.float() if half else features


def check_finite(features: Tensor) -> Tensor:
    """Check that the backbone has not overflowed.

    Every logit of such features is nan, and every label is background. In
    training, the loss is checked instead.
    Features on a device are checked without waiting for it if that is
    possible, see :func:`is_checked_later`.

    Args:
        features (Tensor): Features of any shape.

    Returns:
        Tensor: The same features.

    Raises:
        InputError: If a value is inf or nan.
    """
    if is_recording():
        return features
    finite = features.isfinite().all()
    if not is_checked_later(finite, NOT_FINITE) and not finite:
        raise InputError(NOT_FINITE)
    return features
