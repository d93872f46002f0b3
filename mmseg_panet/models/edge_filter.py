"""Logits that follow the edges of their image."""
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError
from .guided_filter import guided_filter
from .logit_map import LogitMap
from .resize import Resize, cut_padding, resize_matrix

_GREEN = 0.587
"""Its share of the luma of BT.601. Red and blue have the same share here, as
it depends on the pipeline which of them comes first."""


@dataclass(frozen=True)
class EdgeFilter:
    """The guided filter of logits, with their own image as the guide.

    Logits are brought to the network's input, without its padding, filtered
    there, and resized to the image afterwards: the cost does not grow with
    the photograph. Only the margins over the background are filtered, as the
    filter is linear and constants stay.

    Args:
        radius (float): Of the filter's windows, as a share of the input's
            longer side without padding, 0 < radius <= 1. Defaults to 0.05.
        eps (float): See :func:`guided_filter`. Defaults to 1e-3.

    Raises:
        InputError: If a setting is out of range.
    """

    radius: float = 0.05
    eps: float = 1e-3

    def __post_init__(self) -> None:
        for name, most, words in (
                ('radius', 1, 'above 0 and at most 1, a share of the longer '
                 'side'), ('eps', math.inf, 'above 0')):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(
                    value, (int, float)) or not 0 < value <= most:
                raise InputError(
                    f'expected {name} of edges {words}, got {value!r}')

    def __call__(self, logits: Tensor, image: Tensor, metainfo: dict,
                 align_corners: bool = False,
                 preprocessor: nn.Module | None = None) -> LogitMap:
        """Filter the logits of an image.

        Args:
            logits (Tensor): (..., K, h, w), background first, on cells or at
                the size of the input.
            image (Tensor): (3, H, W), as the network sees it.
            metainfo (dict): The image's, see :func:`to_own_size`.
            align_corners (bool): Of the resizes. Defaults to False.
            preprocessor (nn.Module, optional): See :func:`grey_of`.

        Returns:
            LogitMap: Its logits have the size of the input without padding;
            those of the background are 0.
        """
        margins = logits[..., 1:, :, :] - logits[..., :1, :, :]
        to_input = Resize(*(
            None if cells == pixels
            else resize_matrix(cells, pixels, align_corners, like=logits)
            for cells, pixels in zip(
                logits.shape[-2:], image.shape[-2:], strict=True)))
        found = LogitMap.of_input(to_input(margins), metainfo, align_corners)
        guide = grey_of(
            cut_padding(image, metainfo).to(logits), preprocessor)
        filtered = guided_filter(
            found.cells, guide,
            max(1, round(self.radius * max(guide.shape))), self.eps)
        return LogitMap(
            F.pad(filtered, (0, 0, 0, 0, 1, 0)), found.resize)


def grey_of(image: Tensor, preprocessor: Any = None) -> Tensor:
    """Make a grey image of what a network sees.

    Args:
        image (Tensor): (3, H, W), without padding.
        preprocessor (nn.Module, optional): The model's; its normalisation of
            8-bit values is undone. Without one the least value becomes 0 and
            the largest 1.

    Returns:
        Tensor: (H, W), in [0, 1].
    """
    mean = getattr(preprocessor, 'mean', None)
    if mean is not None:
        std = preprocessor.std
        image = (image * std.to(image) + mean.to(image)) / 255
    first, green, last = image
    grey = _GREEN * green + (1 - _GREEN) / 2 * (first + last)
    if mean is not None:
        return grey
    least, most = grey.aminmax()
    return (grey - least) / (most - least).clamp_min(
        torch.finfo(grey.dtype).tiny)


def edge_filter_of(model: Any) -> EdgeFilter | None:
    """Find the filter of a model: the only place that knows its settings.

    ``edges`` of ``test_cfg`` is a dict of settings of :class:`EdgeFilter`,
    True for the usual ones, or False or None to go without. Where it is
    absent, ``edges`` of the head's classifier decides.

    Args:
        model (EncoderDecoder): Any of mmseg's, with a :class:`FewShotHead`.

    Returns:
        EdgeFilter | None: None to go without.

    Raises:
        InputError: If a setting is unknown or out of range.
    """
    usual = model.decode_head.classifier.edges
    settings = (model.test_cfg or {}).get('edges', usual)
    if settings is None or settings is False:
        return None
    if settings is True:
        settings = usual or {}
    known = [one.name for one in fields(EdgeFilter)]
    if not isinstance(settings, Mapping) or not set(known).issuperset(
            settings):
        raise InputError(
            f'expected edges as a bool or a dict with some of {known}, got '
            f'{settings!r}')
    return EdgeFilter(**settings)
