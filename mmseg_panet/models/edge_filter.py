"""The edge filter, which aligns logits with the edges of their image."""
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
"""The weight of green in the luma of BT.601.

Red and blue have equal weights here, as their order depends on the pipeline.
"""


@dataclass(frozen=True)
class EdgeFilter:
    """The guided filter of logits with their image as the guide.

    The logits are resized to the network's input without its padding,
    filtered, and then resized to the image, so that the cost does not depend
    on the size of the image. Only the margins over the background are
    filtered, because the filter is linear and does not change constants.

    Args:
        radius (float): Radius of the filter's windows as a fraction of the
            input's longer side without padding, 0 < radius <= 1. Defaults to
            0.05.
        eps (float): Variance that counts as an edge, above 0, see
            :func:`guided_filter`. Defaults to 1e-3.

    Raises:
        InputError: If a setting is out of range.
    """

    radius: float = 0.05
    eps: float = 1e-3

    def __post_init__(self) -> None:
        for name, most, words in (
                ('radius', 1, 'above 0 and at most 1, as a fraction of the '
                 'longer side'), ('eps', math.inf, 'above 0')):
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
            logits (Tensor): Logits at the size of the feature map or of the
                input, (..., K, h, w), background first.
            image (Tensor): Preprocessed image, (3, H, W), or (N, 3, H, W)
                for logits (N, K, h, w) of a batch.
            metainfo (dict): Metainfo of the image, see
                :func:`to_original_size`.
            align_corners (bool): ``align_corners`` of the resizes. Defaults
                to False.
            preprocessor (nn.Module, optional): Data preprocessor of the
                model, see :func:`to_grey`. Defaults to None.

        Returns:
            LogitMap: Logits at the size of the input without padding; those
            of the background are 0.
        """
        margins = logits[..., 1:, :, :] - logits[..., :1, :, :]
        to_input = Resize(*(
            None if cells == pixels
            else resize_matrix(cells, pixels, align_corners, like=logits)
            for cells, pixels in zip(
                logits.shape[-2:], image.shape[-2:], strict=True)))
        found = LogitMap.from_input(to_input(margins), metainfo, align_corners)
        guide = to_grey(
            cut_padding(image, metainfo).to(logits), preprocessor)
        if guide.dim() > 2:
            guide = guide[..., None, :, :]
        filtered = guided_filter(
            found.cells, guide,
            max(1, round(float(self.radius * max(guide.shape[-2:])))),
            self.eps)
        return LogitMap(
            F.pad(filtered, (0, 0, 0, 0, 1, 0)), found.resize)


def to_grey(image: Tensor, preprocessor: Any = None) -> Tensor:
    """Convert preprocessed images to grey ones.

    Args:
        image (Tensor): Preprocessed images without padding, (..., 3, H, W).
        preprocessor (nn.Module, optional): Data preprocessor of the model,
            whose normalisation of 8-bit values is reverted. Without it, the
            values are scaled so that the smallest is 0 and the largest 1.
            Defaults to None.

    Returns:
        Tensor: Grey images, (..., H, W) in [0, 1].
    """
    mean = getattr(preprocessor, 'mean', None)
    if mean is not None:
        std = preprocessor.std
        image = (image * std.to(image) + mean.to(image)) / 255
    first, green, last = image.unbind(-3)
    grey = _GREEN * green + (1 - _GREEN) / 2 * (first + last)
    if mean is not None:
        return grey
    least, most = grey.amin((-2, -1), True), grey.amax((-2, -1), True)
    return (grey - least) / (most - least).clamp_min(
        torch.finfo(grey.dtype).tiny)


def edge_filter_of(model: Any) -> EdgeFilter | None:
    """Build the edge filter of a model from its settings.

    ``edges`` of ``test_cfg`` is a dict of arguments of :class:`EdgeFilter`,
    True for the defaults, or False or None for no filter. If it is absent,
    ``edges`` of the head's classifier is used.

    Args:
        model (EncoderDecoder): Model of mmseg with a :class:`FewShotHead`.

    Returns:
        EdgeFilter | None: The filter; None if the logits are not filtered.

    Raises:
        InputError: If a setting is unknown or out of range.
    """
    default = model.decode_head.classifier.edges
    settings = (model.test_cfg or {}).get('edges', default)
    if settings is None or settings is False:
        return None
    if settings is True:
        settings = default or {}
    names = [one.name for one in fields(EdgeFilter)]
    if not isinstance(settings, Mapping) or not set(names).issuperset(
            settings):
        raise InputError(
            f'expected edges as a bool or a dict with some of {names}, got '
            f'{settings!r}')
    return EdgeFilter(**settings)
