"""Speckle: components of a class that are too small to be believed."""
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from .logit_map import UNDECIDED


def clear_small_components(labels: Tensor, min_area: float) -> Tensor:
    """Make background of the small components of every class.

    Pixels of a class that touch, at a corner too, are one component. It is
    counted on the CPU, for which a device is waited for.

    Args:
        labels (Tensor): uint8 (..., H, W): 0 the background, 255 undecided,
            which stays.
        min_area (float): Share of the image's H * W pixels, 0 <= min_area
            < 1; components with fewer go. 0 keeps all.

    Returns:
        Tensor: uint8 (..., H, W).

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
    """Clear components of fewer pixels than ``least`` in place."""
    present = np.flatnonzero(np.bincount(labels.ravel(), minlength=256))
    for label in set(present.tolist()) - {0, UNDECIDED}:
        mask = labels == label
        _, number, statistics, _ = cv2.connectedComponentsWithStats(
            mask.astype(np.uint8), connectivity=8)
        small = statistics[:, cv2.CC_STAT_AREA] < least
        small[0] = False  # all that is not of the class
        labels[small[number]] = 0


def min_area_of(model: Any) -> float:
    """Find ``min_area`` of a model's ``test_cfg``, 0 where it has none.

    Args:
        model (EncoderDecoder): Any of mmseg's.

    Returns:
        float: See :func:`clear_small_components`.

    Raises:
        InputError: If it is out of range.
    """
    value = (model.test_cfg or {}).get('min_area', 0.0)
    if isinstance(value, bool) or not isinstance(
            value, (int, float)) or not 0 <= value < 1:
        raise InputError(
            'expected min_area of 0 or more and below 1, a share of the '
            f'image, got {value!r}')
    return value
