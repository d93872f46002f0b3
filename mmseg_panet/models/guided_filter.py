"""The guided filter, which smooths maps along the edges of a grey image."""
import torch
import torch.nn.functional as F
from torch import Tensor

from ..stacks import is_recording

_VALUES_AT_ONCE = 1 << 17
"""Number of values filtered at a time on a CPU, half a megabyte for caches."""


def box_mean(maps: Tensor, radius: int) -> Tensor:
    """Compute the mean of the square window around each pixel.

    Windows are clipped at the border. Cumulative sums along one axis at a
    time make the cost per pixel independent of the radius.

    Args:
        maps (Tensor): Maps (..., H, W) in float32 or float64.
        radius (int): Radius r of the windows of (2 r + 1)^2 pixels.

    Returns:
        Tensor: Means (..., H, W).

    Example:
        >>> box_mean(torch.tensor([[0., 3., 6., 0.]]), 1)
        tensor([[1.5000, 3.0000, 3.0000, 3.0000]])
    """
    # Sums of differences from the mean are small, and so are their rounding
    # errors.
    mean = maps.mean((-2, -1), keepdim=True)
    lines = _line_means(maps - mean, radius)  # (..., H, W)
    columns = _line_means(lines.transpose(-2, -1), radius)
    return columns.transpose(-2, -1) + mean


def _line_means(maps: Tensor, radius: int) -> Tensor:
    """Compute means over 2 r + 1 pixels along the last axis."""
    length = maps.shape[-1]
    width = 2 * radius + 1
    place = torch.arange(length, device=maps.device)
    number = 1 + (place + radius).clamp_max(length - 1) - (
        place - radius).clamp_min(0)
    sums = F.pad(maps, (1 + radius, radius))
    if is_recording():
        # In onnxruntime, sums along the last axis take eight times as long.
        sums = sums.transpose(-2, -1).cumsum(-2)
        sums = sums[..., width:, :] - sums[..., :-width, :]
        return sums.transpose(-2, -1) / number
    sums = sums.cumsum(-1)
    return (sums[..., width:] - sums[..., :-width]) / number


def guided_filter(maps: Tensor, guide: Tensor, radius: int,
                  eps: float) -> Tensor:
    """Smooth maps within the regions of an image, but not over its edges.

    This is the guided filter of He, Sun and Tang, Guided Image Filtering,
    2010, equations 5 to 8. In each window, z is fitted by ``a I + b`` with
    the smallest error, and every pixel gets the mean of the fits of all
    windows that contain it: ``a = cov(I, z) / (var I + eps)``,
    ``b = mean z - a mean I``, ``z' = mean(a) I + mean(b)``. The filter is
    linear in z and does not change constants.

    Args:
        maps (Tensor): Maps z, (..., H, W) in float32 or float64.
        guide (Tensor): Guide I, (H, W) in [0, 1], or (..., 1, H, W) for maps
            (..., K, H, W) of several images.
        radius (int): Radius of the windows in pixels, see :func:`box_mean`.
        eps (float): Variance of I that counts as an edge.

    Returns:
        Tensor: Filtered maps z', (..., H, W).
    """
    values = _VALUES_AT_ONCE if maps.is_cpu else 64 * _VALUES_AT_ONCE
    with torch.autocast(maps.device.type, enabled=False):
        mean = box_mean(guide, radius)
        spread = box_mean(guide * guide, radius) - mean * mean + eps
        filtered = []
        # Filter some maps at a time, so that they fit into the caches.
        parts = (maps,) if guide.dim() > 2 else maps.reshape(
            -1, *guide.shape).split(max(1, values // guide.numel()))
        for some in parts:
            some_mean = box_mean(some, radius)
            slope = (
                box_mean(guide * some, radius) - mean * some_mean) / spread
            offset = some_mean - slope * mean
            filtered.append(
                box_mean(slope, radius) * guide + box_mean(offset, radius))
        return torch.cat(filtered).view(maps.shape)
