"""A check that the patches of a backbone cover an image exactly.

A backbone that begins with patches, such as a vision transformer, cuts off
the pixels that are no complete patch (ConvNeXt), or pads the image at the
bottom and right (mmcv's ``PatchEmbed`` with ``padding='corner'``). In both
cases, its cells are not where a resize of the feature map to the image puts
them. Padding by the data preprocessor is right, as it is in the metainfo, and
the resize takes it into account.
"""
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from ..errors import InputError
from ..stacks import is_compiling, is_recording

_OUTPUT_STRIDES = 7
"""Number of output strides that are tried: 1, 2, 4, ..., 64 patches."""


def patch_size(backbone: nn.Module) -> tuple[int, int] | None:
    """Return the height and width of the patches of a backbone.

    Args:
        backbone (nn.Module): Any backbone.

    Returns:
        tuple[int, int] | None: Size in pixels; None if the first convolution
        has overlapping windows, as in a ResNet or a MiT.
    """
    for part in backbone.modules():
        if isinstance(part, nn.Conv2d):
            height, width = part.kernel_size
            is_patch = height > 1 and part.stride == part.kernel_size and (
                part.padding in ((0, 0), 'valid'))
            return (height, width) if is_patch else None
    return None


def check_patches(backbone: nn.Module, images: Tensor,
                  features: Sequence[Tensor]) -> None:
    """Check that the cells of all outputs of a backbone cover the images.

    Args:
        backbone (nn.Module): Any backbone; only those with patches are
            checked.
        images (Tensor): Inputs (N, 3, H, W) of the backbone.
        features (Sequence[Tensor]): Its outputs, (N, C, h, w) each.

    Raises:
        InputError: If H or W is no multiple of the size of a cell.
    """
    if is_recording() or is_compiling():
        return
    patch = patch_size(backbone)
    if patch is None:
        return
    for one in features:
        # The head refuses features that are not a map.
        strides = [
            output_stride(*lengths) for lengths in zip(
                images.shape[2:], one.shape[2:], patch, strict=False)]
        if any(length % stride for length, stride in zip(
                images.shape[2:], strides, strict=False)):
            wanted, got = (
                ' x '.join(map(str, size))
                for size in (strides, images.shape[2:]))
            raise InputError(
                f'expected images whose size is a multiple of {wanted} '
                f'pixels, a cell of {type(backbone).__name__}, got {got}; pad '
                f'them by data_preprocessor.test_cfg=dict(size_divisor='
                f'{max(strides)}), and choose such a size for training, '
                'windows and tensors')


def check_each_call(backbone: nn.Module) -> None:
    """Let a backbone check its images, for mmseg's own segmentors.

    Args:
        backbone (nn.Module): Backbone that gets :func:`check_patches` as a
            hook.
    """
    backbone.register_forward_hook(_check_call)


def _check_call(backbone: nn.Module, inputs: tuple, outputs: Any) -> None:
    check_patches(backbone, inputs[0], outputs)


def output_stride(pixels: int, cells: int, patch: int) -> int:
    """Return the size of a cell along one axis of a hierarchy of patches.

    Args:
        pixels (int): Length of the image.
        cells (int): Length of the feature map.
        patch (int): Length of a patch; that of a cell is 1, 2, 4, ... times
            as large.

    Returns:
        int: The largest size for which the number of cells is that of all
        patches, with or without an incomplete one. It is 1 if there is none,
        or if there is a single cell, which the resize puts everywhere.
    """
    if cells == 1:
        return 1
    sizes = [patch << i for i in range(_OUTPUT_STRIDES)]
    return max(
        (size for size in sizes
         if cells in (pixels // size, -(-pixels // size))), default=1)
