"""The bilinear resize of 8-bit images as OpenCV computes it."""
from collections.abc import Sequence

import torch
from torch import Tensor

_ONE = 1 << 11
"""The weight 1 in OpenCV's fixed-point arithmetic."""


def resize_images(images: Tensor, size: Sequence[int]) -> Tensor:
    """Resize images by fixed-point arithmetic, for an exported graph.

    The result is bitwise equal to that of ``cv2.resize`` with
    ``INTER_LINEAR``, by which mmcv's ``Resize`` prepares images. OpenCV has
    weights of 11 bits, and truncates products in the middle of its second
    pass (``resize.cpp``, ``HResizeLinear`` and ``VResizeLinear``).

    Args:
        images (Tensor): Images (N, H, W, C) uint8.
        size (Sequence[int]): Height h and width w of the result.

    Returns:
        Tensor: Images (N, h, w, C) int32 with values of 0..255.
    """
    # OpenCV limits the weights of columns at the border, but not of rows.
    top, bottom, of_top, of_bottom = _neighbours(
        images.shape[1], size[0], False)
    left, right, of_left, of_right = _neighbours(
        images.shape[2], size[1], True)
    channels = images.shape[3]
    # Long last axes make the products fast in onnxruntime.
    of_left, of_right = (
        one[:, None].expand(-1, channels).flatten()
        for one in (of_left, of_right))
    first, second = (
        line.index_select(2, left).int().flatten(2) * of_left
        + line.index_select(2, right).int().flatten(2) * of_right
        for line in (images.index_select(1, top),
                     images.index_select(1, bottom)))  # (N, h, w * C) each
    total = (
        _shifted(_shifted(first, 4) * of_top[:, None], 16)
        + _shifted(_shifted(second, 4) * of_bottom[:, None], 16))
    # The exporter would record the number of images of an unflatten.
    return _shifted(total + 2, 2).reshape(-1, *size, channels)


def _neighbours(length: int, out_length: int, limited: bool
                ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Find the two neighbours of each pixel along an axis.

    Returns:
        tuple[Tensor, Tensor, Tensor, Tensor]: Indices (out_length,) of the
        first and of the second neighbour, and their weights in int32.
    """
    # Recorded graphs have float32 in place of Python's numbers and of tensors
    # without dimensions.
    size = torch.full((1,), length, dtype=torch.int64).double()
    cell = torch.arange(out_length, dtype=torch.float64) + 0.5
    place = (cell * (1 / (out_length / size)) - 0.5).float()
    first = place.floor()
    weight = place - first
    last = (size - 1).float()
    if limited:
        weight = weight * ((first >= 0) & (first < last))
    zero = torch.zeros_like(last)
    return (
        first.maximum(zero).minimum(last).long(),
        (first + 1).maximum(zero).minimum(last).long(),
        ((1 - weight) * _ONE).round().int(), (weight * _ONE).round().int())


def _shifted(values: Tensor, bits: int) -> Tensor:
    """Shift values of at least 0 to the right; ONNX shifts no int32."""
    return torch.div(values, 1 << bits, rounding_mode='trunc')
