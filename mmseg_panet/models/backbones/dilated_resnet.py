"""ResNet at output stride 8, without stage 4 and without the last ReLU."""
from collections.abc import Sequence
from typing import Any

from mmseg.models.backbones import ResNet
from mmseg.models.backbones.resnet import BasicBlock, Bottleneck
from mmseg.models.utils import ResLayer
from mmseg.registry import MODELS
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ...errors import InputError, check_choice
from ..pretrained import check_pretrained
from .levels import check_frozen, check_levels

NUM_STAGES = 3


def residual_sum(block: BasicBlock | Bottleneck, x: Tensor) -> Tensor:
    """Compute a residual block without the ReLU that follows its sum.

    The blocks of mmseg offer no hook between the sum and the ReLU, hence
    their few lines again.

    Args:
        block (BasicBlock | Bottleneck): A block of mmseg, without plugins.
        x (Tensor): The block's input (N, C_in, h, w).

    Returns:
        Tensor: Residual plus shortcut, of either sign, (N, C, h, w).
    """
    out = block.relu(block.norm1(block.conv1(x)))
    out = block.norm2(block.conv2(out))
    if isinstance(block, Bottleneck):
        out = block.norm3(block.conv3(block.relu(out)))
    shortcut = x if block.downsample is None else block.downsample(x)
    return out + shortcut  # (N, C, h, w)


class SignedResLayer(ResLayer):
    """A stage whose last block ends at its sum, without the ReLU."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C_in, H, W) to (N, C, h, w) of either sign."""
        *blocks, last = self
        for block in blocks:
            x = block(x)
        if last.with_cp and x.requires_grad:
            return checkpoint(residual_sum, last, x, use_reentrant=False)
        return residual_sum(last, x)


@MODELS.register_module()
class DilatedResNet(ResNet):
    """The ResNet encoder of the few-shot segmentation literature.

    Stem and stages 1 to 3 of mmseg's ResNet, under its keys. Stage 3 keeps
    its resolution instead of halving it; its first block has dilation 1, the
    others 2. The features, (N, 256 * expansion, H / 8, W / 8), come from
    before the last ReLU: with non-negative features a cosine cannot tell
    opposite directions. (PANet itself, section 4.1 of arXiv 1908.06391, used
    VGG-16, see ``DilatedVGG``; this ResNet is later practice.)

    With several ``out_indices`` the forward pass returns one level for each,
    of stride 4, 8 and 8. A level that another one follows comes after its
    ReLU and equals that of mmseg's ``ResNet``, for it is also the input of
    the next stage; the last level comes from before its ReLU, whichever
    stage it is. The stages after it are not built.

    In the basic blocks of depths 18 and 34 mmseg dilates the first of the
    two convolutions only, and in the 'caffe' style, which has the stride in
    the first 1x1 convolution, not the 3x3 one that follows it in the first
    block; ``dilate_both`` computes what the network with stride 2 computes,
    at every other cell of its finer map.

    Args:
        depth (int): 18, 34, 50, 101 or 152.
        final_relu (bool): Whether the last block keeps its ReLU. Defaults to
            False.
        dilate_both (bool): Whether basic blocks of stage 3 dilate their second
            convolution too, and the first 'caffe' bottleneck its 3x3 one; a
            'pytorch' bottleneck has but one to dilate. Defaults to False, as
            in mmseg.
        frozen_stages (int): The stem and that many stages keep their weights
            and record no graph, from -1 (not even the stem) to the last one,
            3 by default. Defaults to 1.
        norm_eval (bool): Whether batch norm keeps its statistics in
            training. Defaults to True.
        init_cfg (dict or list[dict], optional): With ``type='Pretrained'``
            the file must hold every weight, see ``check_pretrained``.
            Defaults to None: mmseg's random weights.
        out_indices (Sequence[int]): The stages whose features are returned,
            in rising order, from 0 for stage 1 to 2 for stage 3. Defaults to
            (2, ).
        **kwargs: Other arguments of mmseg's ``ResNet``: ``norm_cfg``,
            ``with_cp``, ``in_channels``, ``style`` and so on. With
            ``deep_stem=True`` three 3x3 convolutions of
            ``stem_channels // 2``, ``stem_channels // 2`` and
            ``stem_channels`` channels replace the 7x7 one; PSPNet has 128
            ``stem_channels``.

    Raises:
        InputError: If ``depth``, ``out_indices`` or ``frozen_stages`` is none
            of the above, or plugins are set for the block without ReLU.

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
        num_stages = out_indices[-1] + 1
        check_frozen(frozen_stages, num_stages)
        # The constructor of mmseg calls make_res_layer, which reads it.
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
                'got final_relu=False; set it, or leave that stage out of the '
                "plugins' stages")
        stage = SignedResLayer(**kwargs) if signed else (
            super().make_res_layer(**kwargs))
        # Only the first convolution of a stage had a stride to lose; all after
        # it see the finer map, those of the first block included. In a
        # bottleneck of the 'pytorch' style the second one had it.
        for block in stage if self.dilate_both else ():
            if isinstance(block, BasicBlock) or block.style == 'caffe':
                block.conv2.dilation = block.conv2.padding = (
                    kwargs['dilation'], kwargs['dilation'])
        return stage

    def init_weights(self) -> None:
        """Initialise, refusing pretrained weights that do not fit.

        Raises:
            InputError: If ``init_cfg`` names a file of other weights.
        """
        stem = 'deep' if self.deep_stem else 'plain'
        check_pretrained(
            self, f'{type(self).__name__}-{self.depth} with {stem} stem')
        super().init_weights()
