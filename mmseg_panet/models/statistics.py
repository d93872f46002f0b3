"""Statistics of supports, from which classifiers are fitted.

A prototype is a sum over pixels divided by their number (PANet, section 3.2,
equations 1 and 2), and the background is all pixels minus those of the
classes. A few sums per class are therefore all that is needed of an image in
any episode, and they can be added over images.
"""
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from .main_axes import main_axes
from .resize import Resize

NEEDS = ('moments', 'cells')
"""Statistics that a classifier may require besides areas and sums."""
EPS = 1e-5
"""Number added to an area, as in the released code of the paper."""
_ROUNDING = 1e-10
"""Fraction of an image's area below which a difference is rounding."""
_MASK_DIM = {'areas': -1, 'sums': -2, 'moments': -3, 'weights': -2}
"""The dimension n of each tensor."""


@dataclass(frozen=True, eq=False)
class SupportStatistics:
    """Areas and sums of the cells under the masks of supports.

    Leading dimensions are those of supports, episodes and so on; ``n`` is
    the number of masks of each: the background or all valid pixels, and then
    the classes.

    Attributes:
        areas (Tensor): Areas (..., n) in pixels.
        sums (Tensor): Sums (..., n, C) of cells over pixels.
        moments (Tensor, optional): Sums (..., n, C, C) of the cells' outer
            products.
        cells (Tensor, optional): Cells (..., m, C).
        weights (Tensor, optional): Pixels (..., n, m) of every cell.
        axes (Tensor, optional): Axes (..., r, C). ``moments`` are then those
            of the cells' coordinates along the axes, (..., n, r, r).
        shares (Tensor, optional): Shares (...,) of each support in the
            background, see :func:`add_negatives`.
        way_shares (Tensor, optional): Shares (...,) of each support in its
            way, see :func:`weigh_adapted`.

    Example:
        >>> cells = torch.tensor([[[[1., 3.]], [[0., 2.]]]])  # (1, 2, 1, 2)
        >>> masks = torch.tensor([[[[0., 4.]], [[4., 0.]]]])  # (1, n, 1, 2)
        >>> SupportStatistics.from_weights(cells, masks).sums
        tensor([[[12.,  8.],
                 [ 4.,  0.]]])
    """

    areas: Tensor
    sums: Tensor
    moments: Tensor | None = None
    cells: Tensor | None = None
    weights: Tensor | None = None
    axes: Tensor | None = None
    shares: Tensor | None = None
    way_shares: Tensor | None = None

    @classmethod
    def from_weights(cls, features: Tensor, weights: Tensor,
                     needs: Sequence[str] = (), unit: bool = False,
                     rank: int | None = None,
                     valid: Tensor | None = None) -> 'SupportStatistics':
        """Compute statistics of features with weights of their cells.

        Args:
            features (Tensor): Features (N, C, h, w) in any memory format.
            weights (Tensor): Weights (N, n, h, w) in pixels.
            needs (Sequence[str]): Items of :data:`NEEDS`. Defaults to ().
            unit (bool): Whether to normalise cells. Defaults to False.
            rank (int, optional): Number of :func:`main_axes` of the moments
                if there are more channels. Defaults to all channels.
            valid (Tensor, optional): Pixels (N, h, w) that count for the
                axes. Defaults to those of all masks.

        Returns:
            SupportStatistics: Statistics of N supports.
        """
        if unit:
            features = F.normalize(features, dim=1)
        cells = features.flatten(2)  # (N, C, h*w)
        areas = weights.sum((2, 3))
        weights = weights.flatten(2)  # (N, n, h*w)
        rows = cells.transpose(1, 2)  # (N, h*w, C)
        # The order of the factors sets the memory format of the gradient.
        sums = torch.bmm(weights, rows) if features.stride(1) == 1 else (
            torch.bmm(cells, weights.transpose(1, 2)).transpose(1, 2))
        asked = {}
        if 'moments' in needs:
            along, places = cells, rows
            if rank is not None and rank < rows.shape[2]:
                asked['axes'] = main_axes(
                    rows, weights.sum(1) if valid is None
                    else valid.flatten(1), rank)
                places = rows @ asked['axes'].to(rows).transpose(1, 2)
                along = places.transpose(1, 2)
            asked['moments'] = torch.stack([
                torch.bmm(along * one[:, None], places)
                for one in weights.unbind(1)], dim=1)  # (N, n, C, C)
        if 'cells' in needs:
            asked.update(cells=rows, weights=weights)
        return cls(areas, sums, **asked)

    @classmethod
    def from_classes(cls, features: Tensor, labels: Tensor, num_classes: int,
                     pooling: Resize, needs: Sequence[str] = (),
                     unit: bool = False,
                     rank: int | None = None) -> 'SupportStatistics':
        """Compute statistics of images for any episode of their classes.

        Args:
            features (Tensor): Features (N, C, h, w).
            labels (Tensor): Labels (N, H, W): 1..num_classes, 0 for other
                classes and 255 for ignored pixels.
            num_classes (int): Number of classes.
            pooling (Resize): Map in float64 from (h, w) to (H, W).
            needs (Sequence[str]): See :meth:`from_weights`.
            unit (bool): See :meth:`from_weights`.
            rank (int, optional): See :meth:`from_weights`.

        Returns:
            SupportStatistics: Statistics of N images in float64, with
            n = 1 + num_classes: all valid pixels, and then each class.
        """
        # Mask by mask, as an image may be large, and in float64, as the
        # background is a difference of these.
        weights = torch.stack([
            pooling.adjoint(mask.double()) for mask in (
                labels != 255,
                *(labels == i for i in range(1, 1 + num_classes)))], dim=1)
        return cls.from_weights(
            features.double(), weights, needs, unit, rank, weights[:, 0])

    def each(self, function: Callable[[Tensor], Tensor]
             ) -> 'SupportStatistics':
        """Apply a function of the leading dimensions to all tensors."""
        return SupportStatistics(**{
            name: function(one) for name, one in self.tensors().items()})

    def tensors(self) -> dict[str, Tensor]:
        """Return the tensors that are not None by their names."""
        # torch.compile does not support vars(self).
        return {
            one.name: getattr(self, one.name) for one in fields(self)
            if getattr(self, one.name) is not None}

    def masks(self, index: slice | Sequence[int] | Tensor
              ) -> 'SupportStatistics':
        """Select some of the n masks."""
        return self._by_mask(
            lambda one, dim: one[(..., index) + (slice(None),) * (-dim - 1)])

    def __add__(self, other: 'SupportStatistics') -> 'SupportStatistics':
        """Add other supports, mask by mask."""
        return stack([self, other]).pooled(0)

    def __sub__(self, other: 'SupportStatistics') -> 'SupportStatistics':
        """Subtract parts of these masks, which have the same cells."""
        parts = other.tensors()
        return replace(self, **{
            name: getattr(self, name) - parts[name] for name in _MASK_DIM
            if name in parts})

    def pooled(self, dim: int) -> 'SupportStatistics':
        """Add all supports of a leading dimension, 0 or more."""
        if self.axes is not None and self.moments is not None:
            axes = self.axes.to(self.moments)[..., None, :, :]
            return replace(
                self, axes=None, moments=axes.mT @ self.moments @ axes
            ).pooled(dim)
        added = {name: one.sum(dim) for name, one in self.tensors().items()}
        if self.cells is not None and self.weights is not None:
            added['cells'] = self.cells.movedim(dim, -3).flatten(-3, -2)
            added['weights'] = self.weights.movedim(dim, -2).flatten(-2)
        return SupportStatistics(**added)

    def background(self) -> 'SupportStatistics':
        """Subtract all classes from all valid pixels, which are the first.

        Returns:
            SupportStatistics: Statistics with n = 1, which are zero if
            nothing remains.
        """
        total = self.masks(slice(1))
        left = total - self.masks(slice(1, None))._by_mask(
            lambda one, dim: one.sum(dim, True))
        # A rounding error must not become a direction; tables and banks
        # store moments in float32.
        least = _ROUNDING if self.moments is None else max(
            _ROUNDING, 1e3 * torch.finfo(self.moments.dtype).eps)
        some = left.areas > least * total.areas  # (..., 1)
        return left._by_mask(
            lambda one, dim: one * some[(...,) + (None,) * (-dim - 1)])

    def pair(self) -> 'SupportStatistics':
        """Select the background and the last class, which is the way.

        Returns:
            SupportStatistics: Statistics with n = 2. The background is the
            first mask (all valid pixels) minus all between it and the last.
        """
        return join([self.masks(slice(-1)).background(),
                     self.masks(slice(-1, None))])

    def _by_mask(self, function: Callable[[Tensor, int], Tensor]
                 ) -> 'SupportStatistics':
        """Apply a function to each tensor with masks, and their dimension."""
        return replace(self, **{
            name: function(one, _MASK_DIM[name])
            for name, one in self.tensors().items() if name in _MASK_DIM})

    def means(self) -> Tensor:
        """Compute the mean cell of each mask (PANet, equations 1 and 2).

        Returns:
            Tensor: Means (..., n, C); zero for an empty mask.
        """
        return self.sums / (self.areas + EPS)[..., None]

    def groups(self, shots: Sequence[int]) -> list[int]:
        """Count the supports of each way, and negatives if there are any."""
        if self.shares is None:
            return list(shots)
        return [*shots, self.shares.shape[-1] - sum(shots)]

    def class_means(self, shots: Sequence[int]) -> Tensor:
        """Average the background and every way over their supports.

        The mean of a way is over its shots, and that of the background over
        the supports of all ways, weighted by their shares if there are any.

        Args:
            shots (Sequence[int]): Numbers of supports of the ways. The last
                leading dimension has them way by way and then negatives, and
                n is 2.

        Returns:
            Tensor: Means (..., 1 + W, C), background first.
        """
        background, of_way = self.means().unbind(-2)  # (..., N, C) each
        if self.way_shares is not None:
            of_way = self.way_shares[..., None] * of_way
        ways = of_way.split(self.groups(shots), -2)[:len(shots)]
        return torch.stack([
            background.mean(-2) if self.shares is None
            else (self.shares[..., None] * background).sum(-2),
            *(way.mean(-2) if self.way_shares is None else way.sum(-2)
              for way in ways)], dim=-2)


def join(parts: Sequence[SupportStatistics]) -> SupportStatistics:
    """Concatenate masks of the same cells along n."""
    return replace(parts[0], **{
        name: torch.cat([getattr(part, name) for part in parts], dim)
        for name, dim in _MASK_DIM.items() if name in parts[0].tensors()})


def stack(parts: Sequence[SupportStatistics]) -> SupportStatistics:
    """Stack supports with the same n along a new dimension 0.

    Supports with fewer cells are padded with cells without pixels.
    """
    stacked = {
        name: [getattr(part, name) for part in parts]
        for name in parts[0].tensors()}
    if 'cells' in stacked:
        most = max(one.shape[-2] for one in stacked['cells'])
        stacked['cells'] = [
            F.pad(one, (0, 0, 0, most - one.shape[-2]))
            for one in stacked['cells']]
        stacked['weights'] = [
            F.pad(one, (0, most - one.shape[-1]))
            for one in stacked['weights']]
    return SupportStatistics(**{
        name: torch.stack(of_parts) for name, of_parts in stacked.items()})


def label_masks(labels: Tensor, values: Sequence) -> Tensor:
    """Compute the masks of labels without a synchronization.

    Args:
        labels (Tensor): Episode labels (N, H, W): 0, 1..W, and 255.
        values (Sequence[int] | Sequence[Sequence[int]]): The n labels, or
            (N, n) if they depend on the image.

    Returns:
        Tensor: Masks (N, n, H, W) bool.
    """
    wanted = torch.tensor(values).to(labels.device, non_blocking=True)
    return labels.unsqueeze(-3) == wanted[..., None, None]
