"""The agreement of an exported graph with PyTorch."""
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError, error_context
from ..inference.network import Network

LEAST = 99.99
"""Least percentage of pixels of the same class.

The others lie where two classes are equally likely up to rounding.
"""
_FIXED = (
    'the graph of this model takes one number of images only',
    'use another backbone or classifier')
"""The message of :meth:`OnnxSegmentor.check_batches`, and its remedy."""


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
        return self.logits(images).argmax(1)

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Compute logits (N, K, H, W) of images (N, H, W, 3) uint8 RGB."""
        logits, = self._session.run(
            None, {'images': images.astype(self._dtype), **self._inputs})
        return logits

    def check_batches(self) -> None:
        """Check that an image has the same logits in all batches.

        Some backbones compute with the number of images, which exporters
        record as a constant.

        Raises:
            InputError: If the graph takes one number of images only.
        """
        images = np.random.default_rng(0).integers(
            0, 256, (3, 61, 83, 3), dtype=np.uint8)
        with error_context(*_FIXED, errors=(Exception,)):
            one, two, three = (
                self.logits(images[:number])[0] for number in (1, 2, 3))
        margin = 0.01 * np.median(np.abs(two))
        for other in (one, three):
            if np.isclose(other, two, 0.01, margin).mean() < 0.99:
                raise InputError(
                    f'{_FIXED[0]}: other numbers have other logits; '
                    f'{_FIXED[1]}')


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
