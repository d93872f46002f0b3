"""The ways of supports, and a check that their masks are not empty."""
from collections.abc import Sequence

from mmseg.structures import SegDataSample
from torch import Tensor

from ..errors import InputError
from .device_checks import is_checked_later
from .statistics import label_masks


def support_ways(labels: Tensor,
                 data_samples: Sequence[SegDataSample]) -> list[int]:
    """Return the ways of supports, and check that each has a pixel.

    The pipeline counts the pixels of a support's way (``way_pixels``), so
    that no value is read from a device. Without these counts, labels on a
    device are checked by :func:`is_checked_later`.

    Args:
        labels (Tensor): Episode labels of the supports, (N, H, W).
        data_samples (Sequence[SegDataSample]): N samples with ``way`` in
            their metainfo.

    Returns:
        list[int]: Ways of the N supports.

    Raises:
        InputError: If a sample has no way, or its mask has no pixel of it.
    """
    for sample in data_samples:
        if sample.get('way', 0) < 1:
            raise InputError(
                "expected the support's way, 1..W, as 'way' in the metainfo "
                f'of its SegDataSample, got {sample.metainfo}')
    ways = [sample.way for sample in data_samples]
    pixels = [sample.get('way_pixels') for sample in data_samples]
    if None in pixels:
        present = label_masks(
            labels, [[way] for way in ways]).flatten(1).any(1)
        if is_checked_later(
                present.all(), 'a support has an empty mask: expected at '
                'least one pixel of its way; use another mask, or check the '
                'resize and crop of support_pipeline'):
            return ways
        pixels = present.tolist()
    for sample, way, number in zip(data_samples, ways, pixels, strict=True):
        if not number:
            where = sample.get('img_path', 'given')
            raise InputError(
                f'the support {where} has an empty mask: expected at least '
                f'one pixel of way {way}; use another mask, or check the '
                'resize and crop of support_pipeline')
    return ways
