"""Selection and concatenation of a backbone's outputs."""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError
from .precision import at_least_float32


class FeatureLevels:
    """A selection of one or several outputs of a backbone.

    A single output is used unchanged. With several outputs, every cell of
    level l is normalised, ``u_l = f_l / |f_l|``, so that all levels have the
    same weight. The levels are then resized (bilinear) to the finest one and
    concatenated along the channels. mmseg's 'resize_concat' differs: it does
    not normalise, and it resizes to the first level.

    Args:
        in_channels (int | Sequence[int]): Number of channels of each level
            in ``in_index``.
        in_index (int | Sequence[int]): Positions of the levels in the
            backbone's ``out_indices``; negative ones count from the end.
            Defaults to -1.
        input_transform (str, optional): 'resize_concat' if ``in_index`` is a
            sequence, which is the default then; None if it is an int.

    Attributes:
        channels (int): C, the number of channels of all levels together.

    Raises:
        InputError: If the three arguments are inconsistent.
    """

    def __init__(self, in_channels: int | Sequence[int],
                 in_index: int | Sequence[int] = -1,
                 input_transform: str | None = None) -> None:
        several = isinstance(in_index, Sequence)
        channels, indices = (
            tuple(one) if isinstance(one, Sequence) else (one,)
            for one in (in_channels, in_index))
        if (isinstance(in_channels, Sequence) != several or not indices
                or len(channels) != len(indices)
                or not all(isinstance(one, int)
                           for one in channels + indices)):
            raise InputError(
                'expected in_channels and in_index of PANetHead as integers, '
                'or as lists with an integer for each level, got '
                f'in_channels={in_channels!r} and in_index={in_index!r}')
        if input_transform not in (None, 'resize_concat')[:1 + several]:
            raise InputError(
                "expected input_transform='resize_concat' of PANetHead with "
                'a list as in_index, or None with a single one, as the head '
                'needs one feature map, got '
                f'input_transform={input_transform!r} and '
                f'in_index={in_index!r}')
        self.levels = tuple(zip(indices, channels, strict=True))
        self.channels = sum(channels)
        self.input_transform = 'resize_concat' if several else None

    def __call__(self, inputs: Sequence[Tensor],
                 align_corners: bool = False) -> Tensor:
        """Combine the backbone's outputs into one feature map.

        Args:
            inputs (Sequence[Tensor]): Outputs of the backbone, each
                (N, C_l, h_l, w_l).
            align_corners (bool): ``align_corners`` of the resize. Defaults
                to False.

        Returns:
            Tensor: Features (N, C, h, w) with the largest h and w of the
            levels, in float32, or in float64 for inputs in float64.

        Raises:
            InputError: If an output is missing, is not a map or has another
                number of channels.
        """
        maps = [_output_at(inputs, *level) for level in self.levels]
        if self.input_transform is None:
            return maps[0]
        size = [max(one.shape[dim] for one in maps) for dim in (2, 3)]
        maps = [F.normalize(one, dim=1) for one in maps]
        return torch.cat([
            one if list(one.shape[2:]) == size else F.interpolate(
                one, size, mode='bilinear', align_corners=align_corners)
            for one in maps], dim=1)


def _output_at(inputs: Sequence[Tensor], index: int,
               channels: int) -> Tensor:
    """Select one output of the backbone; half precision becomes float32."""
    if not -len(inputs) <= index < len(inputs):
        raise InputError(
            f'in_index={index} of PANetHead is out of range for the '
            f'{len(inputs)} outputs of the backbone; it is a position in '
            'out_indices')
    features = inputs[index]
    if features.ndim != 4:
        raise InputError(
            'expected feature maps of 4 dimensions from the backbone, got '
            f'{features.ndim} at in_index={index}; for the backbones of '
            "mmpretrain, set out_type='featmap', or "
            'gap_before_final_norm=False of ConvNeXt')
    if features.shape[1] != channels:
        raise InputError(
            f'expected in_channels={channels} of PANetHead, got features of '
            f'{features.shape[1]} channels; set in_channels to those of the '
            f'backbone at in_index={index}')
    return at_least_float32(features)
