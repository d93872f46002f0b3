"""The classes that are registered with a model."""
import logging
import os
from collections.abc import Callable, Sequence
from typing import Any

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.logging import print_log

from ...annotations.class_list import check_class_name
from ...progress import progress_bar
from ..advice.notes import background_notes
from ..advice.report import SupportAdvice
from ..advice.support_advice import advise
from ..supports import read_supports
from ..supports.support_encoder import encode_supports
from .bank_file import read_bank, write_bank
from .prototype_bank import PrototypeBank

_SUPPORTS_AT_ONCE = 8


class ClassRegister:
    """A bank of classes, and the model whose head classifies by them.

    Args:
        model (EncoderDecoder): With a :class:`FewShotHead`, whose fitted
            classes are always those of the bank.
        pipeline (Callable): Of the supports' images, see
            :func:`build_pipeline`.
        description (dict): What the statistics depend on, see
            :func:`describe_model`.
        show_progress (bool): Whether to show a progress bar.

    Attributes:
        bank (PrototypeBank): The registered classes.
    """

    def __init__(self, model: Any, pipeline: Callable,
                 description: dict[str, Any], show_progress: bool) -> None:
        self.model = model
        self.pipeline = pipeline
        self.description = description
        self.show_progress = show_progress
        self.bank = PrototypeBank()

    def fit(self, supports: Any,
            image_dir: str | os.PathLike | None = None) -> None:
        """Register classes in place of all others."""
        self.use(self._with(PrototypeBank(), supports, image_dir))

    def add(self, class_name: str, supports: Sequence[tuple]) -> None:
        """Register one more class, or more shots of a class."""
        self.use(self._with(
            PrototypeBank(self.bank.supports), {class_name: supports}))

    def remove(self, class_name: str) -> None:
        """Remove a class, as if it had never been registered."""
        self.bank.remove(class_name)
        self.use(self.bank)

    def rename(self, old: str, new: str) -> None:
        """Give a class another name; its label stays."""
        check_class_name(new, 'rename_class')
        self.bank.rename(old, new)
        self.use(self.bank)

    def check(self) -> SupportAdvice:
        """Judge every support by the others of its class."""
        with progress_bar(self.show_progress) as bar:
            task = bar.add_task('Checking', total=len(self.bank.supports))
            return advise(
                self.model, self.pipeline, self.bank, _SUPPORTS_AT_ONCE,
                lambda: bar.advance(task))

    def save(self, path: str | os.PathLike) -> None:
        """Write the bank, see :func:`write_bank`."""
        write_bank(path, self.bank, self.description)

    def load(self, path: str | os.PathLike) -> None:
        """Use the classes of a file, in place of all others."""
        self.use(read_bank(path, self.description))

    def broadcast(self) -> None:
        """Give every process the classes of the main one, to the bit."""
        shared = [[one._replace(source=None) for one in self.bank.supports]]
        broadcast_object_list(shared)
        if not is_main_process():
            self.use(PrototypeBank(shared[0]))

    def use(self, bank: PrototypeBank) -> None:
        """Classify by the classes of a bank from now on."""
        self.bank = bank
        head = self.model.decode_head
        head.fitted = head.classifier.fit(
            bank.statistics().each(lambda one: one[None]), bank.shots
        ).to(next(self.model.parameters())) if bank.classes else None

    def _with(self, bank: PrototypeBank, source: Any,
              image_dir: str | os.PathLike | None = None) -> PrototypeBank:
        supports = [
            one for shots in read_supports(source, image_dir).values()
            for one in shots]
        with progress_bar(self.show_progress) as bar:
            task = bar.add_task('Fitting', total=len(supports))
            for support in encode_supports(
                    self.model, self.pipeline, supports, _SUPPORTS_AT_ONCE,
                    lambda: bar.advance(task)):
                if not bank.add(support):
                    print_log(
                        f'{support.image} is a support of '
                        f"'{support.class_name}' with the same labels "
                        'already: it counts once', logger='current',
                        level=logging.WARNING)
        for note in background_notes(bank):
            print_log(note, logger='current', level=logging.WARNING)
        return bank
