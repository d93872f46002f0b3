"""The initialization of the weights of a model."""
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from ..errors import InputError
from .checkpoint_file import read_weights
from .pretrained import (
    OTHER_WEIGHTS,
    WEIGHT_ORIGINS,
    checkpoints_of,
    require_loaded,
    warned_of,
    without_lines,
)
from .safe_loading import safe_loading


@contextmanager
def initialization(model: Any) -> Iterator[None]:
    """Load checkpoints safely, name unreadable ones, and list no weights.

    Args:
        model (nn.Module): Model whose ``init_weights`` the block calls, in
            which mmseg's own backbones read the checkpoint of ``init_cfg``.

    Raises:
        InputError: If a checkpoint is missing or cannot be read, contains
            code, or has weights that are not finite or not those of the
            backbone.
    """
    loads: list[tuple[nn.Module, Any]] = []

    def loaded(part: nn.Module, keys: Any) -> None:
        loads.append((part, keys))

    hooks = [
        part.register_load_state_dict_post_hook(loaded)
        for part in model.modules() if any(checkpoints_of(part))]
    try:
        with (safe_loading(), without_lines(WEIGHT_ORIGINS),
              warned_of(OTHER_WEIGHTS) as warnings):
            yield
        require_loaded(model, warnings, loads)
    except InputError:
        raise
    except Exception as error:
        # mmseg's Swin loads its weights itself.
        require_loaded(model, [str(error)], [])
        for part in model.modules():
            for checkpoint, prefix in checkpoints_of(part):
                if not read_weights(checkpoint, prefix):
                    raise InputError(
                        f"expected keys that begin with '{prefix}' in the "
                        f'checkpoint {checkpoint}, got none; correct the '
                        'prefix of init_cfg, or set it to None for weights '
                        'of the backbone alone') from error
        raise
    finally:
        for hook in hooks:
            hook.remove()
