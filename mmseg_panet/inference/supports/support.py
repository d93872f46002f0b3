"""A support: an image and what is known of its pixels."""
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...annotations.image_files import orient_labels
from ...errors import InputError

Size = tuple[int, int]
"""H and W of an image as it is seen."""


@dataclass(frozen=True, eq=False)
class Support:
    """An example of a class; nothing of it is decoded before it is needed.

    Attributes:
        class_name (str): The class that it is an example of, one of
            ``names``.
        names (tuple[str, ...]): The classes that have labels, from label 1.
        image (str | np.ndarray): Path of a file, or (H, W, 3) uint8 BGR.
        labels_of (Callable): From the size of the image as it is seen to
            (H, W) uint8 labels, of the image as it is seen or as the file
            stores it: 0 background, i is names[i - 1], 255 unknown. It
            raises InputError.
        where (str): Names the image and its annotation in errors.
        labels_key (object): Supports with the same key are examples of
            several classes in one annotated image: ``image`` and the labels
            are the same, so that one of them may be encoded for all. Whether
            the labels show the class of another is then to be checked, as
            only its own ``rasterize`` does. Defaults to a key that no other
            support has.
    """

    class_name: str
    names: tuple[str, ...]
    image: str | np.ndarray
    labels_of: Callable[[Size], np.ndarray]
    where: str
    labels_key: object = field(default_factory=object)

    def rasterize(self, size: Size) -> np.ndarray:
        """Rasterize the labels, and apply the image's EXIF orientation.

        Args:
            size (tuple[int, int]): H and W of the image as it is seen.

        Returns:
            np.ndarray: (H, W) uint8, see ``labels_of``.

        Raises:
            InputError: If they have another size or do not show the class,
                or as ``labels_of`` does.
        """
        labels = self.labels_of(size)
        if isinstance(self.image, str) and labels.shape == size[::-1] != size:
            with suppress(InputError):
                labels = orient_labels(labels, Path(self.image))
        if labels.shape != size:
            raise InputError(
                f'{self.where}: expected an annotation of {size[1]}x{size[0]} '
                f'pixels as its image, got {labels.shape[1]}x'
                f'{labels.shape[0]}; annotate the image again, or put back '
                'the one that was annotated')
        if not (labels == 1 + self.names.index(self.class_name)).any():
            raise InputError(
                f'{self.where}: expected at least one pixel of the class, got '
                'none; mark the object, or leave the image out of the '
                'supports')
        return labels
