"""The images of a bank: what it keeps of each."""
from dataclasses import replace
from typing import Any, NamedTuple

import torch

from ...errors import InputError
from ..statistics import SupportStatistics
from ..symmetric import pack, unpack


class BankedSupport(NamedTuple):
    """The data of a support in a bank.

    Attributes:
        class_name (str): Name of the class of the support.
        names (tuple[str, ...]): Classes that its labels distinguish, with
            ``class_name`` first.
        statistics (SupportStatistics): Statistics in float64, n is
            1 + len(names): all valid pixels, then each class. A bank keeps
            moments in float32.
        image (str): File name of the image, for messages.
        image_sha256 (str): Hash of the file, or of the pixels of an array.
        labels_sha256 (str): Hash of the label map.
        source (Support, optional): The support itself, which is not part of
            a file.
    """

    class_name: str
    names: tuple[str, ...]
    statistics: SupportStatistics
    image: str
    image_sha256: str
    labels_sha256: str
    source: Any = None


class BankedNegative(NamedTuple):
    """The data of an image without any of the classes in a bank.

    Attributes:
        statistics (SupportStatistics): As in :class:`BankedSupport`, but n
            is 1: all valid pixels.
        image (str): File name of the image, for messages.
        image_sha256 (str): Hash of the file, or of the pixels of an array.
    """

    statistics: SupportStatistics
    image: str
    image_sha256: str


class BankedAdapted(NamedTuple):
    """The data of an image of an adaptation for one class in a bank.

    Attributes:
        class_name (str): Name of the class.
        statistics (SupportStatistics): As in :class:`BankedSupport`, but n
            is 2: the certain cells of the background and of the class.
        image (str): File name of the image, for messages.
        image_sha256 (str): Hash of the file, or of the pixels of an array.
    """

    class_name: str
    statistics: SupportStatistics
    image: str
    image_sha256: str


def rounded(one: Any) -> Any:
    """Round moments as a file does, so that it holds the same bank.

    The rounding is far below the differences between moments.

    Raises:
        InputError: If the statistics are not finite, as float32 or float16
            has overflowed.
    """
    statistics = one.statistics
    moments = statistics.moments
    if moments is not None and moments.dtype != torch.float32:
        statistics = replace(statistics, moments=unpack(pack(moments).float()))
    for name, tensor in statistics.tensors().items():
        if not tensor.isfinite().all():
            raise InputError(
                f'expected finite features in {one.image}, got {name} with '
                'infinite values or nan; use a checkpoint from before the '
                'training diverged, or compute in float32')
    return one._replace(statistics=statistics)
