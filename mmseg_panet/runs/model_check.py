"""Checks of a model before it is trained or tested."""
from typing import Any

from mmseg.models import EncoderDecoder, SegDataPreProcessor

from ..errors import InputError
from ..models import FewShotHead
from ..models.head_check import check_head


def check_method(model: Any, trains: bool = False) -> None:
    """Refuse a head or a classifier that cannot be trained or tested.

    Args:
        model (nn.Module): Model to train or test, without a wrapper.
        trains (bool): Whether it is to be trained. Defaults to False.

    Raises:
        InputError: See :func:`check_head`. Models without a
            :class:`FewShotHead` are not checked.
    """
    head = getattr(model, 'decode_head', None)
    if isinstance(head, FewShotHead):
        check_head(head, trains)


def check_segmentor(model: Any) -> None:
    """Refuse a segmentor that cannot predict complete episodes.

    Args:
        model (nn.Module): Model to train or test, without a wrapper.

    Raises:
        InputError: If a :class:`FewShotHead` is in a segmentor of mmseg that
            predicts image by image.
    """
    if isinstance(getattr(model, 'decode_head', None), FewShotHead) and (
            getattr(type(model), 'predict', None) is EncoderDecoder.predict):
        raise InputError(
            f'expected a segmentor that predicts episodes, as decode_head is '
            f'a {type(model.decode_head).__name__}, got {type(model).__name__}'
            "; set type='FewShotSegmentor' in model")


def check_batches(model: Any) -> None:
    """Refuse a data preprocessor that cannot make batches in training.

    Args:
        model (nn.Module): Model to train, without a wrapper.

    Raises:
        InputError: If mmseg's preprocessor has neither or both of ``size``
            and ``size_divisor``.
    """
    one = getattr(model, 'data_preprocessor', None)
    if isinstance(one, SegDataPreProcessor) and (
            (one.size is None) == (one.size_divisor is None)):
        raise InputError(
            'expected either size or size_divisor in model.data_preprocessor, '
            f'got size={one.size} and size_divisor={one.size_divisor}; set '
            "size to the (height, width) of the images after the config's "
            'pipeline, such as (473, 473)')
