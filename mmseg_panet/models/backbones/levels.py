"""The stages of a backbone whose features are returned."""
from collections.abc import Sequence

from ...errors import InputError


def check_levels(out_indices: Sequence[int], num_stages: int) -> None:
    """Refuse stages that a backbone does not have.

    Args:
        out_indices (Sequence[int]): The stages, from 0.
        num_stages (int): The number of stages of the backbone.

    Raises:
        InputError: If there are none, or they are not rising numbers from 0
            to ``num_stages - 1``.
    """
    levels = sorted({*out_indices} & {*range(num_stages)})
    if not levels or levels != list(out_indices):
        raise InputError(
            f'expected out_indices of 0 to {num_stages - 1}, each once and in '
            f'rising order, got {tuple(out_indices)}')


def check_frozen(frozen_stages: int, num_stages: int) -> None:
    """Refuse to freeze stages that a backbone does not have.

    Args:
        frozen_stages (int): The number of leading stages, -1 for none.
        num_stages (int): The number of stages of the backbone.

    Raises:
        InputError: If it is not from -1 to ``num_stages``.
    """
    if frozen_stages not in range(-1, num_stages + 1):
        raise InputError(f'frozen_stages must be from -1 to {num_stages}, got '
                         f'{frozen_stages!r}')
