"""The classes of a session, and what is marked for them on its images."""
import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..annotations.class_list import Colour
from ..annotations.label_type import IGNORED
from ..errors import InputError
from ..files import StrPath
from ..inference.few_shot_inferencer import FewShotInferencer
from ..inference.shared_inferencer import SharedInferencer
from ..models.bank.prototype_bank import PrototypeBank
from .class_table import ClassTable
from .example import Example, check_labels, region_of, relabelled
from .image_collection import ImageCollection
from .limits import SessionLimits
from .loaded_image import safe_name
from .measured_examples import MeasuredExamples

_NOTHING = Example({}, frozenset())


class MarkedImages(ImageCollection):
    """Images on which classes are marked, and which the network measures.

    It is the part of :class:`Session` that changes its classes.

    Attributes:
        version (int): Number of changes of classes and examples.
    """

    def __init__(self, shared: SharedInferencer,
                 limits: SessionLimits | None = None) -> None:
        super().__init__(shared, limits)
        self._classes = ClassTable(self.limits.max_classes)
        self._examples: dict[str, Example] = {}
        self._negatives: dict[str, None] = {}  # in order
        self._measured = MeasuredExamples()
        self._bank: PrototypeBank | None = None
        self.version = 0
        with shared.use() as inferencer:
            self._weights = inferencer.bank.weights_sha256

    @contextmanager
    def _changing(self) -> Iterator[FewShotInferencer]:
        """Use the inferencer to change classes or examples."""
        with self._open(), self._shared.use() as inferencer:
            yield inferencer
            self.version += 1

    def _examples_changed(self) -> None:
        """Forget what depends on the examples."""
        self._bank = None

    def _own_bank(self) -> PrototypeBank:
        """Return the bank of the session, the same until it changes."""
        if self._bank is None:
            self._bank = self._measured.bank(self.classes, self._weights)
        return self._bank

    def _set(self, inferencer: FewShotInferencer, image_id: str,
             example: Example) -> None:
        """Measure an example in place of the former one of its image."""
        if example.regions:
            self._measured.measure(
                inferencer, self.image(image_id), example)
            self._examples[image_id] = example
        else:
            self._measured.forget(image_id)
            self._examples.pop(image_id, None)
        self._negatives.pop(image_id, None)
        self._examples_changed()

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the labels 1..W of all class maps."""
        return self._classes.names

    @property
    def ready(self) -> tuple[str, ...]:
        """The classes that have examples, or come from a bank."""
        with self._lock:
            known = {*self._measured.loaded, *(
                name for one in self._examples.values()
                for name in one.regions)}
            return tuple(name for name in self.classes if name in known)

    @property
    def examples(self) -> dict[str, tuple[str, ...]]:
        """The classes that are marked on images, by the id of the image."""
        with self._lock:
            return {key: tuple(one.regions)
                    for key, one in self._examples.items()}

    @property
    def negatives(self) -> tuple[str, ...]:
        """Ids of the images that show none of the classes."""
        with self._lock:
            return tuple(self._negatives)

    def palette(self) -> np.ndarray:
        """Return the colours of class maps, (256, 3) uint8 RGB."""
        with self._lock:
            return self._classes.palette()

    def colour(self, name: str) -> Colour:
        """Return red, green and blue of a class, 0..255."""
        with self._lock:
            self._classes.check_known(name)
            return self._classes.colours[name]

    def add_class(self, name: str,
                  colour: Sequence[int] | None = None) -> None:
        """Add a class, see :meth:`ClassTable.add`."""
        with self._changing():
            self._classes.add(name, colour)

    def set_colour(self, name: str, colour: Sequence[int]) -> None:
        """Give a class another colour, see :meth:`ClassTable.set_colour`."""
        with self._changing():
            self._classes.set_colour(name, colour)

    def rename_class(self, old: str, new: str) -> None:
        """Give a class another name; its label does not change.

        Raises:
            InputError: See :meth:`ClassTable.rename` and
                :meth:`PrototypeBank.rename`.
        """
        with self._changing() as inferencer:
            self._classes.rename(old, new)
            try:
                self._measured.rename_class(old, new)
            except InputError:
                self._classes.rename(new, old)
                raise
            for key, example in list(self._examples.items()):
                self._set(inferencer, key, example.with_name(old, new))
            self._examples_changed()

    def remove_class(self, name: str) -> None:
        """Remove a class, as if it had never been there.

        Raises:
            InputError: If there is no such class.
        """
        with self._changing() as inferencer:
            self._classes.check_known(name)
            for key, example in list(self._examples.items()):
                if name in example.regions:
                    self._set(inferencer, key, example.without(name))
            self._measured.remove_class(name)
            self._classes.remove(name)
            self._examples_changed()

    def remove_image(self, image_id: str) -> None:
        """Remove an image with its file and what is marked on it.

        Raises:
            InputError: If there is no such image.
        """
        with self._open():
            self.unmark(image_id)
            super().remove_image(image_id)

    def labels(self, image_id: str) -> np.ndarray:
        """Return what is marked on an image.

        Returns:
            np.ndarray: (h, w) uint8: 0 nothing, i for ``classes[i - 1]``,
            255 unknown.
        """
        with self._lock:
            size = self.image(image_id).bgr.shape[:2]
            example = self._examples.get(image_id)
            if example is None:
                return np.zeros(size, np.uint8)
            return relabelled(
                example.labels(), tuple(example.regions), self.classes)

    def mark(self, image_id: str, class_name: str, annotation: Any) -> None:
        """Mark a class on an image, in place of what was marked for it.

        Args:
            image_id (str): Id of an image.
            class_name (str): One of the classes. Its pixels are removed from
                what is marked for others.
            annotation (Any): See :func:`region_of`. A mask without unknown
                pixels is exact, and shown in place of what is found.

        Raises:
            InputError: If there is no such class or image, or the object
                cannot be measured.
        """
        with self._changing() as inferencer:
            image = self.image(image_id)
            self._classes.check_known(class_name)
            region = region_of(
                annotation, image.bgr.shape[:2],
                f'{class_name!r} in {image.name}')
            example = self._examples.get(image_id, _NOTHING)
            self._set(inferencer, image_id, example.with_region(
                class_name, region, not isinstance(annotation, Mapping)
                and not (region == IGNORED).any()))

    def annotate(self, image_id: str, labels: np.ndarray,
                 exact: bool = True) -> None:
        """Mark all classes of an image, in place of what was marked.

        Args:
            image_id (str): Id of an image.
            labels (np.ndarray): (h, w) uint8: 0 none of the classes, i for
                ``classes[i - 1]``, 255 unknown. Without a class, nothing is
                marked on the image any more.
            exact (bool): Whether the labels are shown in place of what is
                found, as they are no boxes. Defaults to True.

        Raises:
            InputError: If the labels are invalid, or an object cannot be
                measured.
        """
        with self._changing() as inferencer:
            check_labels(
                labels, len(self.classes), self.image(image_id).bgr.shape[:2])
            self._set(inferencer, image_id, Example.of_labels(
                labels, self.classes,
                exact and not (labels == IGNORED).any()))

    def unmark(self, image_id: str, class_name: str | None = None) -> None:
        """Remove what is marked on an image, or one class of it.

        Raises:
            InputError: If there is no such image.
        """
        with self._changing() as inferencer:
            self.image(image_id)
            example = self._examples.get(image_id, _NOTHING)
            if example.regions or image_id in self._negatives:
                self._set(
                    inferencer, image_id, _NOTHING if class_name is None
                    else example.without(class_name))

    def set_negative(self, image_id: str, is_negative: bool = True) -> None:
        """Say that an image shows none of the classes, or take it back.

        Raises:
            InputError: If there is no such image.
        """
        with self._changing() as inferencer:
            image = self.image(image_id)
            if not is_negative and image_id in self._negatives:
                self.unmark(image_id)
            if not is_negative:
                return
            self._measured.measure_negative(inferencer, image)
            self._examples.pop(image_id, None)
            self._negatives[image_id] = None
            self._examples_changed()

    def load_bank(self, path: StrPath, name: str | None = None
                  ) -> tuple[str, ...]:
        """Add the classes of a bank to those of the session.

        Args:
            path (str | os.PathLike): A file of :meth:`write_bank`, or of
                ``mmseg-panet fit``.
            name (str, optional): What messages call it. Defaults to the
                name of the file.

        Returns:
            tuple[str, ...]: The classes of the bank.

        Raises:
            InputError: If it is no bank, is too large, was made with another
                model, or there are too many classes.
        """
        shown = safe_name(Path(path).name if name is None else name, ())
        with self._changing() as inferencer:
            bank = self._measured.read(
                inferencer, path, shown, self.limits)
            classes = copy.deepcopy(self._classes)
            for one in bank.classes:
                if one not in classes.names:
                    classes.add(one)
            self._measured.add(bank)
            self._classes = classes
            self._examples_changed()
            return bank.classes

    def close(self) -> None:
        """Remove the folder, and release the memory."""
        with self._lock:
            self._examples.clear()
            self._measured = MeasuredExamples()
            self._examples_changed()
            super().close()
