"""The initialization of the weights of a model."""
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import InputError
from .pretrained import (
    WEIGHT_ORIGINS,
    checkpoints_of,
    read_weights,
    without_lines,
)


@contextmanager
def initialization(model: Any) -> Iterator[None]:
    """Suppress the list of the weights, and name an unreadable checkpoint.

    Args:
        model (nn.Module): Model whose ``init_weights`` the block calls, in
            which mmseg's own backbones read the checkpoint of ``init_cfg``.

    Raises:
        InputError: If a checkpoint is missing or cannot be read.
    """
    try:
        with without_lines(WEIGHT_ORIGINS):
            yield
    except InputError:
        raise
    except Exception:
        for part in model.modules():
            for checkpoint, prefix in checkpoints_of(part):
                read_weights(checkpoint, prefix)
        raise
