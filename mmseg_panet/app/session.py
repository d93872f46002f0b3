"""The session: the work of one person on the page."""
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from ..annotations.reserved_names import NOT_CLASSES
from ..errors import InputError, check_number, is_out_of_memory, out_of_memory
from ..files import StrPath
from ..inference.advice.report import SupportAdvice
from ..inference.results.prediction import Prediction, undecided_below
from ..inference.shared_inferencer import SharedInferencer
from ..models.small_components import min_area_of
from .downloads import Download, write_coco, write_masks
from .example import Example, region_of, relabelled
from .limits import SessionLimits
from .loaded_image import LoadedImage, decode_limited
from .marked_images import MarkedImages

Advance = Callable[[int, int], object]
"""Function of the number of images that are done, and of all images."""
_NOT_READY = (
    'expected a class with an example, got none; mark an object on an image '
    'first, or load a bank')


class Session(MarkedImages):
    """Images, classes, examples and results of one person.

    Sessions share nothing but the inferencer. The methods may be called by
    several threads. A change that fails changes nothing.

    Args:
        shared (SharedInferencer): The inferencer of all sessions; with its
            ``feature_cache``, an image passes the network once.
        limits (SessionLimits, optional): What one person may upload.
            Defaults to :class:`SessionLimits`.
    """

    def __init__(self, shared: SharedInferencer,
                 limits: SessionLimits | None = None) -> None:
        super().__init__(shared, limits)
        self._results: dict[str, Prediction] = {}
        with shared.use() as inferencer:
            self._min_area = min_area_of(inferencer.model)

    def _examples_changed(self) -> None:
        super()._examples_changed()
        self._results = {}

    def remove_image(self, image_id: str) -> None:
        """Remove an image with its file, its marks and its result.

        Raises:
            InputError: If there is no such image.
        """
        with self._open():
            super().remove_image(image_id)
            self._results.pop(image_id, None)

    def result(self, image_id: str) -> Prediction:
        """Segment an image, unless its result is known.

        Args:
            image_id (str): Id of an image.

        Returns:
            Prediction: The prediction for the preview. Its classes are those
            that are :attr:`ready`.

        Raises:
            InputError: If no class is ready, or there is no such image.
        """
        with self._open():
            image = self.image(image_id)
            if image_id not in self._results:
                self._results[image_id] = self._predict(image.bgr, image.name)
            return self._results[image_id]

    def class_map(self, image_id: str, threshold: float = 0.0) -> np.ndarray:
        """Return what an image shows, as far as it is certain.

        Args:
            image_id (str): Id of an image.
            threshold (float): Least confidence, 0..1, of pixels that are not
                undecided. It does not use the network. Defaults to 0.

        Returns:
            np.ndarray: (h, w) uint8: 0 none, i for ``classes[i - 1]``, 255
            undecided. Where a person has marked the exact pixels of a class,
            they replace those that were found.

        Raises:
            InputError: If nothing is known of the image.
        """
        with self._open():
            if not self.ready and image_id in self._negatives:
                return np.zeros(self.image(image_id).bgr.shape[:2], np.uint8)
            return self._shown(
                image_id, self.result(image_id), threshold)

    def _shown(self, image_id: str, found: Prediction,
               threshold: float) -> np.ndarray:
        """Combine a prediction of any size with what a person has marked."""
        check_number('threshold', threshold, least=0, most=1)
        labels = relabelled(
            undecided_below(found, threshold, self._min_area),
            found.classes, self.classes)
        if image_id in self._negatives:
            labels[:] = 0
        example = self._examples.get(image_id)
        return labels if example is None else example.cover(
            labels, self.classes)

    def probability(self, image_id: str, class_name: str) -> np.ndarray:
        """Compute the probabilities of a class.

        Returns:
            np.ndarray: (h, w) float32, 0..1.

        Raises:
            InputError: If the class is not ready, or there is no such image.
        """
        with self._open():
            self._classes.check_known(class_name)
            if class_name not in self.ready:
                raise InputError(
                    f'expected an example of {class_name!r}, got none; mark '
                    'one on an image first')
            image = self.image(image_id)
            found = self._predict(image.bgr, image.name, True)
            assert found.probabilities is not None
            return found.probabilities[1 + found.classes.index(class_name)]

    def _predict(self, bgr: np.ndarray, name: str,
                 keep_probabilities: bool = False) -> Prediction:
        """Segment an image into the classes that are ready."""
        if not self.ready:
            raise InputError(_NOT_READY)
        with self._shared.use(self._own_bank()) as inferencer:
            try:
                return inferencer.predict([bgr], keep_probabilities, 'bgr')[0]
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                raise out_of_memory(name) from error

    def accept(self, image_id: str, threshold: float = 0.0,
               paint: Mapping[str, np.ndarray] | None = None) -> None:
        """Make what is shown the example of all classes of an image.

        Without a class in it, the image becomes a negative.

        Args:
            image_id (str): Id of an image.
            threshold (float): See :meth:`class_map`. Undecided pixels stay
                unknown. Defaults to 0.
            paint (Mapping[str, np.ndarray], optional): Corrections, masks
                (h, w) of bool by class or 'none'. Defaults to none.

        Raises:
            InputError: If there is nothing to accept, or an object cannot
                be measured.
        """
        with self._changing() as inferencer:
            labels = self.class_map(image_id, threshold)
            for name, mask in (paint or {}).items():
                if name != NOT_CLASSES[0]:
                    self._classes.check_known(name)
                region = mask.astype(bool)
                if region.shape != labels.shape:
                    region_of(region, labels.shape, name)
                labels[region] = 0 if name == NOT_CLASSES[0] else (
                    1 + self.classes.index(name))
            example = Example.of_labels(labels, self.classes, True)
            if not example.regions:
                self.set_negative(image_id)
                return
            self._set(inferencer, image_id, example)

    def advice(self) -> SupportAdvice | None:
        """Judge the examples, without those of a bank.

        Returns:
            SupportAdvice | None: None if nothing is marked yet.
        """
        with self._open():
            bank = self._measured.bank(self.classes, self._weights, False)
            if not bank.classes:
                return None
            with self._shared.use(bank) as inferencer:
                return inferencer.check_support()

    def write_masks(self, path: StrPath, threshold: float = 0.0,
                    advance: Advance = lambda done, total: None) -> None:
        """Write a .zip with the masks of all images at their own size.

        It holds what ``mmseg-panet segment`` writes: ``masks/<name>.png``
        with the colours of the classes, and ``classes.txt``.

        Args:
            path (str | os.PathLike): Path of the file.
            threshold (float): See :meth:`class_map`. Defaults to 0.
            advance (Callable): Called after each image. Defaults to nothing.

        Raises:
            InputError: If no class is ready, there is no image, or the
                examples change before the end.
        """
        write_masks(Path(path), self._downloads(threshold, advance))

    def write_coco(self, path: StrPath, threshold: float = 0.0,
                   advance: Advance = lambda done, total: None) -> None:
        """Write the objects of all images as COCO's JSON, with polygons.

        Args:
            path (str | os.PathLike): Path of the file.
            threshold (float): See :meth:`class_map`. Defaults to 0.
            advance (Callable): Called after each image. Defaults to nothing.

        Raises:
            InputError: See :meth:`write_masks`.
        """
        write_coco(Path(path), self._downloads(threshold, advance))

    def _downloads(self, threshold: float, advance: Advance) -> Download:
        with self._open():
            if not self.ready:
                raise InputError(_NOT_READY)
            if not self._images:
                raise InputError(
                    'expected an image to segment, got none; add one first')
            version = self.version
            return Download(
                self.images, self.classes, self.palette(), self.folder,
                lambda image: self._at_own_size(image, threshold, version),
                advance)

    def _at_own_size(self, image: LoadedImage, threshold: float,
                     version: int) -> Prediction:
        """Segment the file of an image for a download."""
        with self._open():
            if version != self.version:
                raise InputError(
                    'expected the same examples until the end of the '
                    'download, got a change; download again')
            if image.is_reduced:
                found = self._predict(decode_limited(
                    image.path.read_bytes(), image.name, self.limits,
                    self._reading), image.name)
            else:
                found = self.result(image.id)
            return Prediction(
                self._shown(image.id, found, threshold), found.confidence,
                self.classes)

    def write_bank(self, path: StrPath) -> None:
        """Write the classes that are ready, see :func:`write_bank`.

        A bank holds statistics of the examples and names of their images,
        but no pixels and no colours.

        Args:
            path (str | os.PathLike): Path that ends in .safetensors.

        Raises:
            InputError: If no class is ready, or the path is invalid.
        """
        with self._open():
            if not self.ready:
                raise InputError(_NOT_READY)
            with self._shared.use(self._own_bank()) as inferencer:
                inferencer.save(path)

    def close(self) -> None:
        """Remove the folder, and release the memory."""
        with self._lock:
            super().close()
            self._results = {}
