"""Inference with sliding windows."""
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

from torch import Tensor


def mean_of_windows(inputs: Tensor, crop_size: Sequence[int],
                    stride: Sequence[int],
                    logits_of: Callable[[Tensor], Tensor]) -> Tensor:
    """Average the logits of overlapping windows.

    The result is bitwise equal to that of mmseg's slide inference, which
    pads every window to the size of the image before it is added, so that
    its time and memory are proportional to windows times pixels.

    Args:
        inputs (Tensor): Preprocessed images (N, 3, H, W).
        crop_size (Sequence[int]): Height and width of a window.
        stride (Sequence[int]): Vertical and horizontal steps between
            windows, at most their size.
        logits_of (Callable): Function from a window (N, 3, y, x) to its
            logits (N, K, y, x).

    Returns:
        Tensor: Logits (N, K, H, W).
    """
    size = inputs.shape[2:]
    total: Any = None
    times = inputs.new_zeros(size)
    for rows, columns in product(*map(_windows, size, crop_size, stride)):
        logits = logits_of(inputs[..., rows, columns])
        if total is None:
            total = logits.new_zeros(*logits.shape[:2], *size)
        total[..., rows, columns] += logits
        times[rows, columns] += 1
    return total / times


def _windows(length: int, crop: int, stride: int) -> list[slice]:
    """List the windows of an axis; the last one ends at the border."""
    number = max(length - crop + stride - 1, 0) // stride + 1
    ends = [min(i * stride + crop, length) for i in range(number)]
    return [slice(max(end - crop, 0), end) for end in ends]
