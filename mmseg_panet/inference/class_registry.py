"""The registry of classes that a few examples define."""
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from mmengine.dist import broadcast_object_list, is_main_process

from ..errors import InputError
from ..files import StrPath
from ..models.bank.bank_file import read_bank, write_bank
from ..models.bank.prototype_bank import PrototypeBank
from ..models.negatives import NEGATIVE_SHARE
from ..notices import warn
from .adaptable import IMAGES_AT_ONCE, Adaptable
from .advice.notes import background_notes, negative_notes
from .advice.report import SupportAdvice
from .advice.support_advice import advise
from .supports.negative_encoder import measure_negatives
from .supports.support_encoder import add_supports

_Self = TypeVar('_Self', bound='ClassRegistry')


class ClassRegistry(Adaptable):
    """Registers classes, and checks, saves, loads and shares them.

    It is the part of :class:`FewShotInferencer` that changes its classes.
    """

    palette: Callable[[], np.ndarray]

    @property
    def classes(self) -> tuple[str, ...]:
        """The registered classes; class i is label 1 + i of a class map."""
        return self._network.bank.classes

    @property
    def bank(self) -> PrototypeBank:
        """A copy of the registered classes with their statistics.

        A bank that was copied from this inferencer can be assigned, so that
        its classes replace all others.
        """
        return self._network.bank.copy()

    @bank.setter
    def bank(self, bank: PrototypeBank) -> None:
        own = self._network.description['weights_sha256']
        made_by = bank.weights_sha256
        if (bank.classes or bank.negatives) and made_by != own:
            raise InputError(
                'expected a bank that was measured with the weights '
                f'{own[:12]}, got one of {made_by[:12] or "unknown weights"}; '
                'fit the examples again')
        self._network.use(bank.copy())

    def support_folders(self) -> set[Path]:
        """The folders that the registered examples were read from."""
        return {
            one.source.folder for one in self._network.bank.supports
            if one.source is not None and one.source.folder is not None}

    def fit(self: _Self, supports: Any, image_dir: StrPath | None = None,
            negatives: Any = None, negative_share: float = NEGATIVE_SHARE
            ) -> _Self:
        """Register classes, in place of all others and of their negatives.

        An adaptation is removed too.

        Args:
            supports (Any): A dict of class names to lists of
                (image, annotation), or a folder or a file, see
                :func:`read_supports`.
            image_dir (str | os.PathLike, optional): Folder of the images
                that a file names.
            negatives (Any, optional): Images without any of the classes, see
                :meth:`add_negatives`. Defaults to none.
            negative_share (float): See :meth:`add_negatives`. Defaults to
                :data:`NEGATIVE_SHARE`.

        Returns:
            FewShotInferencer: The inferencer itself.

        Raises:
            InputError: If a support or a negative cannot be used. The
                registered classes then do not change.
        """
        bank = PrototypeBank(negative_share=negative_share)
        with self._network.classifying_by(self._network.classifier):
            notes = self._measure(bank, supports, image_dir)
            if negatives is not None:
                notes += self._measure_negatives(bank, negatives)
            return self._use(bank, notes)

    def _measure(self, bank: PrototypeBank, source: Any,
                 image_dir: StrPath | None = None) -> list[str]:
        return add_supports(
            self.model, self.pipeline, bank, source, image_dir,
            IMAGES_AT_ONCE, self.show_progress, self.channel_order,
            self._network.reading)

    def _measure_negatives(self, bank: PrototypeBank,
                           images: Any) -> list[str]:
        return measure_negatives(
            self.model, self.pipeline, bank, images, IMAGES_AT_ONCE,
            self.show_progress, self.channel_order, self._network.reading)

    def _use(self: _Self, bank: PrototypeBank,
             notes: Sequence[str]) -> _Self:
        """Use a bank with more images, and warn of those that add nothing."""
        if bank.classes:
            notes = [*notes, *background_notes(bank)]
        for note in (*notes, *negative_notes(bank)):
            warn(note)
        return self._change(bank)

    def _change(self: _Self, bank: PrototypeBank) -> _Self:
        """Use a bank with other images, and warn of a lost adaptation."""
        lost = self._network.bank.adapted and not bank.adapted
        self._network.use(bank)
        if lost:
            warn('the adaptation is gone, as it was made by other examples '
                 'or negatives: call adapt() again')
        return self

    def add_class(self: _Self, class_name: str,
                  supports: Sequence[tuple]) -> _Self:
        """Register one more class, or more shots of a class.

        The earlier supports are not needed again.

        Args:
            class_name (str): Name of a new or a registered class.
            supports (Sequence[tuple]): Pairs (image, annotation), see
                :func:`read_supports`.

        Returns:
            FewShotInferencer: The inferencer itself.

        Raises:
            InputError: See :meth:`fit`.
        """
        bank = self.bank
        return self._use(bank, self._measure(bank, {class_name: supports}))

    def add_negatives(self: _Self, images: Any,
                      negative_share: float | None = None) -> _Self:
        """Add images without any of the classes, for fewer false pixels.

        All of their pixels are background. It makes no difference whether
        they are added before or after the classes. An image that is added
        again counts once.

        Args:
            images (Any): Paths, folders, glob patterns, videos, arrays, or a
                list of such, see :func:`list_images`.
            negative_share (float, optional): Share of all negatives in the
                mean and the moments of the background, 0..1, whatever their
                number. With a larger share, fewer pixels become one of the
                classes. Defaults to the current value, which starts as
                :data:`NEGATIVE_SHARE`.

        Returns:
            FewShotInferencer: The inferencer itself.

        Raises:
            InputError: If there is no image, one cannot be read, or the
                share is out of range. Nothing changes then.
        """
        bank = self.bank.copy(negative_share=negative_share)
        return self._use(bank, self._measure_negatives(bank, images))

    def remove_negatives(self: _Self) -> _Self:
        """Remove all negatives, as if there had never been any.

        Returns:
            FewShotInferencer: The inferencer itself.
        """
        bank = self.bank
        bank.remove_negatives()
        return self._change(bank)

    def remove_class(self: _Self, class_name: str) -> _Self:
        """Remove a class, as if it had never been registered.

        Returns:
            FewShotInferencer: The inferencer itself.

        Raises:
            InputError: If there is no such class.
        """
        bank = self.bank
        bank.remove(class_name)
        return self._change(bank)

    def rename_class(self: _Self, old: str, new: str) -> _Self:
        """Give a class another name; its label does not change.

        Returns:
            FewShotInferencer: The inferencer itself.

        Raises:
            InputError: If there is no such class, or the name is taken or
                invalid.
        """
        bank = self.bank
        bank.rename(old, new)
        return self._change(bank)

    def check_support(self) -> SupportAdvice:
        """Judge every support by the others of its class.

        Negatives and an adaptation are not used.

        Returns:
            SupportAdvice: ``print`` shows it as a table, ``plot`` writes a
            picture, ``suspects`` has those whose masks may be wrong.

        Raises:
            InputError: If no class is registered, or supports were loaded
                by :meth:`load`, without their images.
        """
        return advise(
            self.model, self.pipeline, self._network.bank.copy(adapted=()),
            IMAGES_AT_ONCE, self.show_progress, self.palette(),
            self._network.reading)

    def save(self, path: StrPath) -> None:
        """Write the registered classes to a file, see :func:`write_bank`.

        An adaptation is not written, as a warning says.

        Raises:
            InputError: If no class is registered, or the file cannot be
                written.
        """
        bank = self._network.bank.copy(adapted=())
        write_bank(path, bank, self._network.description)
        if self._network.bank.adapted:
            warn('the adaptation is not part of the bank: call adapt() after '
                 'it is loaded')

    def load(self: _Self, path: StrPath) -> _Self:
        """Use the classes of a file, in place of all others.

        The classifier may differ from the one that the file was made with,
        if it needs no other statistics. With a file that holds prototypes
        only, images are classified by prototypes, also after classes are
        added.

        Returns:
            FewShotInferencer: The inferencer itself.

        Raises:
            InputError: If the file is not a bank, or was made with another
                model. The registered classes then do not change.
        """
        self._network.load(path)
        return self

    def read_bank(self, path: StrPath) -> PrototypeBank:
        """Read the classes of a file, without using them.

        The bank can be assigned to :attr:`bank`.

        Args:
            path (str | os.PathLike): A file of :meth:`save`.

        Returns:
            PrototypeBank: The classes.

        Raises:
            InputError: If the file is not a bank, was made with another
                model, or holds prototypes only and the classifier needs
                more.
        """
        return read_bank(path, {
            key: value for key, value in self._network.description.items()
            if key not in ('classifier', 'matching')})

    def broadcast(self) -> None:
        """Give every process exactly the classes of the main one."""
        shared = self._network.shared()
        broadcast_object_list(shared)
        if not is_main_process():
            self._network.take(shared)
