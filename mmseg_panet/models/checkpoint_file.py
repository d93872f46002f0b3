"""Reading and writing of checkpoints."""
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

import safetensors.torch
import torch
from mmengine.runner import CheckpointLoader
from mmengine.runner.checkpoint import get_torchvision_models
from torch import Tensor

from ..errors import InputError, WriteError
from ..files import StrPath, atomic_path, check_regular, prepare_output
from ..wording import counted
from .safe_loading import safe_loading

_OFFLINE = (URLError, ConnectionError, TimeoutError)
"""Errors of a download that is not possible or not finished."""


# Everything that reads weights with mmengine thereby supports these files.
# The schemes are regular expressions, and those of addresses come first.
@CheckpointLoader.register_scheme(prefixes=r'.*\.safetensors$')
def load_from_safetensors(filename: str, map_location: Any = None
                          ) -> dict[str, Tensor]:
    """Read a .safetensors file for mmengine's ``CheckpointLoader``.

    Args:
        filename (str): Path of the file.
        map_location (str | torch.device, optional): Device of the tensors.
            Defaults to None, the CPU.

    Returns:
        dict[str, Tensor]: Tensors by their keys.
    """
    return safetensors.torch.load_file(
        os.path.expanduser(filename), device=map_location or 'cpu')


def unwrap(content: Any, source: str) -> Mapping[str, Any]:
    """Return the weights in the contents of a file.

    Args:
        content (Any): Weights by their keys, or a dict that contains them as
            'state_dict'.
        source (str): Name of the file, for the message.

    Returns:
        Mapping[str, Any]: Weights by their keys.

    Raises:
        InputError: If the content is not a dict.
    """
    if isinstance(content, Mapping):
        content = content.get('state_dict', content)
    if isinstance(content, Mapping):
        return content
    raise InputError(
        f'{source} must contain a dict of tensors, got '
        f"'{type(content).__name__}'; save the model's state_dict()")


def read_checkpoint(checkpoint: str) -> Any:
    """Read a checkpoint with the loader of :func:`safe_loading`.

    Args:
        checkpoint (str): Path, or another address that mmengine's
            ``CheckpointLoader`` supports, such as 'torchvision://resnet50'.

    Returns:
        Any: Contents of the file, on the CPU.

    Raises:
        InputError: If the file does not exist or cannot be read, if it
            contains code, or if its weights are not finite.
    """
    _require_checkpoint(checkpoint)
    try:
        with safe_loading():
            return CheckpointLoader.load_checkpoint(
                checkpoint, map_location='cpu', logger='silent')
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(
            f'the checkpoint {checkpoint} does not exist; correct the path, '
            'or download the file') from error
    # Unpickling an arbitrary file may raise any error, such as a KeyError.
    except Exception as error:
        reason = (f'{type(error).__name__}: {error}'.splitlines() or [''])[0]
        if isinstance(error, _OFFLINE) and not isinstance(error, HTTPError):
            raise InputError(
                f'the checkpoint {checkpoint} cannot be read, as there is no '
                f'connection ({reason}); download {_url_of(checkpoint)} on '
                'another machine, and give the path of that file as the '
                'checkpoint') from error
        raise InputError(
            f'the checkpoint {checkpoint} cannot be read ({reason}); '
            'download the file again, or correct the address') from error


def read_weights(checkpoint: str, prefix: str | None = None) -> dict[str, Any]:
    """Read the weights that ``PretrainedInit`` would load.

    Args:
        checkpoint (str): See :func:`read_checkpoint`.
        prefix (str, optional): Prefix of the keys to select, which is
            removed. Defaults to None, which selects all keys and removes
            DataParallel's 'module.', as in mmengine.

    Returns:
        dict[str, Any]: Tensors by their keys.

    Raises:
        InputError: See :func:`read_checkpoint`, or if the file does not
            contain a dict.
    """
    start = 'module.' if prefix is None else prefix.removesuffix('.') + '.'
    return {
        str(key).removeprefix(start): value
        for key, value in unwrap(
            read_checkpoint(checkpoint), checkpoint).items()
        if prefix is None or str(key).startswith(start)}


def is_complete(path: str | Path) -> bool:
    """Return whether a checkpoint is not cut off.

    The end of a zip file, the format of :func:`torch.save`, contains the list
    of its contents.

    Args:
        path (str | Path): Path of a file.
    """
    with Path(path).open('rb') as file:
        start = file.read(512)
    # The formats before torch 1.6: pickle, and before 0.2: tar.
    return zipfile.is_zipfile(path) or start[:1] == b'\x80' or (
        start[257:262] == b'ustar')


def _require_checkpoint(checkpoint: str) -> None:
    """Refuse folders and other files, at which PyTorch prints a page."""
    path = Path(checkpoint).expanduser()
    if path.is_dir():
        raise InputError(
            f'the checkpoint {checkpoint} is a folder; give the path of a '
            'file in it')
    check_regular(path)
    if path.suffix == '.safetensors' or not path.is_file() or (
            is_complete(path)):
        return
    with path.open('rb') as file:
        start = file.read(8)
    if not start or start.startswith(b'PK'):
        raise InputError(
            f'the checkpoint {checkpoint} cannot be read, as it is cut off '
            f'after {counted(path.stat().st_size, "byte")}; use an earlier '
            'checkpoint, or copy or download the file again')
    raise InputError(
        f'the checkpoint {checkpoint} cannot be read: expected a file of '
        f'torch.save or .safetensors, got one that starts with '
        f'{start!r}; correct the path, or download the file again')


def _url_of(checkpoint: str) -> str:
    """Find the URL behind an address of torchvision, for a message."""
    name = checkpoint.removeprefix('torchvision://')
    return checkpoint if name == checkpoint else get_torchvision_models().get(
        name, checkpoint)


def write_checkpoint(path: StrPath, content: Mapping[str, Any]) -> None:
    """Write a checkpoint atomically.

    Args:
        path (str | os.PathLike): Path of the file. Its folder is created.
        content (Mapping[str, Any]): Weights by their keys, or a dict that
            contains them as 'state_dict'.

    Raises:
        InputError: If the path cannot be written.
        WriteError: If the disk is full.
    """
    prepare_output(path)
    try:
        with atomic_path(Path(path)) as part, part.open('wb') as file:
            torch.save(content, file)
    except WriteError:
        raise
    except (OSError, RuntimeError) as error:  # torch's writer: RuntimeError
        reason = f'{type(error).__name__}: {error}'.splitlines()[0]
        raise InputError(f'{path} cannot be written ({reason}); choose '
                         'another path') from error
