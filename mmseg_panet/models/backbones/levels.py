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
