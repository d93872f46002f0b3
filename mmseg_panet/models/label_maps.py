"""Label maps of one query for many episodes at once."""
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .prototypes import resize_matrix


class ResizedAxis(NamedTuple):
    """The lengths of one axis from the features to the image's own size."""

    cells: int
    """Of the feature map."""
    pixels: int
    """Of the network's input."""
    before: int
    """Of its padding, at the top or left."""
    after: int
    """Of its padding, at the bottom or right."""
    out: int
    """Of the image's own size."""


def resized_axes(size: Sequence[int],
                 metainfo: dict) -> tuple[ResizedAxis, ResizedAxis]:
    """Both axes of an image, see :func:`resize_operators`."""
    left, right, top, bottom = metainfo.get(
        'img_padding_size', metainfo.get('padding_size', (0, 0, 0, 0)))
    height, width = metainfo.get('pad_shape', metainfo['img_shape'])[:2]
    own_height, own_width = metainfo['ori_shape'][:2]
    return (ResizedAxis(size[0], height, top, bottom, own_height),
            ResizedAxis(size[1], width, left, right, own_width))


def resize_operators(size: Sequence[int],
                     metainfo: dict,
                     align_corners: bool = False,
                     *,
                     like: Tensor) -> tuple[Tensor, Tensor]:
    """All resizes between features and labels as one matrix an axis.

    The host resizes logits to the network's input, cuts the padding off and
    resizes the rest to ``ori_shape``. All of it is linear and separable:
    ``logits -> rows @ logits @ columns.T`` makes no image in between.

    Args:
        size (Sequence[int]): (h, w) of the feature map.
        metainfo (dict): Of the query: ``img_shape`` or ``pad_shape``,
            ``ori_shape`` and maybe ``img_padding_size``.
        align_corners (bool): Of both resizes. Defaults to False.
        like (Tensor): Gives the dtype and device.

    Returns:
        tuple[Tensor, Tensor]: ``rows`` (H, h) and ``columns`` (W, w), with
        (H, W) the query's ``ori_shape``.
    """
    operators = []
    for axis in resized_axes(size, metainfo):
        to_input = resize_matrix(
            axis.cells, axis.pixels, align_corners, like=like)
        to_input = to_input[axis.before:axis.pixels - axis.after]
        operators.append(resize_matrix(
            len(to_input), axis.out, align_corners, like=like) @ to_input)
    return operators[0], operators[1]


def label_maps(logits: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Resize logits and take the class of the largest.

    Args:
        logits (Tensor): (..., 1 + W, h, w), background first.
        rows (Tensor): (H, h), see :func:`resize_operators`.
        columns (Tensor): (W, w).

    Returns:
        Tensor: uint8 (..., H, W), 0 to W; the first of equals, as argmax.
    """
    # Only differences matter, which saves one of 1 + W resizes.
    lead = logits[..., 1:, :, :] - logits[..., :1, :, :]
    lead = rows @ lead @ columns.T  # (..., W, H, W)
    first, *others = lead.unbind(-3)
    labels = (first > 0).to(torch.uint8)
    # Channel by channel: an argmax over a short leading axis is slow.
    best = first.clamp_min(0) if others else first
    for way, one in enumerate(others, start=2):
        labels = torch.where(one > best, way, labels)
        best = torch.maximum(best, one)
    return labels
