"""Refusal of supports from which no prototype can be made."""
from collections.abc import Sequence

import torch
from mmseg.structures import SegDataSample
from torch import Tensor

from ..errors import InputError


def check_supports(labels: Tensor,
                   data_samples: Sequence[SegDataSample]) -> Tensor:
    """Refuse supports that would give a zero prototype.

    Args:
        labels (Tensor): (N, H, W), episode labels of the supports.
        data_samples (Sequence[SegDataSample]): N samples with ``way`` in
            their metainfo.

    Returns:
        Tensor: (N,), the way of each support.

    Raises:
        InputError: If a sample has no way, or its mask no pixel of it.
    """
    for sample in data_samples:
        if sample.get('way', 0) < 1:
            raise InputError(
                "expected the support's way, 1..W, as 'way' in the metainfo "
                f'of its SegDataSample, got {sample.metainfo}')
    ways = labels.new_tensor([sample.way for sample in data_samples])
    shown = (labels == ways[:, None, None]).flatten(1).any(1)
    for sample, way, ok in zip(
            data_samples, ways.tolist(), shown.tolist(), strict=True):
        if not ok:
            where = sample.get('img_path', 'given')
            raise InputError(
                f'the support {where} has an empty mask: expected at least '
                f'one pixel of way {way}; give another mask, or check the '
                'resize and crop of support_pipeline')
    return ways


def is_compiling() -> bool:
    """Whether ``torch.compile`` is tracing, as far as torch can tell."""
    # torch 2.1 cannot; there the graph ends at the check.
    ask = getattr(torch.compiler, 'is_compiling', None)
    return ask is not None and ask()
