"""Weights of files, refused where they do not fit.

mmengine loads weights non-strictly: from a file with other keys it loads
nothing, warns in the log, and goes on with random weights. Hence this check
before its own loading.
"""
from collections.abc import Mapping
from typing import Any

from mmengine.model import BaseModule, PretrainedInit
from mmengine.runner import CheckpointLoader
from torch import Tensor

from ..errors import InputError

CONVERT_REMEDY = '`mmseg-panet convert-backbone` converts other layouts'


def find_faults(weights: Mapping[str, Any],
                expected: Mapping[str, Tensor]) -> list[str]:
    """Say where weights do not fit a model.

    Weights outside the model's own modules (``layer4``, ``fc``,
    ``classifier``) are no fault. Weights inside them that it has not are:
    those of ResNet-101 hold all of ResNet-50 and 17 blocks more. A missing
    ``num_batches_tracked`` is none, files older than torch 0.4.1 lack it.

    Args:
        weights (Mapping[str, Any]): The file's tensors by their keys.
        expected (Mapping[str, Tensor]): The model's ``state_dict()``.

    Returns:
        list[str]: A phrase for each fault, missing weights first.
    """
    weights, expected = (
        {key: value for key, value in tensors.items()
         if not key.endswith('num_batches_tracked')}
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
            faults.append(f"'{key}' has no place in it")
    return faults


def require_fit(weights: Mapping[str, Any], expected: Mapping[str, Tensor],
                source: str, name: str, remedy: str) -> None:
    """Refuse weights that do not fit a model.

    Args:
        weights (Mapping[str, Any]): The file's tensors by their keys.
        expected (Mapping[str, Tensor]): The model's ``state_dict()``.
        source (str): The file, for the message.
        name (str): The model in words, for the message.
        remedy (str): What to do about it, for the message.

    Raises:
        InputError: If there is any fault of ``find_faults``.
    """
    faults = find_faults(weights, expected)
    if faults:
        more = f' (and {len(faults) - 1} more)' if len(faults) > 1 else ''
        keys = ', '.join(f"'{key}'" for key in list(weights)[:3]) or 'none'
        raise InputError(f'{source} is not a checkpoint of {name}: {faults[0]}'
                         f'{more}; its first keys are {keys}; {remedy}')


def unwrap(content: Any, source: str) -> Mapping[str, Any]:
    """Take the weights out of the content of a file.

    Args:
        content (Any): Weights by their keys, or a dict that holds them as
            'state_dict'.
        source (str): The file, for the message.

    Returns:
        Mapping[str, Any]: The weights.

    Raises:
        InputError: If it is no dict.
    """
    if isinstance(content, Mapping):
        content = content.get('state_dict', content)
    if isinstance(content, Mapping):
        return content
    raise InputError(
        f"{source} must hold a dict of tensors, got "
        f"'{type(content).__name__}'; save the model's state_dict()")


def read_weights(checkpoint: str, prefix: str | None = None) -> dict[str, Any]:
    """Read the weights that ``PretrainedInit`` would load.

    Args:
        checkpoint (str): A path or any address that mmengine's
            ``CheckpointLoader`` knows, such as 'torchvision://resnet50'.
        prefix (str, optional): Only weights below it, without it. Defaults
            to None: all, without DataParallel's 'module.', as in mmengine.

    Returns:
        dict[str, Any]: The tensors by their keys.

    Raises:
        InputError: If there is no such file or it cannot be read.
    """
    try:
        content = CheckpointLoader.load_checkpoint(
            checkpoint, map_location='cpu')
    except FileNotFoundError as error:
        raise InputError(
            f'the checkpoint {checkpoint} is not there; correct the path, or '
            f'fetch the file ({CONVERT_REMEDY})') from error
    # Unpickling what is no pickle raises any type, KeyError among them.
    except Exception as error:
        reason = f'{type(error).__name__}: {error}'.splitlines()[0]
        raise InputError(
            f'the checkpoint {checkpoint} cannot be read ({reason}); fetch '
            'the file again, or correct the address') from error
    start = 'module.' if prefix is None else prefix.removesuffix('.') + '.'
    return {
        str(key).removeprefix(start): value
        for key, value in unwrap(content, checkpoint).items()
        if prefix is None or str(key).startswith(start)}


def check_pretrained(backbone: BaseModule, name: str) -> None:
    """Refuse a backbone's ``init_cfg`` whose weights do not fit it.

    Args:
        backbone (BaseModule): A backbone whose ``init_cfg`` may hold
            ``dict(type='Pretrained', checkpoint=..., prefix=...)``.
        name (str): The backbone in words, for the message.

    Raises:
        InputError: If the file is missing, unreadable, lacks any parameter or
            buffer of the backbone, or has one of another shape.
    """
    init_cfg = backbone.init_cfg or []
    for cfg in [init_cfg] if isinstance(init_cfg, dict) else init_cfg:
        if cfg['type'] in ('Pretrained', PretrainedInit):
            prefix = cfg.get('prefix')
            require_fit(
                read_weights(cfg['checkpoint'], prefix), backbone.state_dict(),
                cfg['checkpoint'] + (f" below '{prefix}'" if prefix else ''),
                name, CONVERT_REMEDY)
