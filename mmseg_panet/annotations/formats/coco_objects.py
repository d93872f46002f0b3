"""Regions of the objects of a COCO file."""
from collections.abc import Collection
from typing import Any

from ...errors import InputError, abbreviate
from ...files import StrPath
from ...notices import warn
from ...wording import counted
from ..objects import Encode, MarkedObject, Size, box, polygons, runs
from ..segmentation import read_segmentation
from .coco_tables import CocoImage, CocoObject

_FAR = 0.1
"""Share of the side of an image, beyond which boxes are noticed."""


class ObjectReader:
    """Reads the regions of the objects of a file, image by image.

    A malformed polygon, and an object without any region, is left out, with
    a warning, unless the file has no other region: it is then refused when
    it is rasterized. If all coordinates of a file are fractions of 0..1, as
    Azure writes them, they are multiplied by the size of the image.

    Args:
        ann_file (str | os.PathLike): The file, for messages.
        boxes (bool): Whether an object without a segmentation fills its box.
        classes (Collection[str]): Names of the selected classes.
    """

    def __init__(self, ann_file: StrPath, boxes: bool,
                 classes: Collection[str]) -> None:
        self._file = ann_file
        self._place = f'{ann_file}, annotation'
        self._boxes = boxes
        self._classes = frozenset(classes)
        self._objects = 0
        self._kept = 0
        self._polygons: list[str] = []
        self._empty: list[tuple[list[MarkedObject], MarkedObject]] = []
        self._unfilled: list[tuple[str, Any]] = []
        self._far: list[str] = []
        self._fractions: list[tuple[list[MarkedObject], int, Encode]] | None
        self._fractions = []

    def read(self, image: CocoImage) -> list[MarkedObject]:
        """Return the objects of the selected classes.

        Args:
            image (CocoImage): Image with the objects of the file.

        Returns:
            list[MarkedObject]: Objects that have a region.
        """
        found: list[MarkedObject] = []
        for one in image.objects:
            if one.category in self._classes:
                self._read(one, image.size, found)
        return found

    def finish(self) -> None:
        """Warn of what was left out.

        Raises:
            InputError: If there are objects without a segmentation, and
                their boxes are not to be filled.
        """
        if self._unfilled:
            (where, got), *_ = self._unfilled
            raise InputError(
                f'{where}: expected polygons or run-lengths, got '
                f'{abbreviate(got)}, as for {len(self._unfilled)} of '
                f"{counted(self._objects, 'object')}; fill the boxes of such "
                'objects with boxes=True (--boxes), or outline them')
        if not self._kept:
            for objects, one in self._empty:
                objects.append(one)
            return
        if self._polygons:
            warn(f"left out {counted(len(self._polygons), 'polygon')} of "
                 'fewer than three points, of an odd number of coordinates or '
                 'with one that is not finite, the first in '
                 f'{self._polygons[0]}; outline it again if it is an object')
        if self._empty:
            warn(f"left out {counted(len(self._empty), 'object')} without a "
                 f'region, the first is {self._empty[0][1].where}; outline it '
                 'if it is one')
        if self._fractions:
            for objects, i, encode in self._fractions:
                objects[i] = objects[i]._replace(encode=encode)
            warn(f'{self._file}: all coordinates are fractions of 0..1 and '
                 'are multiplied by the width and the height of the image; '
                 'write pixels if they are none')
        if self._far:
            verbs = ('extends', 'is') if len(self._far) == 1 else (
                'extend', 'are')
            warn(f"{counted(len(self._far), 'box', 'boxes')} {verbs[0]} far "
                 f'beyond the image and {verbs[1]} cut off, the first '
                 'is that of '
                 f'{self._far[0]}; if it is x1, y1, x2, y2, change it to x, '
                 'y, width, height')

    def _read(self, one: CocoObject, size: Size | None,
              found: list[MarkedObject]) -> None:
        self._objects += 1
        where = f'{self._place} {one.id}'
        regions, malformed = read_segmentation(one.segmentation)
        if malformed:
            self._polygons += [where] * len(malformed)
        if regions:
            encode = runs(regions)
        elif malformed or not one.bbox:
            given = malformed or one.segmentation
            self._empty.append(
                (found, MarkedObject(one.category, runs(given), where)))
            return
        elif not self._boxes:
            self._unfilled.append((where, one.segmentation))
            return
        else:
            encode = box(one.bbox)
            if size and _is_far(one.bbox, size):
                self._far.append(where)
        self._kept += 1
        if self._fractions is not None:
            self._check_fractions(regions, one.bbox, found)
        found.append(MarkedObject(one.category, encode, where))

    def _check_fractions(self, regions: Any, bbox: Any,
                         found: list[MarkedObject]) -> None:
        """Note an object that may be in fractions; else, no object is."""
        assert self._fractions is not None
        if all(map(_is_fraction, regions or [bbox])):
            encode = polygons(regions, relative=True) if regions else box(
                bbox, relative=True)
            self._fractions.append((found, len(found), encode))
        else:
            self._fractions = None


def _is_fraction(numbers: Any) -> bool:
    """Check that all numbers are of 0..1, and not only 0 and 1."""
    return isinstance(numbers, list) and all(
        isinstance(one, (int, float)) and 0 <= one <= 1 for one in numbers
    ) and not all(one in (0, 1) for one in numbers)


def _is_far(bbox: Any, size: Size) -> bool:
    """Check whether a box may be two corners instead."""
    if not isinstance(bbox, list) or len(bbox) != 4 or not all(
            isinstance(number, (int, float)) for number in bbox):
        return False
    x, y, width, height = bbox
    beyond = max(x + width - (1 + _FAR) * size[1],
                 y + height - (1 + _FAR) * size[0])
    return beyond > 0 and 0 <= x < width <= size[1] and (
        0 <= y < height <= size[0])
