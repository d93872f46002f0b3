"""A segmentor whose head may hold the classes of a bank."""
from typing import Any

from mmseg.models.segmentors import EncoderDecoder

from ..notices import warn_once
from .bank.bank_file import check_normalisation, check_weights
from .bank.description import weights_sha256


class BankedSegmentor(EncoderDecoder):
    """An ``EncoderDecoder`` that names the classes of its bank.

    mmseg sets the ``dataset_meta`` of a model to the classes of a
    checkpoint, which are those of its training.
    """

    _meta: dict[str, Any] | None = None

    @property
    def dataset_meta(self) -> dict[str, Any] | None:
        """The classes and the palette of the bank, or else what was set."""
        bank = getattr(self.decode_head, 'bank', None)
        return self._meta if bank is None else bank.dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, meta: dict[str, Any] | None) -> None:
        self._meta = meta

    def check_bank(self) -> None:
        """Check that the bank of the head can be used with the weights.

        Raises:
            InputError: If it has no statistics, or was made with other
                weights or with another normalisation of the images. The
                loading of images is unknown to a model, so a warning names
                the bands and the stretch of a bank.
        """
        self.decode_head.require_statistics()
        bank = self.decode_head.bank
        if bank is not None and bank.path is not None and not bank.is_checked:
            check_weights(bank.path, bank.made_with, weights_sha256(self))
            check_normalisation(
                bank.path, bank.made_with, self.data_preprocessor)
            if reading := bank.made_with.get('reading'):
                settings = ', '.join(
                    f'{key}={value!r}' for key, value in reading.items())
                warn_once(
                    f'the bank {bank.path} was made with bands or a stretch, '
                    'which its pipeline must set: load images by '
                    f"dict(type='LoadOrientedImage', {settings})")
            bank.is_checked = True
