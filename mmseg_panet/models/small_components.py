"""Removal of small connected components of classes."""
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from ..annotations.label_type import IGNORED, WIDE_IGNORED
from ..errors import InputError


def clear_small_components(labels: Tensor, min_area: float) -> Tensor:
    """Replace small components of every class by background.

    Components are 8-connected. They are computed on the CPU, so that labels
    on another device require a synchronization.

    Args:
        labels (Tensor): Labels (..., H, W) of :func:`tensor_type`: 0 is
            background. 255 in uint8, and 65535 in int32, is undecided and
            not changed.
        min_area (float): Smallest area to keep as a fraction of the image's
            H * W pixels, 0 <= min_area < 1. 0 keeps all components.

    Returns:
        Tensor: Labels (..., H, W) of the same type.

    Example:
        >>> clear_small_components(torch.tensor(
        ...     [[1, 0, 2, 2], [0, 1, 0, 0]], dtype=torch.uint8), 0.25)
        tensor([[1, 0, 2, 2],
                [0, 1, 0, 0]], dtype=torch.uint8)
    """
    if not min_area:
        return labels
    maps = labels.cpu().numpy().copy()
    for one in maps.reshape(-1, *maps.shape[-2:]):
        _clear(one, min_area * one.size)
    return torch.from_numpy(maps).to(labels.device)


def _clear(labels: np.ndarray, least: float) -> None:
    """Clear components with fewer pixels than ``least`` in place."""
    undecided = IGNORED if labels.dtype == np.uint8 else WIDE_IGNORED
    present = np.flatnonzero(np.bincount(labels.ravel()))
    for label in set(present.tolist()) - {0, undecided}:
        mask = labels == label
        _, number, statistics, _ = cv2.connectedComponentsWithStats(
            mask.astype(np.uint8), connectivity=8)
        small = statistics[:, cv2.CC_STAT_AREA] < least
        small[0] = False  # all pixels outside the class
        labels[small[number]] = 0


def min_area_of(model: Any) -> float:
    """Read ``min_area`` of a model's ``test_cfg``, which is 0 by default.

    Args:
        model (EncoderDecoder): Model of mmseg.

    Returns:
        float: The smallest area, see :func:`clear_small_components`.

    Raises:
        InputError: If the value is out of range.
    """
    value = (model.test_cfg or {}).get('min_area', 0.0)
    if isinstance(value, bool) or not isinstance(
            value, (int, float)) or not 0 <= value < 1:
        raise InputError(
            'expected min_area of 0 or more and below 1, as a fraction of '
            f'the image, got {value!r}')
    return value
