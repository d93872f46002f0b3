"""Strict checks of the weights in files.

mmengine loads weights non-strictly: from a file with other keys, it loads
nothing, logs a warning, and continues with random weights. Therefore files
are checked before mmengine loads them.
"""
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from mmengine.logging import MMLogger
from mmengine.model import BaseModule, PretrainedInit
from torch import Tensor, nn

from ..errors import InputError
from .checkpoint_file import read_weights

WEIGHT_ORIGINS = r'\n\S+ - torch\.Size'
"""Pattern of mmengine's log lines about the initialization of each weight.

Without a Runner, they are printed; with one, they are in the log file.
"""
OTHER_WEIGHTS = 'The model and loaded state dict do not match exactly'
"""Pattern of mmengine's list of weights that only a file or a model has.

For our backbones, such weights are those of stage 4.
"""
COMPUTED = ('rope.freqs_cos', 'rope.freqs_sin')
"""Ends of the names of buffers that EVA-02 computes for the last image."""
NO_WEIGHTS = ('num_batches_tracked', *COMPUTED)
"""Ends of the names of buffers that are not weights.

The first counts training steps, and files older than torch 0.4.1 lack it.
"""
_OTHER_SHAPE = re.compile(r'size mismatch for (\S+):')
CONVERT_REMEDY = '`mmseg-panet convert-backbone` converts other layouts'


def find_faults(weights: Mapping[str, Any],
                expected: Mapping[str, Tensor]) -> list[str]:
    """Find the weights that do not fit a model.

    Additional weights of modules that the model does not have (``layer4``,
    ``fc``, ``classifier``) are not a fault. Additional weights of its
    modules are one: a file of ResNet-101 contains all keys of ResNet-50 and
    17 more blocks. :data:`NO_WEIGHTS` are never a fault.

    Args:
        weights (Mapping[str, Any]): Tensors of the file by their keys.
        expected (Mapping[str, Tensor]): ``state_dict()`` of the model.

    Returns:
        list[str]: A phrase for each fault, missing weights first.
    """
    weights, expected = (
        {key: value for key, value in tensors.items()
         if not key.endswith(NO_WEIGHTS)}
        for tensors in (weights, expected))
    modules = {key.split('.')[0] for key in expected}
    faults = [f"'{key}' is missing" for key in expected if key not in weights]
    for key, value in weights.items():
        shape = tuple(getattr(value, 'shape', ()))
        if key in expected:
            wanted = tuple(expected[key].shape)
            if shape != wanted:
                faults.append(
                    f"'{key}' has shape {shape}, expected {wanted}")
        elif key.split('.')[0] in modules:
            faults.append(f"'{key}' is unexpected")
    return faults


def require_fit(weights: Mapping[str, Any], expected: Mapping[str, Tensor],
                source: str, name: str, remedy: str) -> None:
    """Check that weights fit a model.

    Args:
        weights (Mapping[str, Any]): Tensors of the file by their keys.
        expected (Mapping[str, Tensor]): ``state_dict()`` of the model.
        source (str): Name of the file, for the message.
        name (str): Name of the model, for the message.
        remedy (str): Remedy, for the message.

    Raises:
        InputError: If :func:`find_faults` finds a fault.
    """
    faults = find_faults(weights, expected)
    if faults:
        more = f' (and {len(faults) - 1} more)' if len(faults) > 1 else ''
        keys = ', '.join(f"'{key}'" for key in list(weights)[:3]) or 'none'
        raise InputError(f'{source} is not a checkpoint of {name}: {faults[0]}'
                         f'{more}; its first keys are {keys}; {remedy}')


def is_of_backbone(weights: Mapping[str, Any]) -> bool:
    """Check by their keys whether weights are those of a backbone only."""
    return not any(key.startswith('backbone.') for key in weights)


def fitting_part(model: Any, weights: Mapping[str, Any],
                 source: str) -> nn.Module:
    """Find the part of a model that weights fit.

    Args:
        model (EncoderDecoder): The model.
        weights (Mapping[str, Any]): Tensors of the file by their keys.
        source (str): Name of the file, for the message.

    Returns:
        nn.Module: The model; or its backbone, if the file has only weights
        of a backbone, and neither neck nor head has any, as in PANet.

    Raises:
        InputError: If the weights fit neither.
    """
    head: Any = getattr(model, 'decode_head', None)
    others = getattr(model, 'with_neck', False) or head and any(
        not key.startswith('bank.') for key in head.state_dict())
    if is_of_backbone(weights) and not others:
        require_fit(
            weights, model.backbone.state_dict(), source,
            "the config's backbone",
            f'use weights of this architecture; {CONVERT_REMEDY}')
        return model.backbone
    # The bank of a head may come from another file.
    expected = {
        key: value for key, value in model.state_dict().items()
        if not key.startswith('decode_head.bank.')}
    if hasattr(head, 'rename_closed_set'):  # that of GeneralizedHead
        weights = dict(weights)
        head.rename_closed_set(weights)
    require_fit(
        weights, expected, source, "the config's model",
        'use the config that it was trained with, which is in its work dir')
    return model


@contextmanager
def without_lines(beginning: str) -> Iterator[None]:
    """Suppress some lines of mmengine's log.

    Args:
        beginning (str): Regular expression that matches the beginning of the
            lines to suppress.
    """
    def is_other(record: logging.LogRecord) -> bool:
        return not re.match(beginning, record.getMessage())

    logger = MMLogger.get_current_instance()
    logger.addFilter(is_other)
    try:
        yield
    finally:
        logger.removeFilter(is_other)


@contextmanager
def warned_of(beginning: str) -> Iterator[list[str]]:
    """Collect some lines of mmengine's log.

    Args:
        beginning (str): Regular expression that matches the beginning of the
            lines to collect.

    Yields:
        list[str]: The lines, which are also logged.
    """
    lines: list[str] = []

    def collect(record: logging.LogRecord) -> bool:
        if re.match(beginning, record.getMessage()):
            lines.append(record.getMessage())
        return True

    logger = MMLogger.get_current_instance()
    logger.addFilter(collect)
    try:
        yield lines
    finally:
        logger.removeFilter(collect)


def require_loaded(model: nn.Module, warnings: Sequence[str],
                   loads: Sequence[tuple[nn.Module, Any]]) -> None:
    """Check that the pretrained weights of a backbone have been loaded.

    Some parameters may be missing in a file: classifiers have no norm layers
    after the stages before their last one, for example. A config may leave
    out the last stages, or the last layers of a transformer.

    Args:
        model (nn.Module): Model whose weights have been initialised.
        warnings (Sequence[str]): mmengine's lines of :data:`OTHER_WEIGHTS`,
            or errors of ``load_state_dict``.
        loads (Sequence[tuple[nn.Module, Any]]): Modules with pretrained
            weights, and the ``missing_keys`` and ``unexpected_keys`` of each.

    Raises:
        InputError: If a parameter has another shape in a file, if more than
            half of the backbone's parameters are missing, or if a block of
            the backbone is missing, or one of its stages has more of them.
    """
    parameters = {
        name.removeprefix('backbone.')
        for name, _ in model.named_parameters()}
    faults = [f"'{key}' has another shape there" for warning in warnings
              for key in _OTHER_SHAPE.findall(warning) if key in parameters]
    for part, keys in loads:
        names = [name for name, _ in part.named_parameters()]
        missing = [key for key in keys.missing_keys if key in names]
        if len(missing) > len(names) / 2:
            faults.append(f"'{missing[0]}' and {len(missing) - 1} other "
                          'weights are missing')
        found = {*names} - {*missing}
        faults += [f"'{block}' is missing"
                   for block in _other_blocks(missing, found)]
        # A config may leave out complete stages.
        faults += [f"'{block}' is unexpected"
                   for block in _other_blocks(keys.unexpected_keys, found)
                   if re.search(r'\d', block.rpartition('.')[0])]
    if faults:
        sources = [
            source + (f" below '{prefix}'" if prefix else '')
            for part in model.modules()
            for source, prefix in checkpoints_of(part)]
        raise InputError(
            'expected the pretrained weights of the backbone in '
            f'{", ".join(sources)}, but {faults[0]}; correct the prefix '
            "of init_cfg (prefix='backbone.' for files of mmpretrain), or "
            'the settings of the backbone, such as arch or patch_size')


def _other_blocks(keys: Sequence[str], others: set[str]) -> Iterator[str]:
    """Yield the numbered parts of keys that others have not, as 'stages.3'.

    The others have another part of the same list.
    """
    known = {key[:dot.start()] for key in others
             for dot in re.finditer(r'\.', key)}
    lists = {part.rpartition('.')[0] for part in known
             if part.rpartition('.')[2].isdecimal()}
    for key in keys:
        for number in re.finditer(r'\.\d+(?=\.)', key):
            if (key[:number.start()] in lists
                    and key[:number.end()] not in known):
                yield key[:number.end()]
                break


def checkpoints_of(part: Any) -> Iterator[tuple[str, str | None]]:
    """Yield the checkpoints in the ``init_cfg`` of a module.

    Args:
        part (nn.Module): Module that may have an ``init_cfg``.

    Yields:
        tuple[str, str | None]: Checkpoint and prefix of its keys.

    Raises:
        InputError: If the ``init_cfg`` is neither a dict nor a list of dicts.
    """
    init_cfg = getattr(part, 'init_cfg', None) or []
    cfgs = [init_cfg] if isinstance(init_cfg, dict) else init_cfg
    if not isinstance(cfgs, list | tuple) or not all(
            isinstance(cfg, dict) and 'type' in cfg for cfg in cfgs):
        raise InputError(
            'expected init_cfg as a dict with a type, or a list of them, got '
            f'{init_cfg!r}; correct it')
    for cfg in cfgs:
        if cfg['type'] in ('Pretrained', PretrainedInit):
            yield cfg['checkpoint'], cfg.get('prefix')


def check_pretrained(backbone: BaseModule, name: str) -> None:
    """Check that the pretrained weights of a backbone fit it.

    Args:
        backbone (BaseModule): Backbone whose ``init_cfg`` may contain
            ``dict(type='Pretrained', checkpoint=..., prefix=...)``.
        name (str): Name of the backbone, for the message.

    Raises:
        InputError: If the file is missing or cannot be read, or if a
            parameter or buffer of the backbone is missing in it or has
            another shape.
    """
    for checkpoint, prefix in checkpoints_of(backbone):
        require_fit(
            read_weights(checkpoint, prefix), backbone.state_dict(),
            checkpoint + (f" below '{prefix}'" if prefix else ''),
            name, CONVERT_REMEDY)
