"""An example of a session: an image, and what is marked on it by class."""
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from ..annotations.label_type import IGNORED
from ..annotations.marks import marks_rasterizer
from ..errors import InputError, abbreviate
from ..inference.supports import Support

Size = tuple[int, int]


class Example:
    """What is marked on an image.

    Attributes:
        regions (dict[str, np.ndarray]): (h, w) uint8 of each class: 0
            background, 1 the class, 255 unknown. Later ones cover earlier
            ones.
        decided (frozenset[str]): Classes whose regions are exact, and are
            shown in place of what is found.
    """

    def __init__(self, regions: Mapping[str, np.ndarray],
                 decided: frozenset[str]) -> None:
        self.regions = dict(regions)
        self.decided = decided

    @classmethod
    def of_labels(cls, labels: np.ndarray, classes: tuple[str, ...],
                  decided: bool) -> 'Example':
        """Make an example of a label map.

        Args:
            labels (np.ndarray): (h, w) uint8: 0 none, i for
                ``classes[i - 1]``, 255 unknown.
            classes (tuple[str, ...]): All classes.
            decided (bool): Whether the labels are exact.
        """
        rest = np.where(labels == IGNORED, IGNORED, 0).astype(np.uint8)
        return cls({
            name: np.where(labels == i, 1, rest).astype(np.uint8)
            for i, name in enumerate(classes, start=1)
            if (labels == i).any()}, frozenset(classes if decided else ()))

    def with_region(self, class_name: str, region: np.ndarray,
                    exact: bool) -> 'Example':
        """Return the example with another region of a class, on top."""
        regions = {
            name: np.where((region == 1) & (one == 1), 0, one)
            for name, one in self.regions.items() if name != class_name}
        known = {class_name} if exact else set()
        return Example(
            {name: one for name, one in regions.items() if (one == 1).any()}
            | {class_name: region},
            (self.decided - {class_name}) | known)

    def without(self, class_name: str) -> 'Example':
        """Return the example without a class."""
        return Example(
            {name: one for name, one in self.regions.items()
             if name != class_name}, self.decided - {class_name})

    def with_name(self, old: str, new: str) -> 'Example':
        """Return the example with another name of a class."""
        return Example(
            {new if name == old else name: one
             for name, one in self.regions.items()},
            frozenset(new if name == old else name for name in self.decided))

    def labels(self) -> np.ndarray:
        """Combine the regions: (h, w) uint8, label i is the i-th class.

        A pixel that is unknown in one region is unknown, unless another one
        that has unknown pixels says that it is background, as a scribble on
        the background does for all classes.
        """
        regions = list(self.regions.values())
        labels = np.zeros(regions[0].shape, np.uint8)
        background = np.zeros(labels.shape, bool)
        for one in regions:
            unknown = one == IGNORED
            if unknown.any():
                labels[unknown] = IGNORED
                background |= one == 0
        labels[background] = 0
        for label, one in enumerate(regions, start=1):
            labels[one == 1] = label
        return labels

    def supports(self, bgr: np.ndarray, image_name: str) -> list[Support]:
        """Make a support of each class, all of one label map.

        Args:
            bgr (np.ndarray): (h, w, 3) uint8, the image.
            image_name (str): Its name, for messages.
        """
        names, labels = tuple(self.regions), self.labels()
        key = object()
        return [
            Support(name, names, bgr, lambda _: labels,
                    f'{name!r} in {image_name}', key) for name in names]

    def cover(self, found: np.ndarray, classes: tuple[str, ...]
              ) -> np.ndarray:
        """Put what is known of the image over what was found.

        Args:
            found (np.ndarray): (H, W) uint8, label i is ``classes[i - 1]``;
                of the size of the preview or of the file.
            classes (tuple[str, ...]): All classes.

        Returns:
            np.ndarray: (H, W) uint8.
        """
        known = [
            i for i, name in enumerate(classes, start=1)
            if name in self.decided]
        shown = np.where(np.isin(found, known), 0, found)
        if len(known) == len(classes):
            shown[:] = 0
        for name, one in self.regions.items():
            if name in self.decided:
                if one.shape != found.shape:  # that of the file
                    one = cv2.resize(
                        one, found.shape[::-1],
                        interpolation=cv2.INTER_NEAREST)
                shown[one == 1] = 1 + classes.index(name)
                shown[one == IGNORED] = IGNORED
        return shown


def region_of(annotation: Any, size: Size, where: str) -> np.ndarray:
    """Rasterize what is marked for a class.

    Args:
        annotation (Any): Mask (h, w) of bool; labels (h, w) of uint8, 0
            background, 1 the class, 255 unknown; or a dict of marks, see
            :func:`marks_rasterizer`.
        size (tuple[int, int]): h and w of the preview.
        where (str): What a message calls it.

    Returns:
        np.ndarray: (h, w) uint8, 0, 1 and 255.

    Raises:
        InputError: If it is none of these, has another size, or no pixel of
            the class.
    """
    if isinstance(annotation, Mapping):
        region = marks_rasterizer(annotation, where)(size)
    elif isinstance(annotation, np.ndarray) and (
            annotation.dtype in (bool, np.uint8)) and np.isin(
                annotation, (0, 1, IGNORED)).all():
        region = annotation.astype(np.uint8)
    else:
        got = f'an array of {annotation.dtype}' if isinstance(
            annotation, np.ndarray) else abbreviate(annotation)
        raise InputError(
            f'{where}: expected a mask of bool, labels 0, 1 and 255 of uint8 '
            f'or a dict of marks, got {got}; convert it')
    if region.shape != size:
        raise InputError(
            f'{where}: expected a mask of {size[1]}x{size[0]} pixels as the '
            f'image on the page, got {region.shape[::-1]}; mark it again')
    if not (region == 1).any():
        raise InputError(
            f'{where}: expected at least one pixel of the class, got none; '
            'mark the object')
    return region


def check_labels(labels: Any, num_classes: int, size: Size) -> None:
    """Check what is marked on an image for all classes.

    Args:
        labels (Any): See :meth:`Session.annotate`.
        num_classes (int): Number of classes.
        size (tuple[int, int]): h and w of the preview.

    Raises:
        InputError: If it is no label map of these classes, or has another
            size.
    """
    if not isinstance(labels, np.ndarray) or labels.dtype != np.uint8 or (
            labels.shape != size) or (
                (labels > num_classes) & (labels != IGNORED)).any():
        got = f'{labels.shape} of {labels.dtype}' if isinstance(
            labels, np.ndarray) else abbreviate(labels)
        raise InputError(
            f'expected labels {size} of uint8, 0..{num_classes} or '
            f'{IGNORED}, got {got}; mark the image again')


def relabelled(labels: np.ndarray, names: tuple[str, ...],
               classes: tuple[str, ...]) -> np.ndarray:
    """Number labels as a session does.

    Args:
        labels (np.ndarray): (h, w) uint8: 0 none, i for ``names[i - 1]``,
            255 unknown.
        names (tuple[str, ...]): Some of the classes.
        classes (tuple[str, ...]): All classes.

    Returns:
        np.ndarray: (h, w) uint8: 0 none, i for ``classes[i - 1]``, 255
        unknown.
    """
    table = np.zeros(1 + IGNORED, np.uint8)
    table[IGNORED] = IGNORED
    table[1:1 + len(names)] = [1 + classes.index(name) for name in names]
    return table[labels]
