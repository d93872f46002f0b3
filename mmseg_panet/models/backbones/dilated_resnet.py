"""ResNet with output stride 8, without stage 4 and without the last ReLU."""
from collections.abc import Sequence
from typing import Any

from mmseg.models.backbones import ResNet
from mmseg.models.backbones.resnet import BasicBlock, Bottleneck
from mmseg.models.utils import ResLayer
from mmseg.registry import MODELS
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ...errors import InputError, check_choice, check_number
from ..pretrained import (
    OTHER_WEIGHTS,
    WEIGHT_ORIGINS,
    check_pretrained,
    without_lines,
)
from ..safe_loading import safe_loading
from .levels import check_frozen, check_levels

NUM_STAGES = 3


def residual_sum(block: BasicBlock | Bottleneck, x: Tensor) -> Tensor:
    """Compute a residual block without the ReLU after its sum.

    mmseg's blocks have no hook between the sum and the ReLU, so their few
    lines are repeated here.

    Args:
        block (BasicBlock | Bottleneck): Block of mmseg without plugins.
        x (Tensor): Input of the block, (N, C_in, h, w).

    Returns:
        Tensor: Residual plus shortcut, which may be negative, (N, C, h, w).
    """
    out = block.relu(block.norm1(block.conv1(x)))
    out = block.norm2(block.conv2(out))
    if isinstance(block, Bottleneck):
        out = block.norm3(block.conv3(block.relu(out)))
    shortcut = x if block.downsample is None else block.downsample(x)
    return out + shortcut  # (N, C, h, w)


class SignedResLayer(ResLayer):
    """A stage whose last block ends with its sum, without the ReLU."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C_in, H, W) to (N, C, h, w), which may be negative."""
        *blocks, last = self
        for block in blocks:
            x = block(x)
        if last.with_cp and x.requires_grad:
            return checkpoint(residual_sum, last, x, use_reentrant=False)
        return residual_sum(last, x)


@MODELS.register_module()
class DilatedResNet(ResNet):
    """The ResNet encoder of the few-shot segmentation literature.

    It consists of the stem and stages 1 to 3 of mmseg's ResNet, with the
    same keys. Stage 3 keeps its resolution instead of halving it; its first
    block has dilation 1, and the others have dilation 2. The features,
    (N, 256 * expansion, H / 8, W / 8), are taken before the last ReLU, since
    a cosine of non-negative features cannot distinguish opposite directions.
    (PANet, section 4.1 of arXiv 1908.06391, used VGG-16, see ``DilatedVGG``;
    this ResNet is that of later work.)

    With several ``out_indices``, the forward pass returns one level for
    each, with stride 4, 8 and 8. All levels but the last are taken after
    their ReLU and equal those of mmseg's ``ResNet``, as they are the inputs
    of the next stage. The last level is taken before its ReLU, for any
    stage. Later stages are not built.

    In the basic blocks of depths 18 and 34, mmseg dilates only the first of
    the two convolutions. In the 'caffe' style, which has the stride in the
    first 1x1 convolution, it does not dilate the 3x3 convolution of the
    first block. With ``dilate_both``, every other cell of the finer map is
    equal to the result of the network with stride 2.

    Args:
        depth (int): 18, 34, 50, 101 or 152.
        final_relu (bool): Whether the last block keeps its ReLU. Defaults to
            False.
        dilate_both (bool): Whether basic blocks of stage 3 also dilate their
            second convolution, and the first 'caffe' bottleneck its 3x3
            convolution; a 'pytorch' bottleneck has only one to dilate.
            Defaults to False, as in mmseg.
        frozen_stages (int): Number of stages that are frozen together with
            the stem, from -1 (not even the stem) to the number of stages.
            Frozen stages keep their weights and record no graph. Defaults to
            1.
        norm_eval (bool): Whether batch norm keeps its statistics in
            training. Defaults to True.
        init_cfg (dict or list[dict], optional): Initialization config. With
            ``type='Pretrained'``, the file must contain every weight, see
            ``check_pretrained``. Defaults to None, mmseg's random weights.
        out_indices (Sequence[int]): Stages whose features are returned, in
            ascending order, from 0 for stage 1 to 2 for stage 3. Defaults to
            (2, ).
        **kwargs: Other arguments of mmseg's ``ResNet``: ``norm_cfg``,
            ``with_cp``, ``in_channels``, ``style`` and so on. With
            ``deep_stem=True``, three 3x3 convolutions with
            ``stem_channels // 2``, ``stem_channels // 2`` and
            ``stem_channels`` channels replace the 7x7 convolution; PSPNet
            has 128 ``stem_channels``.

    Raises:
        InputError: If ``depth``, ``out_indices``, ``frozen_stages`` or a
            number of channels is invalid, or if plugins are set for the
            block without ReLU.

    Example:
        >>> import torch
        >>> backbone = DilatedResNet(depth=50)
        >>> backbone(torch.rand(2, 3, 64, 64))[0].shape
        torch.Size([2, 1024, 8, 8])
    """

    def __init__(self, depth: int, final_relu: bool = False,
                 dilate_both: bool = False, frozen_stages: int = 1,
                 norm_eval: bool = True,
                 init_cfg: dict | list[dict] | None = None,
                 out_indices: Sequence[int] = (NUM_STAGES - 1, ),
                 **kwargs: Any) -> None:
        check_choice('depth', depth, sorted(self.arch_settings))
        check_levels(out_indices, NUM_STAGES)
        for name in ('stem_channels', 'base_channels'):
            check_number(name, kwargs.get(name, 64), least=1, integer=True)
        num_stages = out_indices[-1] + 1
        check_frozen(frozen_stages, num_stages)
        # mmseg's constructor calls make_res_layer, which reads these.
        self.final_relu = final_relu
        self.dilate_both = dilate_both
        super().__init__(
            depth, num_stages=num_stages, strides=(1, 2, 1)[:num_stages],
            dilations=(1, 1, 2)[:num_stages], contract_dilation=True,
            out_indices=out_indices, frozen_stages=frozen_stages,
            norm_eval=norm_eval, init_cfg=init_cfg, **kwargs)

    def make_res_layer(self, **kwargs: Any) -> ResLayer:
        """Build a stage, the last one without its last ReLU."""
        signed = (not self.final_relu
                  and len(self.res_layers) == self.num_stages - 1)
        if signed and kwargs['plugins']:
            raise InputError(
                f'plugins of stage {self.num_stages} need final_relu=True, '
                'got final_relu=False; set it, or remove that stage from the '
                "plugins' stages")
        stage = SignedResLayer(**kwargs) if signed else (
            super().make_res_layer(**kwargs))
        # Only the convolution with the stride must not be dilated; all later
        # ones get the finer map, also those of the first block. In a
        # 'pytorch' bottleneck, the second convolution has the stride.
        for block in stage if self.dilate_both else ():
            if isinstance(block, BasicBlock) or block.style == 'caffe':
                block.conv2.dilation = block.conv2.padding = (
                    kwargs['dilation'], kwargs['dilation'])
        return stage

    def init_weights(self) -> None:
        """Initialize the weights, and check that pretrained ones fit.

        Raises:
            InputError: If the file in ``init_cfg`` has other weights.
        """
        stem = 'deep' if self.deep_stem else 'plain'
        check_pretrained(
            self, f'{type(self).__name__}-{self.depth} with {stem} stem')
        with safe_loading(), without_lines(
                f'{WEIGHT_ORIGINS}|{OTHER_WEIGHTS}'):
            super().init_weights()
