"""A support: an image and what is known of its pixels."""
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...annotations.mask_folder import seen_as
from ...errors import InputError

Size = tuple[int, int]
"""H and W of an image as it is seen."""


class SupportLabels(NamedTuple):
    """What is known of the pixels of a support."""

    labels: np.ndarray
    """(H, W) uint8: 0 background, i is names[i - 1], 255 unknown."""
    names: tuple[str, ...]
    """Classes that the labels tell apart, the support's own among them."""


class Support(NamedTuple):
    """An example of a class; nothing of it is decoded before it is drawn."""

    class_name: str
    image: str | np.ndarray
    """Path of a file, or (H, W, 3) uint8 BGR."""
    rasterize: Callable[[Size], SupportLabels]
    """From the size of the image as it is seen; raises InputError."""

    @property
    def labels_key(self) -> object:
        """Equal for supports that share their labels."""
        return id(self.rasterize)


def shown(one: object) -> str:
    """How a sentence shows what came."""
    return ' '.join(str(one).split())[:60]


def make_support(
    class_name: str,
    names: tuple[str, ...],
    image: str | np.ndarray,
    rasterize: Callable[[Size], np.ndarray],
    where: str,
) -> Support:
    """A support whose labels are checked when they are drawn.

    Args:
        class_name (str): One of ``names``.
        names (tuple[str, ...]): By label, from 1.
        image (str | np.ndarray): Path of a file, or (H, W, 3) uint8.
        rasterize (Callable): From the size of the image to (H, W) uint8
            labels, of the image as it is seen or as the file stores it.
        where (str): Names the image and its annotation in errors.

    Returns:
        Support: Its labels have the image's size, see :func:`seen_as`, and
        hold its class; otherwise it raises InputError.
    """
    return Support(class_name, image, partial(
        _checked, class_name=class_name, names=names, image=image,
        rasterize=rasterize, where=where))


def _checked(
    size: Size,
    class_name: str,
    names: tuple[str, ...],
    image: str | np.ndarray,
    rasterize: Callable[[Size], np.ndarray],
    where: str,
) -> SupportLabels:
    """Labels that fit the image and hold its class."""
    labels = rasterize(size)
    if isinstance(image, str) and labels.shape == size[::-1] != size:
        with suppress(InputError):
            labels = seen_as(labels, Path(image))
    if labels.shape != size:
        raise InputError(
            f'{where}: expected an annotation of {size[1]}x{size[0]} pixels '
            f'as its image, got {labels.shape[1]}x{labels.shape[0]}; '
            'annotate the image anew, or put back the one that was annotated')
    if not (labels == names.index(class_name) + 1).any():
        raise InputError(
            f'{where}: expected at least one pixel of the class, got none; '
            'mark the object, or leave the image out of the supports')
    return SupportLabels(labels, names)
