"""Sums of a support under labels that were never resized.

A scribble or a point can be a pixel wide in a large photograph: with the
labels resized to the network's input it would be lost.
"""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .label_maps import resize_operators, resized_axes
from .prototypes import resize_matrix
from .support_sums import sums_and_areas


def own_size_sums(features: Tensor,
                  labels: Tensor,
                  num_classes: int,
                  metainfo: dict,
                  pool_at: str = 'image',
                  align_corners: bool = False) -> Tensor:
    """:func:`class_sums` of one image, with the labels at its own size.

    Args:
        features (Tensor): (C, h, w).
        labels (Tensor): (H, W), the image's ``ori_shape``, otherwise as for
            :func:`class_sums`.
        num_classes (int): n.
        metainfo (dict): Of the image, see :func:`resize_operators`.
        pool_at (str): See :func:`pooling_weights`. Defaults to 'image'.
        align_corners (bool): See :func:`pooling_weights`.

    Returns:
        Tensor: float64 (1 + n, C + 1).
    """
    rows, columns = mask_operators(
        features.shape[-2:], metainfo, pool_at, align_corners)
    # One by one, as an image may be large.
    masks = [labels != 255, *(labels == i for i in range(1, 1 + num_classes))]
    weights = torch.stack(
        [rows @ mask.double() @ columns.T for mask in masks])  # (1 + n, h, w)
    return sums_and_areas(features[None], weights[None])[0]


def mask_operators(size: Sequence[int],
                   metainfo: dict,
                   pool_at: str = 'image',
                   align_corners: bool = False) -> tuple[Tensor, Tensor]:
    """From a mask at an image's own size to the weights of its cells.

    ``mask -> rows @ mask @ columns.T``: with ``pool_at='image'`` the adjoint
    of what :func:`resize_operators` does to logits, with 'feature' the resize
    of the mask. See :func:`pooling_weights`.

    Args:
        size (Sequence[int]): (h, w) of the feature map.
        metainfo (dict): Of the image, see :func:`resize_operators`.
        pool_at (str): 'image' or 'feature'.
        align_corners (bool): Of the resizes, with ``pool_at='image'``.

    Returns:
        tuple[Tensor, Tensor]: float64, ``rows`` (h, H), ``columns`` (w, W).
    """
    like = torch.empty(0, dtype=torch.float64)
    if pool_at == 'image':
        rows, columns = resize_operators(
            size, metainfo, align_corners, like=like)
        return rows.T, columns.T
    operators = []
    for axis in resized_axes(size, metainfo):
        padding = axis.before + axis.after
        if not padding:
            operators.append(
                resize_matrix(axis.out, axis.cells, True, like=like))
            continue
        padded = F.pad(
            resize_matrix(axis.out, axis.pixels - padding, True, like=like),
            (0, 0, axis.before, axis.after))  # (pixels, out)
        operators.append(
            resize_matrix(axis.pixels, axis.cells, True, like=like) @ padded)
    return operators[0], operators[1]
