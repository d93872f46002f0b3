"""The prototype bank: the registered classes and their statistics."""
from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor

from ...annotations.class_list import check_class_name
from ...annotations.label_type import MOST_CLASSES
from ...errors import InputError, check_number
from ...summary import Summary, listed_examples
from ...wording import counted
from ..adapted import weigh_adapted
from ..negatives import NEGATIVE_SHARE, add_negatives
from ..statistics import SupportStatistics
from .banked_image import (
    BankedAdapted,
    BankedNegative,
    BankedSupport,
    rounded,
)

NO_CLASS = (
    'no class is registered yet; call fit() or add_class() with examples, or '
    'load() a bank')


class PrototypeBank:
    """Classes and the running sums of their supports.

    The prototype of a class is the mean over its supports. The prototype of
    the background is the mean, over all supports, of the pixels of no
    registered class (PANet, equations 1 and 2), in which negatives have a
    share. The bank keeps sums and not prototypes, so that classes and
    supports are added and removed without the images, and the order of calls
    does not matter.

    Args:
        supports (Iterable[BankedSupport]): Supports, added one by one.
            Defaults to none.
        negatives (Iterable[BankedNegative]): Images without any of the
            classes. Defaults to none.
        negative_share (float): Share of all negatives in the background,
            0..1. Defaults to :data:`NEGATIVE_SHARE`.
        adapted (Iterable[BankedAdapted]): Images of an adaptation of
            registered classes. Defaults to none.

    Attributes:
        adapted (list[BankedAdapted]): Empty once other supports or negatives
            come or go, as they were chosen by these.
        weights_sha256 (str): Hash of the model's weights that the images
            were measured with; empty if it is unknown.

    Raises:
        InputError: If the share is out of range, or as :meth:`add`.
    """

    def __init__(self, supports: Iterable[BankedSupport] = (),
                 negatives: Iterable[BankedNegative] = (),
                 negative_share: float = NEGATIVE_SHARE,
                 adapted: Iterable[BankedAdapted] = ()) -> None:
        check_number('negative_share', negative_share, least=0, most=1)
        self.negative_share = negative_share
        self._supports: dict[str, list[BankedSupport]] = {}
        self._negatives: dict[str, BankedNegative] = {}
        for support in supports:
            self.add(support)
        for negative in negatives:
            self.add_negative(negative)
        self.adapted = list(adapted)
        self.weights_sha256 = ''

    def __repr__(self) -> str:
        return self._summary().text()

    def _repr_html_(self) -> str:
        """Show the summary in notebooks."""
        return self._summary().html()

    def _summary(self) -> Summary:
        numbers = dict(zip(self.classes, self.shots, strict=True))
        measured = [one.statistics for one in self.supports]
        measured += [one.statistics for one in self.negatives]
        channels = {one.sums.shape[-1] for one in measured}
        facts = [
            ('classes', listed_examples(numbers)),
            ('channels', ', '.join(map(str, sorted(channels))) or 'unknown'),
            ('model', self.weights_sha256[:12] or 'unknown')]
        if self._negatives:
            facts.insert(1, ('negatives', str(len(self._negatives))))
        if self.adapted:
            facts.insert(
                1, ('adapted to', counted(len(self.adapted), 'image')))
        return Summary(type(self).__name__, facts)

    def copy(self, change: Callable[[Any], Any] = lambda one: one,
             negative_share: float | None = None,
             adapted: Iterable[BankedAdapted] | None = None
             ) -> 'PrototypeBank':
        """Make another bank with supports and negatives that are changed.

        Args:
            change (Callable): Function that is applied to each
                :class:`BankedSupport` and :class:`BankedNegative`. Defaults
                to the identity.
            adapted (Iterable[BankedAdapted], optional): Defaults to the
                same.
            negative_share (float, optional): Defaults to the same.

        Raises:
            InputError: If the share is out of range.
        """
        bank = PrototypeBank(
            map(change, self.supports), map(change, self.negatives),
            self.negative_share if negative_share is None else negative_share,
            self.adapted if adapted is None else adapted)
        bank.weights_sha256 = self.weights_sha256
        return bank

    @property
    def classes(self) -> tuple[str, ...]:
        """Names in the order of registration; class i has label 1 + i."""
        return tuple(self._supports)

    @property
    def supports(self) -> list[BankedSupport]:
        """All supports, class by class."""
        return [one for shots in self._supports.values() for one in shots]

    @property
    def negatives(self) -> list[BankedNegative]:
        """Images without any of the classes, in the order they were added."""
        return list(self._negatives.values())

    def num_shots(self, class_name: str) -> int:
        """Return the number of supports of a class."""
        return len(self._supports[self._known(class_name)])

    def add(self, support: BankedSupport) -> bool:
        """Add a support to its class, or a class with its first support.

        Args:
            support (BankedSupport): A support that the same model measured.

        Returns:
            bool: False if the bank already has the same image with the same
            labels for this class, and does not change.

        Raises:
            InputError: If there are :data:`MOST_CLASSES` others, or if the
                statistics are not finite.
        """
        if len(self._supports) == MOST_CLASSES and (
                support.class_name not in self._supports):
            raise InputError(
                f"expected at most {MOST_CLASSES} classes, got '"
                f"{support.class_name}' as one more; remove another first, or "
                'use a second bank')
        shots = self._supports.get(support.class_name, [])
        hashes = {(one.image_sha256, one.labels_sha256) for one in shots}
        if (support.image_sha256, support.labels_sha256) in hashes:
            return False
        self._supports[support.class_name] = [*shots, rounded(support)]
        self.adapted = []
        return True

    def add_negative(self, negative: BankedNegative) -> bool:
        """Add an image without any of the classes.

        Args:
            negative (BankedNegative): An image that the same model measured.

        Returns:
            bool: False if the bank already has the same image, and does not
            change.

        Raises:
            InputError: If the statistics are not finite.
        """
        if negative.image_sha256 in self._negatives:
            return False
        self._negatives[negative.image_sha256] = rounded(negative)
        self.adapted = []
        return True

    def remove_negatives(self) -> None:
        """Remove all negatives, as if there had never been any."""
        if self._negatives:
            self.adapted = []
        self._negatives.clear()
        self.negative_share = NEGATIVE_SHARE

    def remove(self, class_name: str) -> None:
        """Remove a class, as if it had never been registered.

        Raises:
            InputError: If there is no such class.
        """
        del self._supports[self._known(class_name)]
        self.adapted = []

    def rename(self, old: str, new: str) -> None:
        """Give a class another name; its label does not change.

        Raises:
            InputError: If there is no such class, or the new name is invalid
                or taken, also by a class that labels show but that is not
                registered.
        """
        check_class_name(new, 'rename_class')
        if new == self._known(old):
            return
        if new in self._supports:
            raise InputError(
                f"the name '{new}' is taken by another class; remove that one "
                'first, or choose another name')
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
        self.adapted = [
            one._replace(class_name=names.get(one.class_name, one.class_name))
            for one in self.adapted]

    def prototypes(self) -> Tensor:
        """Compute the prototypes of the background and of every class.

        Returns:
            Tensor: float64 (1 + W, C), background first.

        Raises:
            InputError: If no class is registered.
        """
        if not self._supports:
            raise InputError(NO_CLASS)
        return self.statistics().class_means(self.num_images)

    @property
    def shots(self) -> list[int]:
        """Number of supports of each class."""
        return [len(shots) for shots in self._supports.values()]

    @property
    def num_images(self) -> list[int]:
        """Number of supports and images of an adaptation of each class."""
        return [
            shots + sum(one.class_name == name for one in self.adapted)
            for name, shots in zip(self._supports, self.shots, strict=True)]

    def statistics(self) -> SupportStatistics:
        """Collect the statistics of each class and of the background.

        Returns:
            SupportStatistics: (N,) images, n is 2: the supports class by
            class, each class followed by its images of an adaptation, and
            the negatives at the end. Pixels of classes that are not
            registered are background.
        """
        rows: list[SupportStatistics] = []
        is_adapted: list[bool] = []
        for class_name, shots in self._supports.items():
            own = [one.statistics for one in self.adapted
                   if one.class_name == class_name]
            rows += [
                one.statistics.masks([0, *(
                    row for row, name in enumerate(one.names, start=1)
                    if name in self._supports), 1]).pair()
                for one in shots] + own
            is_adapted += [False] * len(shots) + [True] * len(own)
        return weigh_adapted(
            add_negatives(
                rows, [one.statistics for one in self.negatives],
                self.negative_share), is_adapted, self.num_images)

    def _known(self, class_name: str) -> str:
        if class_name not in self._supports:
            raise InputError(
                f"'{class_name}' was never registered; the classes are "
                f'{list(self._supports)}')
        return class_name
