"""The taught classes: what their supports add to the prototypes."""
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from ...errors import InputError
from ...models.support_sums import area_mean, background_mean
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
        names (tuple[str, ...]): Classes that its labels tell apart, its own
            first.
        sums (Tensor): float64 (1 + len(names), C + 1), see
            :func:`own_size_sums`: of all valid pixels, then of each class.
            The last column holds the areas, in pixels.
        image (str): File name of the image, for people.
        image_sha256 (str): Of the file, or of an array's pixels.
        labels_sha256 (str): Of the label map.
        source (Support, optional): What it was made from; not part of a
            file.
    """

    class_name: str
    names: tuple[str, ...]
    sums: Tensor
    image: str
    image_sha256: str
    labels_sha256: str
    source: Support | None = None

    def renamed(self, old: str, new: str) -> 'BankedSupport':
        """The same with another name for a class."""
        return self._replace(
            class_name=new if self.class_name == old else self.class_name,
            names=tuple(new if name == old else name for name in self.names))


class PrototypeBank:
    """Classes and the running sums of their supports.

    A class's prototype is the mean over its supports, the background's the
    mean over all supports of what belongs to no taught class (PANet,
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
            support (BankedSupport): Its sums as wide as those there.

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
        shots.append(support)
        return True

    def remove(self, class_name: str) -> None:
        """Remove a class, as if it had never been taught.

        Raises:
            InputError: If there is no such class.
        """
        del self._supports[self._known(class_name)]

    def rename(self, old: str, new: str) -> None:
        """Give a class another name; it keeps its place.

        Raises:
            InputError: If there is no such class, or the name is taken,
                also by a class that supports show but nobody taught.
        """
        self._known(old)
        if new != old and new in self._supports:
            raise InputError(
                f"the name '{new}' is another class's; remove that one first, "
                'or choose another name')
        shown = [
            one.image for one in self.supports
            if new != old and new in one.names]
        if shown:
            raise InputError(
                f"the labels of {shown[0]} show another class '{new}'; choose "
                'another name')
        self._supports = {
            new if name == old else name:
            [one.renamed(old, new) for one in shots]
            for name, shots in self._supports.items()}

    def without(self, support: BankedSupport) -> 'PrototypeBank':
        """A bank of all other supports."""
        return PrototypeBank(
            one for one in self.supports if one is not support)

    def prototypes(self) -> Tensor:
        """Prototypes of the background and of every class.

        Returns:
            Tensor: float64 (1 + W, C), background first.

        Raises:
            InputError: If no class was taught.
        """
        if not self._supports:
            raise InputError(NOTHING_TAUGHT)
        foreground = [
            torch.stack([area_mean(one.sums[1]) for one in shots]).mean(0)
            for shots in self._supports.values()]
        background = torch.stack([
            background_mean(one.sums[0], self._taught(one))
            for one in self.supports]).mean(0)
        return torch.stack([background, *foreground])

    def _taught(self, support: BankedSupport) -> Tensor:
        """The rows of a support's sums that are of taught classes."""
        rows = [
            row for row, name in enumerate(support.names, start=1)
            if name in self._supports]
        return support.sums[rows]

    def _known(self, class_name: str) -> str:
        if class_name not in self._supports:
            raise InputError(
                f"'{class_name}' was never taught; the classes are "
                f'{list(self._supports)}')
        return class_name
