"""The support: an image and the labels of its pixels."""
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from ...errors import InputError
from ...images.image_files import orient_labels
from ...wording import counted

Size = tuple[int, int]
"""H and W of an image with its EXIF orientation applied."""


class NotShownError(InputError):
    """The labels of a support do not show its class."""


@dataclass(frozen=True, eq=False)
class Support:
    """An example of a class, which is decoded only when it is needed.

    Attributes:
        class_name (str): Name of the class, one of ``names``.
        names (tuple[str, ...]): Names of the labels 1...
        image (str | np.ndarray): Path of a file, or (H, W, 3) uint8 BGR.
        labels_of (Callable): It takes the size of the image with its EXIF
            orientation applied and returns (H, W) labels of the image,
            oriented or as stored: 0 background, i for names[i - 1], and 255
            in uint8 or 65535 in uint16 unknown. It raises InputError.
        where (str): What errors call the image and its annotation.
        labels_key (object): Supports with the same key are examples of
            several classes in one annotated image. They have the same
            ``image`` and labels, so that one of them may be encoded for all.
            It must then be checked that the labels show the class of each,
            as ``rasterize`` checks its ``class_name`` only. Defaults to a
            unique key.
        picture (Image.Image, optional): The Pillow image that ``image``
            was made from. Defaults to None.
        folder (Path, optional): The folder of examples that it was read
            from. Defaults to None.
        labels_size (Size, optional): H and W of the labels if they are known
            before ``labels_of`` is called. Defaults to None.
        assumed (dict[str, str]): Filled by ``labels_of`` with what it
            assumes, see :func:`object_labels`; supports may share it.
        optional (bool): Whether it is left out, with a warning, if its labels
            do not show the class. Defaults to False.
    """

    class_name: str
    names: tuple[str, ...]
    image: str | np.ndarray
    labels_of: Callable[[Size], np.ndarray]
    where: str
    labels_key: object = field(default_factory=object)
    picture: Image.Image | None = None
    folder: Path | None = None
    labels_size: Size | None = None
    assumed: dict[str, str] = field(default_factory=dict)
    optional: bool = False

    def rasterize(self, size: Size) -> np.ndarray:
        """Rasterize the labels, and apply the image's EXIF orientation.

        Args:
            size (tuple[int, int]): H and W of the oriented image.

        Returns:
            np.ndarray: (H, W), as ``labels_of`` returns them.

        Raises:
            NotShownError: If the labels do not show the class.
            InputError: If the labels have another size, or as ``labels_of``
                raises it.
        """
        if self.labels_size is not None:
            self._check_labels_size(self.labels_size, size, size[::-1])
        labels = self.labels_of(size)
        stored = self.image if isinstance(
            self.image, str) else self.picture
        if stored is not None and labels.shape == size[::-1] != size:
            with suppress(InputError):
                labels = orient_labels(labels, stored)
        self._check_labels_size(labels.shape, size)
        if not (labels == 1 + self.names.index(self.class_name)).any():
            raise NotShownError(
                f'{self.where}: expected at least one pixel of the class, got '
                'none; mark the object, or leave the image out of the '
                'examples')
        return labels

    def _check_labels_size(self, found: tuple[int, ...], size: Size,
                           *others: Size) -> None:
        if found not in (size, *others):
            raise InputError(
                f'{self.where}: expected an annotation of {size[1]}x{size[0]} '
                f'pixels as its image, got {found[1]}x{found[0]}; annotate '
                'the image again, or restore the image that was annotated')


def left_out_note(left_out: Collection[Support],
                  found: Collection[str]) -> str:
    """Return a warning about supports that are left out.

    Args:
        left_out (Collection[Support]): Supports that do not show their
            class, at least one.
        found (Collection[str]): Names of the classes of all others.
    """
    first, *_ = left_out
    lost = sorted({one.class_name for one in left_out} - {*found})
    also = '' if not lost else (
        f'; nothing is left of {lost}, which '
        f"{'is' if len(lost) == 1 else 'are'} not registered")
    return (
        f"left out {counted(len(left_out), 'example')} without a pixel of the "
        'class, as the object has none, others cover it, or it falls between '
        f'the cells of the feature map, the first is {first.where}{also}')
