"""The guided filter: maps that follow the edges of a grey image."""
import torch
import torch.nn.functional as F
from torch import Tensor

_VALUES_AT_ONCE = 1 << 17
"""Values of a round on a CPU: half a megabyte, which caches can hold."""


def box_mean(maps: Tensor, radius: int) -> Tensor:
    """Mean over the square window around each pixel.

    A window ends at the border, where it holds fewer pixels. By cumulative
    sums along one axis at a time, a pixel costs the same whatever the radius.

    Args:
        maps (Tensor): float32 or float64 (..., H, W).
        radius (int): r, in pixels; a window has (2 r + 1)^2 of them.

    Returns:
        Tensor: (..., H, W).

    Example:
        >>> box_mean(torch.tensor([[0., 3., 6., 0.]]), 1)
        tensor([[1.5000, 3.0000, 3.0000, 3.0000]])
    """
    # The sums of differences from the mean stay small, and so do their
    # rounding errors.
    mean = maps.mean((-2, -1), keepdim=True)
    lines = _line_means(maps - mean, radius)  # (..., H, W)
    return _line_means(lines.mT, radius).mT + mean


def _line_means(maps: Tensor, radius: int) -> Tensor:
    """Means over 2 r + 1 pixels along the last axis."""
    length = maps.shape[-1]
    width = 2 * radius + 1
    place = torch.arange(length, device=maps.device)
    number = 1 + (place + radius).clamp_max(length - 1) - (
        place - radius).clamp_min(0)
    sums = F.pad(maps, (1 + radius, radius)).cumsum(-1)
    return (sums[..., width:] - sums[..., :-width]) / number


def guided_filter(maps: Tensor, guide: Tensor, radius: int,
                  eps: float) -> Tensor:
    """Smooth maps within the regions of an image, but not over its edges.

    He, Sun and Tang, Guided Image Filtering, 2010, equations 5 to 8. In each
    window z is fitted by ``a I + b`` with the smallest error, and every
    pixel takes the mean of the fits of all windows that it lies in:
    ``a = cov(I, z) / (var I + eps)``, ``b = mean z - a mean I``,
    ``z' = mean(a) I + mean(b)``. It is linear in z, and constants stay.

    Args:
        maps (Tensor): z, float32 or float64 (..., H, W).
        guide (Tensor): I, (H, W), in [0, 1].
        radius (int): Of the windows, in pixels, see :func:`box_mean`.
        eps (float): The variance of I that counts as an edge.

    Returns:
        Tensor: (..., H, W).
    """
    size = guide.shape
    values = _VALUES_AT_ONCE if maps.is_cpu else 64 * _VALUES_AT_ONCE
    with torch.autocast(maps.device.type, enabled=False):
        mean = box_mean(guide, radius)
        spread = box_mean(guide * guide, radius) - mean * mean + eps
        filtered = []
        # Some maps at a time, for the caches.
        for some in maps.reshape(-1, *size).split(
                max(1, values // guide.numel())):
            some_mean = box_mean(some, radius)
            slope = (
                box_mean(guide * some, radius) - mean * some_mean) / spread
            offset = some_mean - slope * mean
            filtered.append(
                box_mean(slope, radius) * guide + box_mean(offset, radius))
        return torch.cat(filtered).view(maps.shape)
