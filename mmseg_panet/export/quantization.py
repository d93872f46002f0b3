"""Static quantisation of exported graphs to 8 bits."""
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..files import atomic_path
from .onnx_file import quiet

_QUANTISED = ('/backbone/', '/neck/')
"""Starts of the names of the nodes that are quantised.

The rest is a small part of the time, and sensitive to rounding.
"""


def quantise(path: Path, images: Iterable[np.ndarray],
             inputs: dict[str, np.ndarray]) -> None:
    """Quantise backbone and neck of a file of :func:`write_onnx`.

    The weights have 8 bits per channel. The ranges of the activations are
    those in photographs, by onnxruntime's ``quantize_static``.

    Args:
        path (Path): Path of a file of the exporter 'torchscript', which
            names nodes by their modules. It is replaced.
        images (Iterable[np.ndarray]): Photographs (H, W, 3) uint8 RGB.
        inputs (dict[str, np.ndarray]): Further inputs of the graph.
    """
    import onnx
    from onnxruntime import quantization
    model = onnx.load(path)
    names = [node.name for node in model.graph.node
             if node.name.startswith(_QUANTISED)]
    dtype = np.uint8 if model.graph.input[0].type.tensor_type.elem_type == (
        onnx.TensorProto.UINT8) else np.float32

    class Photographs(quantization.CalibrationDataReader):
        """The photographs, one at a time."""

        def __init__(self) -> None:
            self._feeds: Iterator[dict[str, Any]] = (
                {'images': image[None].astype(dtype), **inputs}
                for image in images)

        def get_next(self) -> Any:
            """Return the inputs for the next photograph, or None."""
            return next(self._feeds, None)

    with atomic_path(path) as part, quiet():
        quantization.quantize_static(
            str(path), str(part), Photographs(), nodes_to_quantize=names,
            per_channel=True, activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8)
        onnx.checker.check_model(onnx.load(part), full_check=True)
