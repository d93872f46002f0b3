"""The agreement of an exported graph with PyTorch."""
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..inference.network import Network

LEAST = 99.99
"""Least percentage of pixels of the same class.

The others lie where two classes are equally likely up to rounding.
"""


class Agreement(NamedTuple):
    """The number of pixels of an image whose class is the same."""

    equal: int
    pixels: int

    @property
    def percent(self) -> float:
        """Percentage of the pixels whose class is the same."""
        return 100 * self.equal / self.pixels


class OnnxSegmentor:
    """An exported graph that segments images on the CPU.

    Args:
        path (Path): File of :func:`write_onnx`.
        inputs (dict[str, np.ndarray]): Inputs besides the images.
        num_threads (int): Number of threads. Defaults to 0, that of the
            cores.
    """

    def __init__(self, path: Path, inputs: dict[str, Any],
                 num_threads: int = 0) -> None:
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=['CPUExecutionProvider'])
        self._inputs = inputs
        is_float = 'float' in self._session.get_inputs()[0].type
        self._dtype = np.float32 if is_float else np.uint8

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Segment images (N, H, W, 3) uint8 RGB into labels (N, H, W)."""
        logits, = self._session.run(
            None, {'images': images.astype(self._dtype), **self._inputs})
        return logits.argmax(1)


def agreements(network: Network, segmentor: OnnxSegmentor,
               images: Iterable[np.ndarray]) -> Iterator[Agreement]:
    """Compare the classes of images with those of PyTorch.

    Args:
        network (Network): Network with the classes of the graph.
        segmentor (OnnxSegmentor): The graph.
        images (Iterable[np.ndarray]): Images (H, W, 3) uint8 BGR.

    Yields:
        Agreement: One for each image.
    """
    for image in images:
        expected = network.views([image])[0][0].labels().numpy()
        found, = segmentor(image[None, ..., ::-1])
        yield Agreement(int((found == expected).sum()), expected.size)
