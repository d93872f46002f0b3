"""The tensors of a bank's file, which hold the statistics of supports."""
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..statistics import SupportStatistics
from ..symmetric import pack, unpack
from .plausibility import LARGEST, fault_of

TENSORS = ('sums', 'moments', 'axes', 'cells', 'weights')
"""Names of the tensors of :func:`to_tensors`."""
_LEAST_SQUARE = 0.99
"""Least squared length of an axis: 1 but for the rounding of float16."""


def to_tensors(statistics: Sequence[SupportStatistics]
               ) -> tuple[dict[str, Tensor], list[dict[str, int]]]:
    """Concatenate the statistics of all supports.

    Args:
        statistics (Sequence[SupportStatistics]): Statistics of each support,
            (n,), all with the same tensors.

    Returns:
        tuple[dict[str, Tensor], list[dict[str, int]]]: The tensors and an
        entry for each support. The tensors are ``sums``, float64 (R, C + 1),
        for the masks of all supports, with their areas in the last column;
        if there are moments, ``moments``, float32 (R, r * (r + 1) / 2),
        triangles as :func:`pack` makes them; if these have axes, ``axes``,
        float16 (A, r, C), which supports of one image share; and if there
        are cells, ``cells`` (M, C) and ``weights``. The entry of a support
        has the number of its ``cells`` and the index of its ``axes`` if it
        has them.
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
    """Restore the statistics of all supports from the tensors of a file.

    Args:
        tensors (Mapping[str, Tensor]): See :func:`to_tensors`.
        entries (Sequence[Mapping[str, Any]]): Entries of the supports, with
            ``names``, and of the negatives, without.
        model (Mapping[str, Any]): Description of the model that measured
            them, with ``needs`` and ``rank``.

    Returns:
        list[SupportStatistics]: The statistics that :func:`to_tensors` got.

    Raises:
        Exception: An error of any type if the tensors do not fit each other
            or are not statistics.
    """
    sums = tensors['sums']
    if sums.dtype != torch.float64 or sums.dim() != 2 or (
            not (sums.abs() <= LARGEST).all() or (sums[:, -1] < 0).any()
            or sums.shape[1] < 2):
        raise ValueError(
            'expected finite sums in float64 of two dimensions with areas of '
            f'0 or more, none above {LARGEST:.0e}, got {sums.dtype} '
            f'{tuple(sums.shape)}')
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
    # Copies, as views would keep all tensors in memory.
    statistics = [
        SupportStatistics(**{
            name: one if name == 'axes' else one.clone()
            for name, one in zip(parts, of_support, strict=True)})
        for of_support in zip(*parts.values(), strict=True)]
    for number, one in enumerate(statistics, start=1):
        if fault := fault_of(one, unit=model.get('cells') == 'unit'):
            raise ValueError(f'image {number} of {len(statistics)}: {fault}')
    return statistics


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
    """Return the axes of every support."""
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
    """Return a tensor after its type, shape and values are checked."""
    tensor = tensors[name]
    if tensor.dtype != dtype or tensor.shape != shape or not (
            (tensor.abs() <= LARGEST) & (tensor >= least)
    ).all() or 0 in shape:
        raise ValueError(
            f"expected {name} as finite {str(dtype).removeprefix('torch.')} "
            f'numbers of {shape}, got {tensor.dtype} {tuple(tensor.shape)}')
    return tensor
