"""Windows that slide over images."""
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

from torch import Tensor


def mean_of_windows(inputs: Tensor, crop_size: Sequence[int],
                    stride: Sequence[int],
                    logits_of: Callable[[Tensor], Tensor]) -> Tensor:
    """Average the logits of overlapping windows.

    Equal to mmseg's slide inference to the bit. That one pads every window
    to the image before it adds it, with time and memory of windows times
    pixels.

    Args:
        inputs (Tensor): (N, 3, H, W).
        crop_size (Sequence[int]): Height and width of a window.
        stride (Sequence[int]): Steps between windows, at most their size.
        logits_of (Callable): From a window (N, 3, y, x) to its logits
            (N, K, y, x).

    Returns:
        Tensor: (N, K, H, W).
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
    """Windows along an axis, the last one moved back into the image."""
    number = max(length - crop + stride - 1, 0) // stride + 1
    ends = [min(i * stride + crop, length) for i in range(number)]
    return [slice(max(end - crop, 0), end) for end in ends]
