"""Linear maps between the cells of a feature map and pixels.

A bilinear resize is linear and separable, and so are the removal of padding
and a flip, so that one matrix per axis combines them. The map resizes logits
to the image, and its adjoint pools masks to the cells.
"""
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import check_choice

POOL_AT = ('image', 'feature')


class Resize(NamedTuple):
    """A linear map of both axes, ``maps -> rows @ maps @ columns.T``.

    It is computed in the dtype of the maps, also under autocast.

    Attributes:
        rows (Tensor, optional): Matrix (H, h) of the vertical axis; None for
            the identity.
        columns (Tensor, optional): Matrix (W, w) of the horizontal axis;
            None for the identity.
    """

    rows: Tensor | None = None
    columns: Tensor | None = None

    def __call__(self, maps: Tensor) -> Tensor:
        """Map cells (..., h, w) to pixels (..., H, W)."""
        with torch.autocast(maps.device.type, enabled=False):
            if self.rows is not None:
                maps = self.rows @ maps
            return maps if self.columns is None else maps @ self.columns.T

    def adjoint(self, masks: Tensor) -> Tensor:
        """Map pixels (..., H, W) to the weights of cells (..., h, w).

        ``sum_xy self(F) * M = sum F * self.adjoint(M)``: the features under
        a mask are summed without resizing them.
        """
        with torch.autocast(masks.device.type, enabled=False):
            if self.rows is not None:
                masks = self.rows.T @ masks
            return masks if self.columns is None else masks @ self.columns


class _Axis(NamedTuple):
    """The lengths of an axis, and whether it is flipped."""

    cells: int
    pixels: int  # of the network's input
    before: int  # padding at the top or left
    after: int  # padding at the bottom or right
    original: int  # of the image
    flipped: bool


def resize_matrix(in_size: int, out_size: int, align_corners: bool = False,
                  *, like: Tensor | None = None) -> Tensor:
    """Compute the matrix of the linear resize of one axis.

    Args:
        in_size (int): Length of the axis before the resize.
        out_size (int): Length of the axis after the resize.
        align_corners (bool): As in :func:`torch.nn.functional.interpolate`.
            Defaults to False.
        like (Tensor, optional): Tensor whose dtype and device are used.
            Defaults to None.

    Returns:
        Tensor: Matrix (out_size, in_size), whose rows sum to 1.

    Example:
        >>> resize_matrix(2, 4)
        tensor([[1.0000, 0.0000],
                [0.7500, 0.2500],
                [0.2500, 0.7500],
                [0.0000, 1.0000]])
    """
    dtype, device = (None, None) if like is None else (like.dtype, like.device)
    eye = torch.eye(in_size, dtype=dtype, device=device)
    columns = F.interpolate(
        eye[None], out_size, mode='linear', align_corners=align_corners)
    return columns[0].T  # (out_size, in_size)


def size_metainfo(size: Sequence[int]) -> dict:
    """Build the metainfo of an image that is used in its original size."""
    return dict(img_shape=size, ori_shape=size)


def to_original_size(size: Sequence[int], metainfo: dict,
                     align_corners: bool = False, *, like: Tensor) -> Resize:
    """Combine all steps of mmseg from the logits of an image to its labels.

    mmseg resizes logits to the network's input, removes the padding, reverts
    the flip, and resizes the result to ``ori_shape``.

    Args:
        size (Sequence[int]): (h, w) of the feature map.
        metainfo (dict): Metainfo with ``ori_shape`` and ``img_shape`` or
            ``pad_shape``, and optionally ``img_padding_size``, ``flip`` and
            ``flip_direction``.
        align_corners (bool): ``align_corners`` of both resizes. Defaults to
            False.
        like (Tensor): Tensor whose dtype and device are used.

    Returns:
        Resize: Resize from (h, w) to ``ori_shape``.
    """
    matrices: list[Tensor | None] = []
    for axis in _axes(size, metainfo):
        if axis == _Axis(axis.cells, axis.cells, 0, 0, axis.cells, False):
            matrices.append(None)
            continue
        matrix = resize_matrix(
            axis.cells, axis.pixels, align_corners, like=like)
        matrix = matrix[axis.before:axis.pixels - axis.after]
        if axis.flipped:
            matrix = matrix.flip(0)
        if len(matrix) != axis.original:
            matrix = resize_matrix(
                len(matrix), axis.original, align_corners,
                like=like) @ matrix
        matrices.append(matrix)
    return Resize(*matrices)


def cut_to_image(maps: Tensor, metainfo: dict,
                 align_corners: bool = False) -> tuple[Tensor, Resize]:
    """Cut maps of the network's input size, and find the remaining resize.

    Args:
        maps (Tensor): Maps (..., H, W).
        metainfo (dict): Metainfo of the image, see :func:`to_original_size`.
        align_corners (bool): ``align_corners`` of the resize. Defaults to
            False.

    Returns:
        tuple[Tensor, Resize]: The maps without padding, and their resize to
        ``ori_shape``.
    """
    rows, columns = _axes(maps.shape[-2:], metainfo)
    maps = cut_padding(maps, metainfo)
    return maps, Resize(*(
        None if length == original
        else resize_matrix(length, original, align_corners, like=maps)
        for length, original in zip(
            maps.shape[-2:], (rows.original, columns.original),
            strict=True)))


def cut_padding(maps: Tensor, metainfo: dict) -> Tensor:
    """Remove the padding and the flip of maps of the network's input size.

    Args:
        maps (Tensor): Maps (..., H, W).
        metainfo (dict): Metainfo of the image, see :func:`to_original_size`.

    Returns:
        Tensor: Maps (..., H', W') of the image without padding.
    """
    rows, columns = _axes(maps.shape[-2:], metainfo)
    maps = maps[..., rows.before:rows.cells - rows.after,
                columns.before:columns.cells - columns.after]
    flipped = [
        dim for dim, axis in ((-2, rows), (-1, columns)) if axis.flipped]
    return maps.flip(flipped) if flipped else maps


def pooling(size: Sequence[int], metainfo: dict, pool_at: str = 'image',
            align_corners: bool = False, *, like: Tensor) -> Resize:
    """Build the map whose adjoint computes the weights of cells under a mask.

    ``pool_at='image'`` is the paper's equation 1, ``sum_xy up(F) * M``.
    ``pool_at='feature'`` resizes the mask to the feature map instead
    (bilinear, corners aligned), as most re-implementations do.

    Masks have the original size of the image. A scribble or a point may be
    one pixel wide in a large photograph, and would be lost if its labels
    were resized to the network's input.

    Args:
        size (Sequence[int]): (h, w) of the feature map.
        metainfo (dict): Metainfo of the image, see :func:`to_original_size`,
            or :func:`size_metainfo` for masks of the network's input size.
        pool_at (str): 'image' or 'feature'. Defaults to 'image'.
        align_corners (bool): ``align_corners`` of ``up`` with
            ``pool_at='image'``. Defaults to False.
        like (Tensor): Tensor whose dtype and device are used.

    Returns:
        Resize: Map whose adjoint maps ``ori_shape`` to (h, w). The sum over
        the cells is the pooled area.

    Raises:
        InputError: If ``pool_at`` is unknown.
    """
    check_choice('pool_at', pool_at, POOL_AT)
    if pool_at == 'image':
        return to_original_size(size, metainfo, align_corners, like=like)
    matrices = []
    for axis in _axes(size, metainfo):
        padding = axis.before + axis.after
        if not padding:
            down = resize_matrix(axis.original, axis.cells, True, like=like)
        else:
            padded = F.pad(resize_matrix(
                axis.original, axis.pixels - padding, True, like=like),
                (0, 0, axis.before, axis.after))  # (pixels, original)
            down = resize_matrix(
                axis.pixels, axis.cells, True, like=like) @ padded
        matrices.append((down.flip(1) if axis.flipped else down).T)
    return Resize(*matrices)


def _axes(size: Sequence[int], metainfo: dict) -> tuple[_Axis, _Axis]:
    left, right, top, bottom = metainfo.get(
        'img_padding_size', metainfo.get('padding_size', (0, 0, 0, 0)))
    height, width = metainfo.get('pad_shape', metainfo['img_shape'])[:2]
    original_height, original_width = metainfo['ori_shape'][:2]
    direction = metainfo.get('flip_direction', 'horizontal') if (
        metainfo.get('flip')) else None
    return (
        _Axis(size[0], height, top, bottom, original_height,
              direction in ('vertical', 'diagonal')),
        _Axis(size[1], width, left, right, original_width,
              direction in ('horizontal', 'diagonal')))
