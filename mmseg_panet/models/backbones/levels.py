"""Checks of the stages that a backbone returns or freezes."""
from collections.abc import Sequence

from ...errors import InputError


def check_levels(out_indices: Sequence[int], num_stages: int) -> None:
    """Check that a backbone has the stages to return.

    Args:
        out_indices (Sequence[int]): Indices of the stages, from 0.
        num_stages (int): Number of stages of the backbone.

    Raises:
        InputError: If there are no indices, or they are not ascending
            numbers from 0 to ``num_stages - 1``.
    """
    levels = sorted({*out_indices} & {*range(num_stages)})
    if not levels or levels != list(out_indices):
        raise InputError(
            f'expected out_indices of 0 to {num_stages - 1}, each once and in '
            f'ascending order, got {tuple(out_indices)}')


def check_frozen(frozen_stages: int, num_stages: int) -> None:
    """Check that a backbone has the stages to freeze.

    Args:
        frozen_stages (int): Number of leading stages, -1 for none.
        num_stages (int): Number of stages of the backbone.

    Raises:
        InputError: If the number is not from -1 to ``num_stages``.
    """
    if frozen_stages not in range(-1, num_stages + 1):
        raise InputError(f'frozen_stages must be from -1 to {num_stages}, got '
                         f'{frozen_stages!r}')
