"""The outputs of a backbone that a head uses, as one feature map."""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError


class FeatureLevels:
    """Chooses one output of a backbone, or joins several.

    A single output is used as it is. Of several, every cell of level l is
    normalised, ``u_l = f_l / |f_l|``, so that each level weighs the same;
    the levels are resized (bilinear) to the finest and concatenated along
    the channels. The 'resize_concat' of mmseg differs: it does not normalise,
    and it resizes to the first level.

    Args:
        in_channels (int | Sequence[int]): Channels of each level, as many
            as ``in_index`` has.
        in_index (int | Sequence[int]): Which of the backbone's outputs, a
            position in its ``out_indices``; negative ones count from the
            last. Defaults to -1.
        input_transform (str, optional): 'resize_concat' with a sequence as
            ``in_index``, where it is the default; None with a single one.

    Attributes:
        channels (int): C, those of all levels together.

    Raises:
        InputError: If the three do not fit each other.
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
                'expected in_channels and in_index of PANetHead as a whole '
                'number each, or as lists with one for each level, got '
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
        """Make one feature map of the backbone's outputs.

        Args:
            inputs (Sequence[Tensor]): The outputs, (N, C_l, h_l, w_l).
            align_corners (bool): Of the resize. Defaults to False.

        Returns:
            Tensor: (N, C, h, w) with the largest h and w of the levels;
            float32, or float64 where it was that.

        Raises:
            InputError: If the backbone has no such output, or one of other
                channels.
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
    """Take one output of the backbone, in float32 where it was half."""
    if not -len(inputs) <= index < len(inputs):
        raise InputError(
            f'in_index={index} of PANetHead is outside the {len(inputs)} '
            'outputs of the backbone; it counts along out_indices')
    features = inputs[index]
    if features.shape[1] != channels:
        raise InputError(
            f'expected in_channels={channels} of PANetHead, got features of '
            f'{features.shape[1]} channels; set in_channels to those of the '
            f'backbone at in_index={index}')
    half = features.dtype in (torch.float16, torch.bfloat16)
    return features.float() if half else features
