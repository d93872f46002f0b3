"""What a bank keeps of an image."""
from dataclasses import replace
from typing import Any, NamedTuple

import torch

from ...models import SupportStatistics
from ...models.symmetric import pack, unpack
from ..supports import Support


class BankedSupport(NamedTuple):
    """What is kept of a support.

    Attributes:
        class_name (str): The class that it is a support of.
        names (tuple[str, ...]): Classes that its labels distinguish, its own
            first.
        statistics (SupportStatistics): float64, n is 1 + len(names): all
            valid pixels, then each class. A bank keeps moments in float32.
        image (str): File name of the image, for messages.
        image_sha256 (str): Of the file, or of an array's pixels.
        labels_sha256 (str): Of the label map.
        source (Support, optional): What it was made from; not part of a
            file.
    """

    class_name: str
    names: tuple[str, ...]
    statistics: SupportStatistics
    image: str
    image_sha256: str
    labels_sha256: str
    source: Support | None = None


class BankedNegative(NamedTuple):
    """What is kept of an image on which none of the classes is.

    Attributes:
        statistics (SupportStatistics): As of a :class:`BankedSupport`, but n
            is 1: all valid pixels.
        image (str): File name of the image, for messages.
        image_sha256 (str): Of the file, or of an array's pixels.
    """

    statistics: SupportStatistics
    image: str
    image_sha256: str


class BankedAdapted(NamedTuple):
    """What is kept of an image of an adaptation for one class.

    Attributes:
        class_name (str): Whose certain cells they are.
        statistics (SupportStatistics): As of a :class:`BankedSupport`, but n
            is 2: certain cells of the background, and of the class.
        image (str): File name of the image, for messages.
        image_sha256 (str): Of the file, or of an array's pixels.
    """

    class_name: str
    statistics: SupportStatistics
    image: str
    image_sha256: str


def rounded(one: Any) -> Any:
    """Round moments as a file keeps them: it then holds the same bank.

    Differences of them are far above that rounding.
    """
    statistics = one.statistics
    if statistics.moments is None or statistics.moments.dtype == torch.float32:
        return one
    return one._replace(statistics=replace(
        statistics, moments=unpack(pack(statistics.moments).float())))
