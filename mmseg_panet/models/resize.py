"""Every linear map between the cells of a feature map and pixels.

A bilinear resize is linear and separable, and so are a cut of the padding and
a flip: one matrix an axis holds all of them. The map brings logits to the
image; its adjoint brings masks to the cells.
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

    It is computed in the dtype of the maps, whatever the autocast.

    Attributes:
        rows (Tensor, optional): (H, h); None for the identity.
        columns (Tensor, optional): (W, w); None for the identity.
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
    """The lengths of an axis, and whether it is mirrored."""

    cells: int
    pixels: int  # of the network's input
    before: int  # padding at the top or left
    after: int  # padding at the bottom or right
    own: int  # of the image
    flipped: bool


def resize_matrix(in_size: int, out_size: int, align_corners: bool = False,
                  *, like: Tensor | None = None) -> Tensor:
    """The linear resize of one axis as a matrix.

    Args:
        in_size (int): Length of the axis before the resize.
        out_size (int): Length of the axis after it.
        align_corners (bool): As in :func:`torch.nn.functional.interpolate`.
        like (Tensor, optional): Gives the dtype and device.

    Returns:
        Tensor: ``A`` of shape (out_size, in_size); its rows sum to 1.
    """
    dtype, device = (None, None) if like is None else (like.dtype, like.device)
    eye = torch.eye(in_size, dtype=dtype, device=device)
    columns = F.interpolate(
        eye[None], out_size, mode='linear', align_corners=align_corners)
    return columns[0].T  # (out_size, in_size)


def size_metainfo(size: Sequence[int]) -> dict:
    """The metainfo of an image of a size that is passed as it is."""
    return dict(img_shape=size, ori_shape=size)


def to_own_size(size: Sequence[int], metainfo: dict,
                align_corners: bool = False, *, like: Tensor) -> Resize:
    """All that mmseg does between the logits of an image and its labels.

    mmseg resizes logits to the network's input, cuts the padding off, flips
    and resizes the rest to ``ori_shape``.

    Args:
        size (Sequence[int]): (h, w) of the feature map.
        metainfo (dict): ``ori_shape``, ``img_shape`` or ``pad_shape`` of
            the image, and its ``img_padding_size``, ``flip`` and
            ``flip_direction`` where it has them.
        align_corners (bool): Of both resizes. Defaults to False.
        like (Tensor): Gives the dtype and device.

    Returns:
        Resize: From (h, w) to ``ori_shape``.
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
        if len(matrix) != axis.own:
            matrix = resize_matrix(
                len(matrix), axis.own, align_corners, like=like) @ matrix
        matrices.append(matrix)
    return Resize(*matrices)


def cut_to_image(maps: Tensor, metainfo: dict,
                 align_corners: bool = False) -> tuple[Tensor, Resize]:
    """Bring maps of the network's input size to the image.

    Args:
        maps (Tensor): (..., H, W).
        metainfo (dict): See :func:`to_own_size`.
        align_corners (bool): See :func:`to_own_size`.

    Returns:
        tuple[Tensor, Resize]: The maps without padding, and the resize to
        ``ori_shape`` that is left.
    """
    rows, columns = _axes(maps.shape[-2:], metainfo)
    maps = cut_padding(maps, metainfo)
    return maps, Resize(*(
        None if length == own
        else resize_matrix(length, own, align_corners, like=maps)
        for length, own in zip(
            maps.shape[-2:], (rows.own, columns.own), strict=True)))


def cut_padding(maps: Tensor, metainfo: dict) -> Tensor:
    """Cut the padding off maps of the network's input size, and unflip them.

    Args:
        maps (Tensor): (..., H, W).
        metainfo (dict): See :func:`to_own_size`.

    Returns:
        Tensor: (..., H', W'), the part that shows the image.
    """
    rows, columns = _axes(maps.shape[-2:], metainfo)
    maps = maps[..., rows.before:rows.cells - rows.after,
                columns.before:columns.cells - columns.after]
    flipped = [
        dim for dim, axis in ((-2, rows), (-1, columns)) if axis.flipped]
    return maps.flip(flipped) if flipped else maps


def pooling(size: Sequence[int], metainfo: dict, pool_at: str = 'image',
            align_corners: bool = False, *, like: Tensor) -> Resize:
    """The map whose adjoint gives the weights of cells under a mask.

    ``pool_at='image'`` is the paper's equation 1, ``sum_xy up(F) * M``.
    ``pool_at='feature'`` resizes the mask to the feature map instead
    (bilinear, corners aligned), as most re-implementations do.

    Masks have the size of the image itself: a scribble or a point can be a
    pixel wide in a large photograph, and would be lost with its labels
    resized to the network's input.

    Args:
        size (Sequence[int]): (h, w) of the feature map.
        metainfo (dict): See :func:`to_own_size`; :func:`size_metainfo` for
            masks at the size of the network's input.
        pool_at (str): 'image' or 'feature'. Defaults to 'image'.
        align_corners (bool): Of ``up``, with ``pool_at='image'``.
        like (Tensor): Gives the dtype and device.

    Returns:
        Resize: Its adjoint maps ``ori_shape`` to (h, w); the sum over the
        cells is the pooled area.

    Raises:
        InputError: If ``pool_at`` is unknown.
    """
    check_choice('pool_at', pool_at, POOL_AT)
    if pool_at == 'image':
        return to_own_size(size, metainfo, align_corners, like=like)
    matrices = []
    for axis in _axes(size, metainfo):
        padding = axis.before + axis.after
        if not padding:
            down = resize_matrix(axis.own, axis.cells, True, like=like)
        else:
            padded = F.pad(resize_matrix(
                axis.own, axis.pixels - padding, True, like=like),
                (0, 0, axis.before, axis.after))  # (pixels, own)
            down = resize_matrix(
                axis.pixels, axis.cells, True, like=like) @ padded
        matrices.append((down.flip(1) if axis.flipped else down).T)
    return Resize(*matrices)


def _axes(size: Sequence[int], metainfo: dict) -> tuple[_Axis, _Axis]:
    left, right, top, bottom = metainfo.get(
        'img_padding_size', metainfo.get('padding_size', (0, 0, 0, 0)))
    height, width = metainfo.get('pad_shape', metainfo['img_shape'])[:2]
    own_height, own_width = metainfo['ori_shape'][:2]
    direction = metainfo.get('flip_direction', 'horizontal') if (
        metainfo.get('flip')) else None
    return (
        _Axis(size[0], height, top, bottom, own_height,
              direction in ('vertical', 'diagonal')),
        _Axis(size[1], width, left, right, own_width,
              direction in ('horizontal', 'diagonal')))
