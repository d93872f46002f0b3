"""The registered classes: what their supports add to the prototypes."""
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from ...annotations.class_list import check_class_name
from ...errors import InputError
from ...models import SupportStatistics
from ...models.statistics import stack
from ...models.symmetric import pack, unpack
from ..supports import Support

MAX_CLASSES = 254
"""Label maps have 8 bits, with 0 for the background and 255 for unknown."""
NOTHING_TAUGHT = (
    'no class was taught yet; call fit() or add_class() with supports, or '
    'load() a bank')


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


class PrototypeBank:
    """Classes and the running sums of their supports.

    A class's prototype is the mean over its supports, the background's the
    mean over all supports of what belongs to no registered class (PANet,
    equations 1 and 2). As sums are kept and not prototypes, the bank grows
    and shrinks without the images: whatever the order of calls, it is the
    bank of the supports that it holds.

    Args:
        supports (Iterable[BankedSupport]): Added one by one. Defaults to
            none.
    """

    def __init__(self, supports: Iterable[BankedSupport] = ()) -> None:
        self._supports: dict[str, list[BankedSupport]] = {}
        for support in supports:
            self.add(support)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, in the order in which they came; class i has label 1 + i."""
        return tuple(self._supports)

    @property
    def supports(self) -> list[BankedSupport]:
        """All supports, class by class."""
        return [one for shots in self._supports.values() for one in shots]

    def num_shots(self, class_name: str) -> int:
        """How many supports a class has."""
        return len(self._supports[self._known(class_name)])

    def add(self, support: BankedSupport) -> bool:
        """Add a support to its class, or a class with its first support.

        Args:
            support (BankedSupport): Measured by the same model.

        Returns:
            bool: False if the bank has held the same image with the same
            labels for this class: then nothing changes.

        Raises:
            InputError: If it would be the 255th class.
        """
        if len(self._supports) == MAX_CLASSES and (
                support.class_name not in self._supports):
            raise InputError(
                f"expected at most {MAX_CLASSES} classes, got '"
                f"{support.class_name}' as one more; remove another first, or "
                'keep a second bank')
        shots = self._supports.setdefault(support.class_name, [])
        hashes = {(one.image_sha256, one.labels_sha256) for one in shots}
        if (support.image_sha256, support.labels_sha256) in hashes:
            return False
        shots.append(_rounded(support))
        return True

    def remove(self, class_name: str) -> None:
        """Remove a class, as if it had never been registered.

        Raises:
            InputError: If there is no such class.
        """
        del self._supports[self._known(class_name)]

    def rename(self, old: str, new: str) -> None:
        """Give a class another name; it keeps its place.

        Raises:
            InputError: If there is no such class, or the name cannot be one
                or is taken, also by a class that is shown but not registered.
        """
        check_class_name(new, 'rename_class')
        if new == self._known(old):
            return
        if new in self._supports:
            raise InputError(
                f"the name '{new}' is another class's; remove that one first, "
                'or choose another name')
        shown = [one.image for one in self.supports if new in one.names]
        if shown:
            raise InputError(
                f"the labels of {shown[0]} show another class '{new}'; choose "
                'another name')
        names = {old: new}
        self._supports = {
            names.get(name, name): [one._replace(
                class_name=names.get(name, name),
                names=tuple(names.get(shown, shown) for shown in one.names))
                for one in shots]
            for name, shots in self._supports.items()}

    def prototypes(self) -> Tensor:
        """Prototypes of the background and of every class.

        Returns:
            Tensor: float64 (1 + W, C), background first.

        Raises:
            InputError: If no class is registered.
        """
        if not self._supports:
            raise InputError(NOTHING_TAUGHT)
        return self.statistics().class_means(self.shots)

    @property
    def shots(self) -> list[int]:
        """Numbers of supports, by class."""
        return [len(shots) for shots in self._supports.values()]

    def statistics(self) -> SupportStatistics:
        """What the supports tell of their own class and of the background.

        Returns:
            SupportStatistics: (N,) supports, class by class, n is 2; pixels
            of classes that are not registered are background.
        """
        return stack([
            one.statistics.masks([0, *(
                row for row, name in enumerate(one.names, start=1)
                if name in self._supports), 1]).pair()
            for one in self.supports])

    def _known(self, class_name: str) -> str:
        if class_name not in self._supports:
            raise InputError(
                f"'{class_name}' was never registered; the classes are "
                f'{list(self._supports)}')
        return class_name


def _rounded(support: BankedSupport) -> BankedSupport:
    """Round moments as a file keeps them: it then holds the same bank.

    Differences of them are far above that rounding.
    """
    statistics = support.statistics
    if statistics.moments is None or statistics.moments.dtype == torch.float32:
        return support
    return support._replace(statistics=replace(
        statistics, moments=unpack(pack(statistics.moments).float())))
