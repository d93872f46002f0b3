"""Which way each support shows, and that it shows it."""
from collections.abc import Sequence

import torch
from mmseg.structures import SegDataSample
from torch import Tensor

from ..errors import InputError
from .statistics import label_masks


def support_ways(labels: Tensor,
                 data_samples: Sequence[SegDataSample]) -> list[int]:
    """Refuse supports from which no class can be fitted.

    The pipeline counts the pixels of a support's way (``way_pixels``), so
    that no value is read from a device. Where it did not, labels on a device
    are checked by the device itself.

    Args:
        labels (Tensor): (N, H, W), episode labels of the supports.
        data_samples (Sequence[SegDataSample]): N samples with ``way`` in
            their metainfo.

    Returns:
        list[int]: N, the way of each support.

    Raises:
        InputError: If a sample has no way, or its mask no pixel of it; on a
            device without ``way_pixels`` the device asserts it.
    """
    for sample in data_samples:
        if sample.get('way', 0) < 1:
            raise InputError(
                "expected the support's way, 1..W, as 'way' in the metainfo "
                f'of its SegDataSample, got {sample.metainfo}')
    ways = [sample.way for sample in data_samples]
    pixels = [sample.get('way_pixels') for sample in data_samples]
    if None in pixels:
        shown = label_masks(labels, [[way] for way in ways]).flatten(1).any(1)
        # torch 2.1 cannot tell; there the graph ends at the check.
        is_compiling = getattr(torch.compiler, 'is_compiling', bool)
        if is_compiling() or not labels.is_cpu:
            torch._assert_async(
                shown.all(), 'a support has an empty mask: expected at least '
                'one pixel of its way')
            return ways
        pixels = shown.tolist()
    for sample, way, number in zip(data_samples, ways, pixels, strict=True):
        if not number:
            where = sample.get('img_path', 'given')
            raise InputError(
                f'the support {where} has an empty mask: expected at least '
                f'one pixel of way {way}; give another mask, or check the '
                'resize and crop of support_pipeline')
    return ways
