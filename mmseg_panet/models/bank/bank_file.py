"""The file of a prototype bank: safetensors with a JSON header, no pickle."""
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from textwrap import shorten
from typing import Any

import safetensors.torch

from ...errors import InputError
from ...files import StrPath, check_regular, prepare_output, write_atomic
from ...json_text import parse_json
from ...version import __version__
from .bank_header import (
    FORMAT,
    NEGATIVE_KEYS,
    SUPPORT_KEYS,
    WITH_NEGATIVES,
    check_header,
)
from .bank_tensors import TENSORS, from_tensors, to_tensors
from .banked_image import BankedNegative, BankedSupport
from .prototype_bank import PrototypeBank

_KEY = 'mmseg_panet'
"""Key of the header in the metadata of the file."""


def write_bank(path: StrPath, bank: PrototypeBank,
               model: Mapping[str, Any]) -> None:
    """Write a bank in one step; the same bank gives the same bytes.

    The tensors are ``prototypes``, float32 (1 + W, C), background first, for
    other programs, and those of :func:`to_tensors`. With the second moments
    of 1024 channels along 64 axes, each class and support takes 164 kB. The
    JSON header holds ``format``, ``version``, ``classes``, the supports
    without their statistics, and ``model``, which describes what the
    statistics depend on and the classifier with its settings. With
    negatives, whose statistics follow those of the supports, the format is 2
    and the header also holds ``negatives`` and ``negative_share``.

    Args:
        path (str | os.PathLike): Path of the file; its folder is created.
        bank (PrototypeBank): A bank with at least one class.
        model (Mapping[str, Any]): See :func:`describe_model`.

    Raises:
        InputError: If the bank is empty or a prototype is not finite, or see
            :func:`check_bank_path`.
    """
    prototypes = bank.prototypes().float()
    for name, prototype in zip(
            ('the background', *bank.classes), prototypes, strict=True):
        if not prototype.isfinite().all():
            raise InputError(
                f'expected a finite prototype of {name} for the bank {path}, '
                'got infinite values or nan; remove the examples of the class '
                'and register it again')
    supports, negatives = bank.supports, bank.negatives
    tensors, entries = to_tensors(
        [one.statistics for one in supports]
        + [one.statistics for one in negatives])
    header = dict(
        format=WITH_NEGATIVES if negatives else FORMAT,
        version=__version__, classes=list(bank.classes), shots=bank.shots,
        model=model, supports=[
            {key: getattr(one, key) for key in SUPPORT_KEYS} | entry
            for one, entry in zip(
                supports, entries[:len(supports)], strict=True)])
    if negatives:
        header |= dict(negative_share=bank.negative_share, negatives=[
            {key: getattr(one, key) for key in NEGATIVE_KEYS} | entry
            for one, entry in zip(
                negatives, entries[len(supports):], strict=True)])
    check_bank_path(path)
    write_atomic(Path(path), safetensors.torch.save(
        dict(tensors, prototypes=prototypes),
        metadata={_KEY: json.dumps(header)}))


def check_bank_path(path: StrPath) -> None:
    """Check that a bank can be written, before the work that produces it.

    Args:
        path (str | os.PathLike): Path that ends in .safetensors or has no
            suffix. Its folder is created.

    Raises:
        InputError: If it has another suffix, which other programs would
            believe, or see :func:`prepare_output`.
    """
    if Path(path).suffix not in ('', '.safetensors'):
        raise InputError(
            f'expected the bank as a .safetensors file, got {path}; end the '
            'name in .safetensors')
    prepare_output(path)


def read_bank(path: StrPath, model: Mapping[str, Any]) -> PrototypeBank:
    """Read a bank for a model.

    Args:
        path (str | os.PathLike): A file of :func:`write_bank`.
        model (Mapping[str, Any]): Description of the model that the bank is
            read for, see :func:`suit`.

    Returns:
        PrototypeBank: A bank that is equal to the one written.

    Raises:
        InputError: If the file is not a bank, or was made with another
            model.
    """
    return suit(path, *open_bank(path), model)


def open_bank(path: StrPath) -> tuple[dict[str, Any], PrototypeBank]:
    """Read a bank of any model.

    Args:
        path (str | os.PathLike): A file of :func:`write_bank`.

    Returns:
        tuple[dict[str, Any], PrototypeBank]: The description of the model
        that the bank was made with, and the bank.

    Raises:
        InputError: If the file is not a bank.
    """
    remedy = 'give a file that save() or `mmseg-panet fit` wrote'
    check_regular(path)
    try:
        with Path(path).open('rb'), safetensors.safe_open(path, 'pt') as file:
            header = parse_json((file.metadata() or {})[_KEY])
            check_header(header)
            # Copies, as the file may be replaced.
            tensors = {
                name: file.get_tensor(name).clone()
                for name in {*TENSORS} & {*file.keys()}}
        made_with = dict(header['model'])
        supports, negatives = header['supports'], header.get('negatives', [])
        statistics = from_tensors(
            tensors, [*supports, *negatives], made_with)
        of_negatives = statistics[len(supports):]
        bank = PrototypeBank(
            (BankedSupport(
                one['class_name'], tuple(one['names']), of_support,
                one['image'], one['image_sha256'], one['labels_sha256'])
             for one, of_support in zip(
                 supports, statistics[:len(supports)], strict=True)),
            (BankedNegative(of_negative, one['image'], one['image_sha256'])
             for one, of_negative in zip(
                 negatives, of_negatives, strict=True)),
            **({'negative_share': header['negative_share']}
               if negatives else {}))
    except OSError as error:
        raise InputError(
            f'{path} cannot be read ({error.strerror}); {remedy}') from error
    # Other files fail at any of these steps.
    except Exception as error:
        raise InputError(
            f'{path} is not a prototype bank ({type(error).__name__}: '
            f'{error}); {remedy}, and write it again if it is damaged'
        ) from error
    bank.weights_sha256 = str(made_with.get('weights_sha256', ''))
    return made_with, bank


def suit(path: StrPath, made_with: Mapping[str, Any], bank: PrototypeBank,
         model: Mapping[str, Any], channels: int | None = None
         ) -> PrototypeBank:
    """Check that a bank suits a model, and adjust it if needed.

    Moments that the model does not need are left out. ``classifier`` and
    ``matching``, on which no statistics depend, are compared only if the
    model names them.

    Args:
        path (str | os.PathLike): Path of the bank.
        made_with (Mapping[str, Any]): Description of the model that the bank
            was made with.
        bank (PrototypeBank): The bank.
        model (Mapping[str, Any]): Description of the model that will use the
            bank, see :func:`describe_model`.
        channels (int, optional): Number of channels of the model's features.
            Defaults to None, no check.

    Raises:
        InputError: If the bank was made with another model.
    """
    if 'moments' not in model.get('needs', ()):
        made_with, bank = _without_moments(made_with, bank)
    for key, (fault, default, remedy) in _FAULTS.items():
        wanted, got = (one.get(key, default) for one in (model, made_with))
        if wanted != got and (key not in _MATCHING_KEYS or key in model):
            if remedy == 'classifier':
                remedy = f"classifier ({made_with.get('classifier', 'none')})"
            raise _fault_of(path, fault, wanted, got, remedy)
    found = bank.supports[0].statistics.sums.shape[-1]
    if channels not in (None, found):
        raise InputError(
            f'the bank {path} was made with features of another model: '
            f'expected {channels} channels, got {found}; load it with the '
            'config and checkpoint it was made with, or fit the examples '
            'again')
    return bank


def check_weights(path: StrPath, made_with: Mapping[str, Any],
                  weights_sha256: str) -> None:
    """Check that a bank was made with the weights of a model.

    Args:
        path (str | os.PathLike): Path of the bank.
        made_with (Mapping[str, Any]): Description of the model that the bank
            was made with.
        weights_sha256 (str): Hash of the model's weights.

    Raises:
        InputError: If the bank was made with other weights.
    """
    key = 'weights_sha256'
    fault, default, remedy = _FAULTS[key]
    got = made_with.get(key, default)
    if got != weights_sha256:
        raise _fault_of(path, fault, weights_sha256, got, remedy)


def check_normalisation(path: StrPath, made_with: Mapping[str, Any],
                        preprocessor: Any) -> None:
    """Check that a model normalises images as that of a bank did.

    Args:
        path (str | os.PathLike): Path of the bank.
        made_with (Mapping[str, Any]): Description of the model that the bank
            was made with.
        preprocessor (nn.Module): Data preprocessor of the model.

    Raises:
        InputError: If the mean or the standard deviation differ.
    """
    fault, _, remedy = _FAULTS['preprocessing']
    normalise = (made_with.get('preprocessing') or {}).get('normalise') or {}
    for key in ('mean', 'std'):
        wanted, got = getattr(preprocessor, key, None), normalise.get(key)
        if wanted is None or got is None:
            continue
        values = wanted.flatten().tolist()
        if len(values) != len(got) or any(
                abs(one - other) > 1e-3 for one, other in zip(
                    values, got, strict=True)):
            raise _fault_of(path, f'{fault} ({key})', [
                round(one, 3) for one in values], got, remedy)


def _fault_of(path: StrPath, fault: str, wanted: Any, got: Any,
              remedy: str) -> InputError:
    return InputError(
        f'the bank {path} was made with {fault}: expected '
        f'{shorten(str(wanted), 200)}, got {shorten(str(got), 200)}; load it '
        f'with the {remedy} it was made with, or fit the examples again')


_MATCHING_KEYS = ('classifier', 'matching')
_FAULTS: dict[str, tuple[str, Any, str]] = {
    'weights_sha256': (
        "another model's weights", None, 'config and checkpoint'),
    'network': ('another network', None, 'config and checkpoint'),
    'preprocessing': (
        'images that were prepared otherwise', None, 'config and checkpoint'),
    'reading': (
        'images that were read with other bands or another stretch', {},
        'bands and stretch (--bands, --stretch)'),
    'pooling': ('another pooling', None, 'config and checkpoint'),
    'classifier': (
        'another classifier', 'PrototypeClassifier', 'classifier'),
    'cells': ('other cells', 'raw', 'classifier'),
    'needs': ('other statistics', [], 'classifier'),
    'rank': ('another number of main axes', None, 'classifier'),
    'matching': ('another matching', None, 'classifier'),
}
"""Entries that must be equal for a bank and a model, the most helpful first:
the fault, the value of banks without the entry, and the part of the model."""


def _without_moments(made_with: Mapping[str, Any], bank: PrototypeBank
                     ) -> tuple[Mapping[str, Any], PrototypeBank]:
    """Return the bank that a classifier without moments would have made."""
    needs = [one for one in made_with.get('needs', ()) if one != 'moments']
    return dict(made_with, needs=needs, rank=None), bank.copy(
        lambda one: one._replace(statistics=replace(
            one.statistics, moments=None, axes=None)))
