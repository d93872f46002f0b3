"""What the network measured of a session's examples, image by image."""
from collections.abc import Iterable
from pathlib import Path

from ..errors import InputError
from ..files import StrPath, check_regular
from ..inference.few_shot_inferencer import FewShotInferencer
from ..inference.supports.negative_encoder import measure_negatives
from ..inference.supports.support_encoder import encode_supports
from ..models.bank.banked_image import BankedNegative, BankedSupport
from ..models.bank.prototype_bank import PrototypeBank
from .example import Example
from .limits import SessionLimits
from .loaded_image import LoadedImage


class MeasuredExamples:
    """Statistics of examples and negatives, and of a bank that was loaded.

    An image is measured once for each change of its own labels, whatever
    happens to the others.
    """

    def __init__(self) -> None:
        self._supports: dict[str, list[BankedSupport]] = {}
        self._negatives: dict[str, BankedNegative] = {}
        self._loaded = PrototypeBank()

    @property
    def loaded(self) -> tuple[str, ...]:
        """The classes of banks that were loaded."""
        return self._loaded.classes

    def measure(self, inferencer: FewShotInferencer, image: LoadedImage,
                example: Example) -> None:
        """Measure an example in place of what was known of its image.

        Raises:
            InputError: If it cannot be measured. Nothing changes then.
        """
        found = encode_supports(
            inferencer.model, inferencer.pipeline,
            example.supports(image.bgr, image.name), 1)
        self.forget(image.id)
        self._supports[image.id] = [
            one._replace(image=image.name) for one in found]

    def measure_negative(self, inferencer: FewShotInferencer,
                         image: LoadedImage) -> None:
        """Measure an image without any of the classes.

        Raises:
            InputError: If it cannot be measured. Nothing changes then.
        """
        found = PrototypeBank()
        measure_negatives(
            inferencer.model, inferencer.pipeline, found, [image.bgr], 1,
            False)
        self.forget(image.id)
        self._negatives[image.id] = found.negatives[0]._replace(
            image=image.name)

    def forget(self, image_id: str) -> None:
        """Remove what is known of an image."""
        self._supports.pop(image_id, None)
        self._negatives.pop(image_id, None)

    @staticmethod
    def read(inferencer: FewShotInferencer, path: StrPath,
             name: str, limits: SessionLimits) -> PrototypeBank:
        """Read a bank, without adding its classes.

        Args:
            inferencer (FewShotInferencer): The inferencer.
            path (str | os.PathLike): See :meth:`FewShotInferencer.save`.
            name (str): What messages call the file.
            limits (SessionLimits): The limit of its size.

        Raises:
            InputError: If it is too large, or see
                :meth:`FewShotInferencer.read_bank`.
        """
        check_regular(path)
        most = limits.max_total_megabytes
        if Path(path).is_file() and Path(path).stat().st_size > most * 1e6:
            raise InputError(
                f'expected a bank of at most {most:g} MB, got {name}; leave '
                'out some of its examples')
        try:
            return inferencer.read_bank(path)
        except InputError as error:
            raise InputError(
                str(error).replace(str(path), name)) from error

    def add(self, bank: PrototypeBank) -> None:
        """Add the classes of a bank to those of banks before."""
        self._loaded = PrototypeBank(
            [*self._loaded.supports, *bank.supports],
            [*self._loaded.negatives, *bank.negatives],
            bank.negative_share if bank.negatives
            else self._loaded.negative_share)

    def rename_class(self, old: str, new: str) -> None:
        """Give a class of a file another name.

        Raises:
            InputError: See :meth:`PrototypeBank.rename`.
        """
        if old in self._loaded.classes:
            self._loaded.rename(old, new)

    def remove_class(self, name: str) -> None:
        """Remove a class of a file."""
        if name in self._loaded.classes:
            self._loaded.remove(name)

    def bank(self, classes: Iterable[str],
             weights_sha256: str, with_loaded: bool = True) -> PrototypeBank:
        """Make a bank of all that was measured.

        Args:
            classes (Iterable[str]): The classes in the order of the bank.
                Those without examples are left out.
            weights_sha256 (str): Hash of the weights that measured.
            with_loaded (bool): Whether it has the examples of files.
                Defaults to True.
        """
        supports = self._loaded.supports if with_loaded else []
        supports = supports + [
            one for of_image in self._supports.values() for one in of_image]
        negatives = self._loaded.negatives if with_loaded else []
        bank = PrototypeBank(
            (one for name in classes for one in supports
             if one.class_name == name),
            [*negatives, *self._negatives.values()],
            self._loaded.negative_share)
        bank.weights_sha256 = weights_sha256
        return bank
