"""Teaching of classes by supports."""
import logging
import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.logging import print_log
from torch import nn

from ...progress import progress_bar
from ..advice.notes import background_notes
from ..advice.report import SupportAdvice
from ..advice.support_advice import advise
from ..supports import read_supports
from ..supports.pairs import check_class_name
from ..supports.support_encoder import encode_supports
from .bank_file import read_bank, write_bank
from .prototype_bank import PrototypeBank

_SUPPORTS_AT_ONCE = 8
T = TypeVar('T', bound='Teachable')


class Teachable:
    """What of an inferencer concerns its classes.

    It keeps the prototypes of the model's head those of the taught classes.
    Whoever inherits sets ``model``, ``pipeline``, ``show_progress``,
    ``_description`` (see :func:`describe_model`) and an empty ``_bank``.
    """

    model: nn.Module
    pipeline: Callable
    show_progress: bool
    _bank: PrototypeBank
    _description: dict[str, Any]

    @property
    def classes(self) -> tuple[str, ...]:
        """The taught classes; class i is label 1 + i of a class map."""
        return self._bank.classes

    @property
    def bank(self) -> PrototypeBank:
        """A copy of the taught classes with the sums of their supports."""
        return PrototypeBank(self._bank.supports)

    def fit(self: T, supports: Any,
            image_dir: str | os.PathLike | None = None) -> T:
        """Teach classes, in place of all that were taught.

        Args:
            supports (Any): Class name to a list of (image, annotation); or a
                folder or a file, see :func:`read_supports`.
            image_dir (str | os.PathLike, optional): Folder of the images
                that a file names.

        Returns:
            FewShotInferencer: This one.

        Raises:
            InputError: If a support cannot be used; then what was taught
                stays as it was.
        """
        return self._use(self._taught(PrototypeBank(), supports, image_dir))

    def add_class(self: T, class_name: str,
                  supports: Sequence[tuple]) -> T:
        """Teach one more class, or more shots of a class.

        The supports taught before are not needed again.

        Args:
            class_name (str): New or known.
            supports (Sequence[tuple]): (image, annotation) each, see
                :func:`read_supports`.

        Returns:
            FewShotInferencer: This one.

        Raises:
            InputError: As :meth:`fit`.
        """
        return self._use(self._taught(
            PrototypeBank(self._bank.supports), {class_name: supports}))

    def remove_class(self, class_name: str) -> None:
        """Forget a class, as if it had never been taught.

        Raises:
            InputError: If it was never taught.
        """
        self._bank.remove(class_name)
        self._use(self._bank)

    def rename_class(self, old: str, new: str) -> None:
        """Give a class another name; its label stays.

        Raises:
            InputError: If there is no such class, or the name is taken or
                cannot be one.
        """
        check_class_name(new, 'rename_class')
        self._bank.rename(old, new)
        self._use(self._bank)

    def _taught(self, bank: PrototypeBank, source: Any,
                image_dir: str | os.PathLike | None = None) -> PrototypeBank:
        shots = read_supports(source, image_dir)
        with progress_bar(self.show_progress) as bar:
            task = bar.add_task('Fitting', total=sum(map(len, shots.values())))
            # Class by class, so that no class's rounding depends on another.
            for supports in shots.values():
                for support in encode_supports(
                        self.model, self.pipeline, supports,
                        _SUPPORTS_AT_ONCE, lambda: bar.advance(task)):
                    if not bank.add(support):
                        print_log(
                            f'{support.image} is a support of '
                            f"'{support.class_name}' with the same labels "
                            'already: it counts once', logger='current',
                            level=logging.WARNING)
        for note in background_notes(bank):
            print_log(note, logger='current', level=logging.WARNING)
        return bank

    def check_support(self) -> SupportAdvice:
        """Judge every support by the others of its class.

        Returns:
            SupportAdvice: ``print`` shows it as a table, ``plot`` writes a
            picture, ``suspects`` are those whose masks may be wrong.

        Raises:
            InputError: If nothing was taught, or supports came with
                :meth:`load`, without their images.
        """
        with progress_bar(self.show_progress) as bar:
            task = bar.add_task('Checking', total=len(self._bank.supports))
            return advise(
                self.model, self.pipeline, self._bank, _SUPPORTS_AT_ONCE,
                lambda: bar.advance(task))

    def save(self, path: str | os.PathLike) -> None:
        """Write the taught classes to a file, see :func:`write_bank`.

        Raises:
            InputError: If nothing was taught, or the file cannot be written.
        """
        write_bank(path, self._bank, self._description)

    def load(self: T, path: str | os.PathLike) -> T:
        """Take the classes of a file, in place of all that were taught.

        Returns:
            FewShotInferencer: This one.

        Raises:
            InputError: If it is no bank, or another model's; then what was
                taught stays as it was.
        """
        return self._use(read_bank(path, self._description))

    def broadcast(self) -> None:
        """Give every process what the main one was taught, to the bit."""
        shared = [[one._replace(source=None) for one in self._bank.supports]]
        broadcast_object_list(shared)
        if not is_main_process():
            self._use(PrototypeBank(shared[0]))

    def _use(self: T, bank: PrototypeBank) -> T:
        self._bank = bank
        head: Any = self.model.decode_head
        head.prototypes = (
            bank.prototypes().to(head.prototypes) if bank.classes
            else head.prototypes[:0])
        return self
