"""ONNX files of models with classes."""
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError, check_choice
from ..stacks import EXPORTS_DYNAMO

EXPORTERS = ('torchscript', 'dynamo')
DTYPES = {'uint8': torch.uint8, 'float32': torch.float32}
_OPSETS = {'torchscript': 17, 'dynamo': 18}
"""Versions of ONNX's operators; the dynamo exporter has no earlier one."""


def require_onnx(*others: str) -> None:
    """Check that the packages of an export are installed.

    Args:
        *others (str): Packages besides onnx.

    Raises:
        InputError: If one is missing.
    """
    missing = [name for name in ('onnx', *others) if find_spec(name) is None]
    if missing:
        raise InputError(
            "expected the packages of the extra 'export', got no "
            f"{' and no '.join(missing)}; pip install {' '.join(missing)}")


def write_onnx(path: Path, graph: nn.Module, facts: Mapping[str, str],
               dtype: str = 'uint8', exporter: str = 'torchscript',
               classes: tuple[Tensor, Tensor] | None = None) -> None:
    """Export a graph to a file, and check it with onnx's checker.

    The inputs are ``images`` (N, H, W, 3), and with ``classes`` also
    ``weight`` (K, C) and ``bias`` (K,). The output is ``logits``
    (N, K, H, W). All sizes but 3 and C are dynamic.

    Args:
        path (Path): Path of the file, a temporary one of
            :func:`atomic_path`.
        graph (SegmentationGraph): Graph to export.
        facts (Mapping[str, str]): Metadata of the file.
        dtype (str): Type of the images, 'uint8' or 'float32'. Defaults to
            'uint8'.
        exporter (str): 'torchscript' or 'dynamo', the two exporters of
            ``torch.onnx``. Defaults to 'torchscript'.
        classes (tuple[Tensor, Tensor], optional): Weight and bias of
            :func:`linear_classes`, which become inputs. Defaults to None.

    Raises:
        InputError: If the graph cannot be exported, or an option is unknown.
    """
    import onnx
    check_choice('exporter', exporter, EXPORTERS)
    check_choice('dtype', dtype, tuple(DTYPES))
    if exporter == 'dynamo':
        require_onnx('onnxscript')
        if not EXPORTS_DYNAMO:
            raise InputError(
                "expected torch 2.7 or later for the exporter 'dynamo', got "
                "an earlier one; use 'torchscript'")
    names = {'images': {0: 'batch', 1: 'height', 2: 'width'}}
    # Dimensions of 0 or 1 would be recorded as constants.
    inputs = [torch.randint(0, 256, (2, 50, 70, 3)).to(DTYPES[dtype])]
    if classes is not None:
        names |= {'weight': {0: 'classes'}, 'bias': {0: 'classes'}}
        inputs += classes
    try:
        with quiet(), torch.no_grad():
            _export(graph, tuple(inputs), str(path), names, exporter)
    except OSError:  # A full disk is no fault of the model.
        raise
    except Exception as error:
        raise InputError(
            f'the model could not be exported: {error!r}; use the other '
            'exporter, or another backbone or classifier') from error
    model = onnx.load(path)
    onnx.helper.set_model_props(model, dict(facts))
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())


def _export(graph: nn.Module, inputs: tuple, path: str,
            names: dict[str, dict[int, str]], exporter: str) -> None:
    settings: dict[str, Any] = dict(
        input_names=list(names), output_names=['logits'],
        opset_version=_OPSETS[exporter])
    if exporter == 'dynamo':
        torch.onnx.export(
            graph, inputs, path, dynamo=True, verbose=False,
            external_data=False, dynamic_shapes=names, **settings)
        return
    if EXPORTS_DYNAMO:
        settings['dynamo'] = False
    logits = {0: 'batch', 2: 'height', 3: 'width'}
    if len(names) > 1:
        logits[1] = 'classes'
    torch.onnx.export(
        graph, inputs, path, dynamic_axes=names | {'logits': logits},
        **settings)


@contextmanager
def quiet() -> Iterator[None]:
    """Hide the notices of exporters, which concern their authors."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        logging.disable(before)
