"""Statistics of supports: all that few examples tell about their classes.

A prototype is a sum over pixels divided by their number (PANet, section 3.2,
equations 1 and 2), and the background is what the classes leave over. So a
few sums a class are all that an image adds to any episode, and they add up
over images.
"""
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from .main_axes import main_axes
from .resize import Resize

NEEDS = ('moments', 'cells')
"""What a classifier may ask for beside areas and sums."""
EPS = 1e-5
"""Added to an area, as in the released code of the paper."""
_NOTHING = 1e-10
"""Share of an image's area below which a difference is rounding."""
_MASK_DIM = {'areas': -1, 'sums': -2, 'moments': -3, 'weights': -2}
"""Where each tensor has its n masks."""


@dataclass(frozen=True, eq=False)
class SupportStatistics:
    """Areas and sums of the cells under the masks of supports.

    Leading dimensions are those of supports, episodes and so on; ``n`` is
    the number of masks of each: classes, with the background or with all
    valid pixels first.

    Attributes:
        areas (Tensor): (..., n), in pixels.
        sums (Tensor): (..., n, C), sums of cells over pixels.
        moments (Tensor, optional): (..., n, C, C), sums of the outer
            products of cells with themselves.
        cells (Tensor, optional): (..., m, C), the cells.
        weights (Tensor, optional): (..., n, m), pixels of every cell.
        axes (Tensor, optional): (..., r, C). With axes ``moments`` are those
            of the cells' coordinates along them, (..., n, r, r).
        shares (Tensor, optional): (...,), of each support in the background,
            see :func:`add_negatives`.
        own_shares (Tensor, optional): (...,), of each support in its own
            class, see :func:`weigh_adapted`.
    """

    areas: Tensor
    sums: Tensor
    moments: Tensor | None = None
    cells: Tensor | None = None
    weights: Tensor | None = None
    axes: Tensor | None = None
    shares: Tensor | None = None
    own_shares: Tensor | None = None

    @classmethod
    def of_weights(cls, features: Tensor, weights: Tensor,
                   needs: Sequence[str] = (), unit: bool = False,
                   rank: int | None = None,
                   valid: Tensor | None = None) -> 'SupportStatistics':
        """Measure features under the weights of their cells.

        Args:
            features (Tensor): (N, C, h, w), in any memory format.
            weights (Tensor): (N, n, h, w), in pixels.
            needs (Sequence[str]): Of :data:`NEEDS`. Defaults to none.
            unit (bool): Whether cells are normalised first. Defaults to
                False.
            rank (int, optional): How many :func:`main_axes` the moments
                keep, where there are more channels. Defaults to all of the
                channels.
            valid (Tensor, optional): (N, h, w), pixels that count for the
                axes. Defaults to those of all masks.

        Returns:
            SupportStatistics: Of N supports.
        """
        if unit:
            features = F.normalize(features, dim=1)
        cells = features.flatten(2)  # (N, C, h*w)
        areas = weights.sum((2, 3))
        weights = weights.flatten(2)  # (N, n, h*w)
        rows = cells.transpose(1, 2)  # (N, h*w, C)
        # The order of the product is the memory format of its gradient.
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
    def of_classes(cls, features: Tensor, labels: Tensor, num_classes: int,
                   pooling: Resize, needs: Sequence[str] = (),
                   unit: bool = False,
                   rank: int | None = None) -> 'SupportStatistics':
        """Measure what each image adds to any episode of its classes.

        Args:
            features (Tensor): (N, C, h, w).
            labels (Tensor): (N, H, W), 1..num_classes, 0 for any other class
                and 255 for ignored pixels.
            num_classes (int): Number of classes.
            pooling (Resize): float64; its adjoint maps (H, W) to (h, w).
            needs (Sequence[str]): See :meth:`of_weights`.
            unit (bool): See :meth:`of_weights`.
            rank (int, optional): See :meth:`of_weights`.

        Returns:
            SupportStatistics: Of N images, in float64; n is 1 + num_classes,
            first all valid pixels, then each class.
        """
        # One by one, as an image may be large; in float64, as the background
        # is a difference of these.
        weights = torch.stack([
            pooling.adjoint(mask.double()) for mask in (
                labels != 255,
                *(labels == i for i in range(1, 1 + num_classes)))], dim=1)
        return cls.of_weights(
            features.double(), weights, needs, unit, rank, weights[:, 0])

    def each(self, function: Callable[[Tensor], Tensor]
             ) -> 'SupportStatistics':
        """Apply a function of the leading dimensions to all tensors."""
        return SupportStatistics(**{
            name: function(one) for name, one in self.tensors().items()})

    def tensors(self) -> dict[str, Tensor]:
        """The tensors that there are, by their names."""
        # torch.compile cannot follow vars(self).
        return {
            one.name: getattr(self, one.name) for one in fields(self)
            if getattr(self, one.name) is not None}

    def masks(self, index: slice | Sequence[int] | Tensor
              ) -> 'SupportStatistics':
        """Choose some of the n masks."""
        return self._by_mask(
            lambda one, dim: one[(..., index) + (slice(None),) * (-dim - 1)])

    def __add__(self, other: 'SupportStatistics') -> 'SupportStatistics':
        """Add other supports, mask by mask."""
        return stack([self, other]).pooled(0)

    def __sub__(self, other: 'SupportStatistics') -> 'SupportStatistics':
        """Take parts of these masks away, which are of the same cells."""
        taken = other.tensors()
        return replace(self, **{
            name: getattr(self, name) - taken[name] for name in _MASK_DIM
            if name in taken})

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
        """Find what the classes leave of all valid pixels.

        Returns:
            SupportStatistics: n is 1, the first mask without all others;
            zeros where they leave nothing.
        """
        total = self.masks(slice(1))
        left = total - self.masks(slice(1, None))._by_mask(
            lambda one, dim: one.sum(dim, True))
        # Rounding must not become a direction, and tables and banks keep
        # moments in float32.
        least = _NOTHING if self.moments is None else max(
            _NOTHING, 1e3 * torch.finfo(self.moments.dtype).eps)
        some = left.areas > least * total.areas  # (..., 1)
        return left._by_mask(
            lambda one, dim: one * some[(...,) + (None,) * (-dim - 1)])

    def pair(self) -> 'SupportStatistics':
        """Find the background and the own class of supports.

        Returns:
            SupportStatistics: n is 2, of the masks of all valid pixels, of
            the classes, and of the own class, which is the last.
        """
        return join([self.masks(slice(-1)).background(),
                     self.masks(slice(-1, None))])

    def _by_mask(self, function: Callable[[Tensor, int], Tensor]
                 ) -> 'SupportStatistics':
        """Apply a function to each tensor that has n, with its dimension."""
        return replace(self, **{
            name: function(one, _MASK_DIM[name])
            for name, one in self.tensors().items() if name in _MASK_DIM})

    def means(self) -> Tensor:
        """Mean of the cells under each mask (PANet, equations 1 and 2).

        Returns:
            Tensor: (..., n, C); zeros under an empty mask.
        """
        return self.sums / (self.areas + EPS)[..., None]

    def groups(self, shots: Sequence[int]) -> list[int]:
        """Count the supports of each way and, if there are any, negatives.

        Args:
            shots (Sequence[int]): Supports of each way.
        """
        if self.shares is None:
            return list(shots)
        return [*shots, self.shares.shape[-1] - sum(shots)]

    def class_means(self, shots: Sequence[int]) -> Tensor:
        """Mean of the background and of every way, over their supports.

        A way's is the mean over its own shots; the background's is the mean
        over the supports of all ways; by their shares if they have any.

        Args:
            shots (Sequence[int]): Supports of each way; the last leading
                dimension holds them way by way, negatives last, and n is 2.

        Returns:
            Tensor: (..., 1 + W, C), background first.
        """
        background, own = self.means().unbind(-2)  # (..., N, C) each
        if self.own_shares is not None:
            own = self.own_shares[..., None] * own
        ways = own.split(self.groups(shots), -2)[:len(shots)]
        return torch.stack([
            background.mean(-2) if self.shares is None
            else (self.shares[..., None] * background).sum(-2),
            *(way.mean(-2) if self.own_shares is None else way.sum(-2)
              for way in ways)], dim=-2)


def join(parts: Sequence[SupportStatistics]) -> SupportStatistics:
    """Join the masks of the same cells along n."""
    return replace(parts[0], **{
        name: torch.cat([getattr(part, name) for part in parts], dim)
        for name, dim in _MASK_DIM.items() if name in parts[0].tensors()})


def stack(parts: Sequence[SupportStatistics]) -> SupportStatistics:
    """Stack supports with as many masks along a new dimension 0.

    Those with fewer cells get cells without a pixel.
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
    """One mask a value of the labels; ignored pixels (255) are in none.

    The device of the labels is not waited for.

    Args:
        labels (Tensor): (N, H, W), episode labels: 0, 1..W, 255.
        values (Sequence[int] | Sequence[Sequence[int]]): n, or (N, n) where
            they differ with the image.

    Returns:
        Tensor: bool (N, n, H, W).
    """
    wanted = torch.tensor(values).to(labels.device, non_blocking=True)
    return labels.unsqueeze(-3) == wanted[..., None, None]
