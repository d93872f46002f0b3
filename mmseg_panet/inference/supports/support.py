"""A support: an image and what is known of its pixels."""
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...annotations.image_files import seen_as
from ...errors import InputError

Size = tuple[int, int]
"""H and W of an image as it is seen."""


class SupportLabels(NamedTuple):
    """What is known of the pixels of a support."""

    labels: np.ndarray
    """(H, W) uint8: 0 background, i is names[i - 1], 255 unknown."""
    names: tuple[str, ...]
    """The classes that have labels, the support's own among them."""


@dataclass(frozen=True, eq=False)
class Support:
    """An example of a class; nothing of it is decoded before it is needed.

    Attributes:
        class_name (str): The class that it is an example of.
        image (str | np.ndarray): Path of a file, or (H, W, 3) uint8 BGR.
        rasterize (Callable): From the size of the image as it is seen to the
            labels; raises InputError.
        labels_key (object): Supports with the same key are examples of
            several classes in one annotated image: ``image`` and the labels
            are the same, so that one of them may be encoded for all. Whether
            the labels show the class of another is then to be checked, as
            only its own ``rasterize`` does. Defaults to a key that no other
            support has.
    """

    class_name: str
    image: str | np.ndarray
    rasterize: Callable[[Size], SupportLabels]
    labels_key: object = field(default_factory=object)


def make_support(
    class_name: str,
    names: tuple[str, ...],
    image: str | np.ndarray,
    rasterize: Callable[[Size], np.ndarray],
    where: str,
) -> Support:
    """Make a support whose labels are checked when they are rasterized.

    Args:
        class_name (str): One of ``names``.
        names (tuple[str, ...]): By label, from 1.
        image (str | np.ndarray): Path of a file, or (H, W, 3) uint8.
        rasterize (Callable): From the size of the image to (H, W) uint8
            labels, of the image as it is seen or as the file stores it. It
            becomes the ``labels_key``.
        where (str): Names the image and its annotation in errors.

    Returns:
        Support: Its labels have the image's size, see :func:`seen_as`, and
        show its class; otherwise it raises InputError.
    """
    def checked(size: Size) -> SupportLabels:
        labels = rasterize(size)
        if isinstance(image, str) and labels.shape == size[::-1] != size:
            with suppress(InputError):
                labels = seen_as(labels, Path(image))
        if labels.shape != size:
            raise InputError(
                f'{where}: expected an annotation of {size[1]}x{size[0]} '
                f'pixels as its image, got {labels.shape[1]}x'
                f'{labels.shape[0]}; annotate the image again, or put back '
                'the one that was annotated')
        if not (labels == names.index(class_name) + 1).any():
            raise InputError(
                f'{where}: expected at least one pixel of the class, got '
                'none; mark the object, or leave the image out of the '
                'supports')
        return SupportLabels(labels, names)

    return Support(class_name, image, checked, rasterize)
