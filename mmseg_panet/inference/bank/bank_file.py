"""Prototype banks as files: safetensors with a JSON header, never pickle."""
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from ...errors import InputError
from ...files import prepare_output, write_whole
from ...models import SupportStatistics
from ...version import __version__
from ..supports.pairs import check_class_name
from .prototype_bank import BankedSupport, PrototypeBank

_FORMAT = 1
"""Of the header: raise it when an older reader would go wrong."""
_KEY = 'mmseg_panet'
"""Key of the header in the file's own metadata."""
_OF_A_SUPPORT = {
    'class_name': str, 'names': list, 'image': str, 'image_sha256': str,
    'labels_sha256': str}


def write_bank(path: str | os.PathLike, bank: PrototypeBank,
               model: Mapping[str, Any]) -> None:
    """Write a bank, whole or not at all; the same bank gives the same bytes.

    The tensors are ``prototypes``, float32 (1 + W, C), background first, for
    other programs, and ``sums``, float64 (R, C + 1): the masks of all
    supports one after the other, see :class:`BankedSupport`, their areas in
    the last column. A classifier that needs more than sums adds ``moments``
    (R, C, C), or ``cells`` (M, C) and ``weights``, those of each support one
    after the other. The header, JSON, holds ``format``, ``version``,
    ``classes``, the supports without their statistics, and what the
    statistics depend on.

    Args:
        path (str | os.PathLike): The file; its folder is made.
        bank (PrototypeBank): With one class or more.
        model (Mapping[str, Any]): What the sums depend on, as JSON can hold
            it, see :func:`describe_model`.

    Raises:
        InputError: If the bank is empty or the file cannot be written.
    """
    prototypes = bank.prototypes().float()
    header = dict(
        format=_FORMAT,
        version=__version__,
        classes=list(bank.classes),
        shots=bank.shots,
        model=model,
        supports=[
            {key: getattr(one, key) for key in _OF_A_SUPPORT} | (
                {} if one.statistics.cells is None
                else {'cells': len(one.statistics.cells)})
            for one in bank.supports])
    data = safetensors.torch.save(
        dict(prototypes=prototypes, **_joined(
            [one.statistics for one in bank.supports])),
        metadata={_KEY: json.dumps(header)})
    prepare_output(path)
    write_whole(Path(path), data)


def read_bank(path: str | os.PathLike,
              model: Mapping[str, Any]) -> PrototypeBank:
    """Read a bank for a model.

    Args:
        path (str | os.PathLike): A file of :func:`write_bank`.
        model (Mapping[str, Any]): Of the model that it is read for.

    Returns:
        PrototypeBank: Equal to the one written.

    Raises:
        InputError: If it is no such file, or of another model.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(
            f'the bank {path} cannot be read ({error.strerror}); give a file '
            'that save() or tools/fit_prototypes.py wrote') from error
    try:
        tensors = safetensors.torch.load(data)
        header = json.loads(_metadata(data)[_KEY])
        _check_header(header)
        supports = _split(header, tensors)
    # A file that is none fails at any of these.
    except Exception as error:
        raise InputError(
            f'{path} is no prototype bank ({type(error).__name__}: {error}); '
            'give a file that save() or tools/fit_prototypes.py wrote, and '
            'write it again if it is damaged') from error
    for key, (fault, default) in _FAULTS.items():
        wanted, got = (
            one.get(key, default) for one in (model, header['model']))
        if wanted != got:
            raise InputError(
                f'the bank {path} was made with {fault}: expected '
                f'{_short(wanted)}, got {_short(got)}; load it with the '
                'config and checkpoint it was made with, or fit the supports '
                'again')
    return PrototypeBank(supports)


_FAULTS = {
    'weights_sha256': ("another model's weights", None),
    'network': ('another network', None),
    'preprocessing': ('images that were prepared otherwise', None),
    'pooling': ('another pooling', None),
    'classifier': ('another classifier', 'PrototypeClassifier'),
    'cells': ('other cells', 'raw'),
    'matching': ('another matching', None),
}
"""What a bank must share with a model, most telling first, and what banks
without the entry have."""


def _check_header(header: Any) -> None:
    if header['format'] != _FORMAT:
        raise ValueError(
            f"expected format {_FORMAT}, got {header['format']}, which "
            f"version {header.get('version')} wrote")
    for one in header['supports']:
        for key, kind in _OF_A_SUPPORT.items():
            if not isinstance(one[key], kind):
                raise ValueError(f'{key} of a support is {one[key]!r}')
        if not one['names'] or one['names'][0] != one['class_name']:
            raise ValueError(
                f"a support of {one['class_name']!r} shows {one['names']}")
    classes = list(dict.fromkeys(
        one['class_name'] for one in header['supports']))
    if not classes or classes != header['classes']:
        raise ValueError(
            f"classes are {header['classes']}, supports are of {classes}")
    for name in classes:
        check_class_name(name, 'the bank')
    if not isinstance(header['model'], dict):
        raise ValueError('the header names no model')


def _joined(supports: Sequence[SupportStatistics]) -> dict[str, Tensor]:
    """The statistics of all supports as the tensors of a file."""
    joined = {'sums': torch.cat([
        torch.cat([one.sums, one.areas[:, None]], 1) for one in supports])}
    for name in sorted(set(supports[0].tensors()) - {'sums', 'areas'}):
        parts = [one.tensors()[name] for one in supports]
        joined[name] = torch.cat([
            part.flatten() for part in parts]) if name == 'weights' else (
                torch.cat(parts))
    return joined


def _split(header: dict, tensors: dict[str, Tensor]) -> list[BankedSupport]:
    """Divide the rows among the supports."""
    sums = tensors['sums']
    if sums.dtype != torch.float64 or sums.dim() != 2 or (
            not sums.isfinite().all()):
        raise ValueError(
            'expected finite sums in float64 of two dimensions, got '
            f'{sums.dtype} {tuple(sums.shape)}')
    if not (sums[:, -1] >= 0).all():
        raise ValueError('an area is below 0')
    rows = [1 + len(one['names']) for one in header['supports']]
    parts: dict[str, Sequence[Tensor]] = dict(
        sums=[part[:, :-1].clone() for part in sums.split(rows)],
        areas=[part[:, -1].clone() for part in sums.split(rows)])
    if 'moments' in tensors:
        parts['moments'] = tensors['moments'].split(rows)
    if 'cells' in tensors:
        cells = [one['cells'] for one in header['supports']]
        parts['cells'] = tensors['cells'].split(cells)
        parts['weights'] = [
            part.view(number, -1) for number, part in zip(
                rows, tensors['weights'].split([
                    number * each for number, each in zip(
                        rows, cells, strict=True)]), strict=True)]
    return [
        BankedSupport(
            one['class_name'], tuple(one['names']),
            SupportStatistics(**dict(zip(parts, of_support, strict=True))),
            one['image'], one['image_sha256'], one['labels_sha256'])
        for one, *of_support in zip(
            header['supports'], *parts.values(), strict=True)]


def _metadata(data: bytes) -> dict[str, str]:
    """The file's own metadata: after the length, a JSON header."""
    length = int.from_bytes(data[:8], 'little')
    return json.loads(data[8:8 + length])['__metadata__']


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 200 else f'{text[:200]}...'
