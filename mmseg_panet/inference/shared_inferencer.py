"""An inferencer that several threads share."""
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ..models.bank.prototype_bank import PrototypeBank
from .few_shot_inferencer import FewShotInferencer


class SharedInferencer:
    """Lends an inferencer to one thread at a time, with classes of its own.

    A page or a service has many users and one network. Each of them keeps a
    bank, and the inferencer has its classes while it is used.

    Args:
        inferencer (FewShotInferencer): The inferencer. Nothing else may
            change it.
    """

    def __init__(self, inferencer: FewShotInferencer) -> None:
        self._inferencer = inferencer
        self._lock = threading.RLock()
        self._bank: PrototypeBank | None = None

    @contextmanager
    def use(self, bank: PrototypeBank | None = None
            ) -> Iterator[FewShotInferencer]:
        """Wait for the inferencer, and use it with the classes of a bank.

        Args:
            bank (PrototypeBank, optional): A bank that the inferencer made,
                see :attr:`FewShotInferencer.bank`. Defaults to None: the
                classes that it has.

        Yields:
            FewShotInferencer: The inferencer.
        """
        with self._lock:
            if bank is not None and bank is not self._bank:
                self._inferencer.bank = bank
                self._bank = bank
            yield self._inferencer
