"""Prototype banks as files: safetensors with a JSON header, never pickle."""
import json
from collections.abc import Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from ...annotations.class_list import check_class_name
from ...errors import InputError
from ...files import StrPath, prepare_output, write_whole
from ...models import SupportStatistics
from ...version import __version__
from .prototype_bank import BankedSupport, PrototypeBank

_FORMAT = 1
"""Version of the header: raise it when an older reader would go wrong."""
_KEY = 'mmseg_panet'
"""Key of the header in the file's own metadata."""
_OF_A_SUPPORT = {
    'class_name': str, 'names': list, 'image': str, 'image_sha256': str,
    'labels_sha256': str}
"""What the header says of a support."""


def write_bank(path: StrPath, bank: PrototypeBank,
               model: Mapping[str, Any]) -> None:
    """Write a bank in one step; the same bank gives the same bytes.

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
    parts = [one.statistics.tensors() for one in bank.supports]
    tensors = {
        name: torch.cat([
            part[name].flatten() if name == 'weights' else part[name]
            for part in parts]) for name in parts[0]}
    tensors['sums'] = torch.cat(
        [tensors['sums'], tensors.pop('areas')[:, None]], 1)
    header = dict(
        format=_FORMAT, version=__version__, classes=list(bank.classes),
        shots=bank.shots, model=model,
        supports=[
            {key: getattr(one, key) for key in _OF_A_SUPPORT} | (
                {} if one.statistics.cells is None
                else {'cells': len(one.statistics.cells)})
            for one in bank.supports])
    prepare_output(path)
    write_whole(Path(path), safetensors.torch.save(
        dict(tensors, prototypes=prototypes),
        metadata={_KEY: json.dumps(header)}))


def read_bank(path: StrPath, model: Mapping[str, Any]) -> PrototypeBank:
    """Read a bank for a model.

    Args:
        path (str | os.PathLike): A file of :func:`write_bank`.
        model (Mapping[str, Any]): Of the model that it is read for.

    Returns:
        PrototypeBank: Equal to the one written.

    Raises:
        InputError: If it is no such file, or of another model.
    """
    remedy = 'give a file that save() or tools/fit_prototypes.py wrote'
    try:
        tensors = safetensors.torch.load(Path(path).read_bytes())
        with safetensors.safe_open(path, 'pt') as file:
            header = json.loads((file.metadata() or {})[_KEY])
        _check_header(header)
        supports = _split(header, tensors)
        made_with = dict(header['model'])
    except OSError as error:
        raise InputError(
            f'{path} cannot be read ({error.strerror}); {remedy}') from error
    # A file that is none fails at any of these.
    except Exception as error:
        raise InputError(
            f'{path} is no prototype bank ({type(error).__name__}: {error}); '
            f'{remedy}, and write it again if it is damaged') from error
    for key, (fault, default) in _FAULTS.items():
        wanted, got = (one.get(key, default) for one in (model, made_with))
        if wanted != got:
            raise InputError(
                f'the bank {path} was made with {fault}: expected '
                f'{shorten(str(wanted), 200)}, got {shorten(str(got), 200)}; '
                'load it with the config and checkpoint it was made with, or '
                'fit the supports again')
    return PrototypeBank(supports)


_FAULTS: dict[str, tuple[str, Any]] = {
    'weights_sha256': ("another model's weights", None),
    'network': ('another network', None),
    'preprocessing': ('images that were prepared otherwise', None),
    'pooling': ('another pooling', None),
    'classifier': ('another classifier', 'PrototypeClassifier'),
    'cells': ('other cells', 'raw'),
    'needs': ('other statistics', []),
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
        if one['names'][:1] != [one['class_name']]:
            raise ValueError(
                f"a support of {one['class_name']!r} shows {one['names']}")
        check_class_name(one['class_name'], 'the bank')
    classes = list(dict.fromkeys(
        one['class_name'] for one in header['supports']))
    if not classes or classes != header['classes']:
        raise ValueError(
            f"classes are {header['classes']}, supports are of {classes}")


def _split(header: dict, tensors: dict[str, Tensor]) -> list[BankedSupport]:
    """Divide the rows among the supports."""
    sums = tensors['sums']
    if sums.dtype != torch.float64 or sums.dim() != 2 or (
            not sums.isfinite().all() or (sums[:, -1] < 0).any()):
        raise ValueError(
            'expected finite sums in float64 of two dimensions with areas of '
            f'0 or more, got {sums.dtype} {tuple(sums.shape)}')
    rows = [1 + len(one['names']) for one in header['supports']]
    cells = [one.get('cells', 0) for one in header['supports']]
    channels = sums.shape[1] - 1
    sizes: dict[str, tuple[list[int], tuple[int, ...]]] = dict(
        moments=(rows, (channels, channels)), cells=(cells, (channels,)),
        weights=([n * m for n, m in zip(rows, cells, strict=True)], ()))
    parts = {'sums': sums.split(rows)}
    for name in header['model'].get('needs', ()):
        for one in ('cells', 'weights') if name == 'cells' else (name,):
            of_supports, shape = sizes[one]
            tensor = tensors[one]
            if tensor.shape != (sum(of_supports), *shape) or (
                    min(of_supports) < 1 or tensor.dtype != torch.float64
                    or not tensor.isfinite().all()
                    or one == 'weights' and (tensor < 0).any()):
                raise ValueError(
                    f'expected {one} as finite float64 numbers of '
                    f'{(sum(of_supports), *shape)}, got {tensor.dtype} '
                    f'{tuple(tensor.shape)}')
            parts[one] = tensor.split(of_supports)
    supports = []
    for one, *tensors_of in zip(
            header['supports'], *parts.values(), strict=True):
        found = dict(zip(parts, map(Tensor.clone, tensors_of), strict=True))
        sums = found.pop('sums')
        if 'weights' in found:
            found['weights'] = found['weights'].view(len(sums), -1)
        supports.append(BankedSupport(
            one['class_name'], tuple(one['names']),
            SupportStatistics(
                sums[:, -1].clone(), sums[:, :-1].clone(), **found),
            one['image'], one['image_sha256'], one['labels_sha256']))
    return supports
