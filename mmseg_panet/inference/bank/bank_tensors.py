"""The statistics of a bank's supports as the tensors of a file."""
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ...models import SupportStatistics
from ...models.symmetric import pack, unpack

_LEAST_SQUARE = 0.99
"""Of an axis: they are of length 1, but for the rounding of float16."""


def to_tensors(statistics: Sequence[SupportStatistics]
               ) -> tuple[dict[str, Tensor], list[dict[str, int]]]:
    """Lay the statistics of all supports one after the other.

    Args:
        statistics (Sequence[SupportStatistics]): Of each, (n,), with the same
            tensors in all of them.

    Returns:
        tuple[dict[str, Tensor], list[dict[str, int]]]: The tensors: ``sums``,
        float64 (R, C + 1), the masks of all supports, their areas in the last
        column; where there are moments, ``moments``, float32
        (R, r * (r + 1) / 2), triangles as :func:`pack` makes them, and with
        axes ``axes``, float16 (A, r, C), which supports that were cut out of
        one image share; where there are cells, ``cells`` (M, C) and
        ``weights``. And of every support the number of its ``cells`` and the
        index of its ``axes``, where it has them.
    """
    parts = [one.tensors() for one in statistics]
    tensors = {
        name: torch.cat([
            part[name].flatten() if name == 'weights' else part[name]
            for part in parts]) for name in parts[0] if name != 'axes'}
    tensors['sums'] = torch.cat(
        [tensors['sums'], tensors.pop('areas')[:, None]], 1)
    entries: list[dict[str, int]] = [{} for _ in parts]
    if 'cells' in tensors:
        for entry, part in zip(entries, parts, strict=True):
            entry['cells'] = len(part['cells'])
    if 'moments' in tensors:
        tensors['moments'] = pack(tensors['moments'])
    if 'axes' in parts[0]:
        shared = {id(part['axes']): part['axes'] for part in parts}
        tensors['axes'] = torch.stack([*shared.values()])
        places = {key: place for place, key in enumerate(shared)}
        for entry, part in zip(entries, parts, strict=True):
            entry['axes'] = places[id(part['axes'])]
    return tensors, entries


def from_tensors(tensors: Mapping[str, Tensor],
                 entries: Sequence[Mapping[str, Any]],
                 model: Mapping[str, Any]) -> list[SupportStatistics]:
    """Take the statistics of all supports out of the tensors of a file.

    Args:
        tensors (Mapping[str, Tensor]): See :func:`to_tensors`.
        entries (Sequence[Mapping[str, Any]]): Of every support, with its
            ``names``, and of every negative, without.
        model (Mapping[str, Any]): ``needs`` and ``rank`` of what measured
            them.

    Returns:
        list[SupportStatistics]: Equal to those of :func:`to_tensors`.

    Raises:
        Exception: Of any type, if they do not fit each other or cannot be
            statistics.
    """
    sums = tensors['sums']
    if sums.dtype != torch.float64 or sums.dim() != 2 or (
            not sums.isfinite().all() or (sums[:, -1] < 0).any()):
        raise ValueError(
            'expected finite sums in float64 of two dimensions with areas of '
            f'0 or more, got {sums.dtype} {tuple(sums.shape)}')
    rows = [1 + len(entry.get('names', ())) for entry in entries]
    channels = sums.shape[1] - 1
    needs = model.get('needs', ())
    parts: dict[str, Sequence[Tensor]] = dict(
        areas=sums[:, -1].split(rows), sums=sums[:, :-1].split(rows))
    if 'moments' in needs:
        rank = model.get('rank')
        if rank is not None and rank < channels:
            parts['axes'] = _axes(tensors, entries, (rank, channels))
        else:
            rank = channels
        parts['moments'] = _moments(tensors, sum(rows), rank).split(rows)
    if 'cells' in needs:
        numbers = [entry['cells'] for entry in entries]
        parts['cells'] = _numbers(
            tensors, 'cells', torch.float64, (sum(numbers), channels)
        ).split(numbers)
        sizes = [n * m for n, m in zip(rows, numbers, strict=True)]
        weights = _numbers(tensors, 'weights', torch.float64, (sum(sizes),), 0)
        parts['weights'] = [
            one.view(n, -1)
            for one, n in zip(weights.split(sizes), rows, strict=True)]
    # Not views, which would keep all others in memory.
    return [
        SupportStatistics(**{
            name: one if name == 'axes' else one.clone()
            for name, one in zip(parts, of_support, strict=True)})
        for of_support in zip(*parts.values(), strict=True)]


def _moments(tensors: Mapping[str, Tensor], rows: int, rank: int) -> Tensor:
    moments = unpack(_numbers(
        tensors, 'moments', torch.float32, (rows, rank * (rank + 1) // 2)))
    if (moments.diagonal(dim1=-2, dim2=-1) < 0).any():
        raise ValueError(
            'expected moments of 0 or more of each coordinate with itself, '
            'got negative ones')
    return moments


def _axes(tensors: Mapping[str, Tensor], entries: Sequence[Mapping[str, Any]],
          shape: tuple[int, int]) -> list[Tensor]:
    """Those of every support."""
    axes = _numbers(
        tensors, 'axes', torch.float16, (len(tensors['axes']), *shape))
    products = axes.float() @ axes.float().mT  # (A, r, r)
    apart = (products - torch.eye(shape[0])).abs() > 1 - _LEAST_SQUARE
    if apart.any():
        raise ValueError(
            'expected axes that are orthogonal and of length 1, got others')
    each = [one.clone() for one in axes]
    indices = [entry['axes'] for entry in entries]
    if set(indices) != set(range(len(each))):
        raise ValueError(
            f'expected a support for each of {len(each)} axes, got {indices}')
    return [each[index] for index in indices]


def _numbers(tensors: Mapping[str, Tensor], name: str, dtype: torch.dtype,
             shape: tuple[int, ...], least: float = -torch.inf) -> Tensor:
    """A tensor that is as it should be."""
    tensor = tensors[name]
    if tensor.dtype != dtype or tensor.shape != shape or not (
            tensor.isfinite() & (tensor >= least)).all() or 0 in shape:
        raise ValueError(
            f"expected {name} as finite {str(dtype).removeprefix('torch.')} "
            f'numbers of {shape}, got {tensor.dtype} {tuple(tensor.shape)}')
    return tensor
