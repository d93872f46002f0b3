"""VGG-16 with output stride 8 (PANet, section 4.1)."""
from collections.abc import Sequence

from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn
from torchvision.models.vgg import cfgs, make_layers

from ..pretrained import (
    OTHER_WEIGHTS,
    WEIGHT_ORIGINS,
    check_pretrained,
    without_lines,
)
from ..safe_loading import safe_loading
from .levels import check_frozen, check_levels

NUM_STAGES = 5


def make_features() -> nn.Sequential:
    """Modify the layers of torchvision's VGG-16 without changing their keys.

    Returns:
        nn.Sequential: Layers that map (N, 3, H, W) to
        (N, 512, H / 8, W / 8).
    """
    *layers, _, _ = make_layers(cfgs['D'])  # without the last ReLU and pool
    stage = 1
    for layer in layers:
        if isinstance(layer, nn.MaxPool2d):
            layer.kernel_size, layer.padding = 3, 1
            layer.stride = 2 if stage <= 3 else 1
            stage += 1
        elif isinstance(layer, nn.Conv2d) and stage == NUM_STAGES:
            layer.padding = layer.dilation = (2, 2)
    return nn.Sequential(*layers)


@MODELS.register_module()
class DilatedVGG(BaseModule):
    """The VGG-16 encoder of PANet (arXiv 1908.06391, section 4.1).

    It has five stages of 3x3 convolutions with ReLU. In contrast to VGG-16,
    the pools are 3x3, the fourth pool has stride 1, and the fifth stage has
    dilation 2. The last convolution is followed neither by a pool nor, as in
    the released code, by a ReLU, so that features can be negative. The keys
    are those of torchvision's ``vgg16().features``, whose weights can be
    loaded without conversion.

    With several ``out_indices``, the forward pass returns one level for
    each, with stride 1, 2, 4, 8 and 8. All levels but the last are taken
    after their ReLU and before the pool. The last level is taken before its
    ReLU, for any stage. Later stages are neither run nor trained.

    Args:
        frozen_stages (int): Number of leading stages that keep their weights
            and record no graph, 0 to 5; -1 is the same as 0, as in mmseg.
            Defaults to -1.
        init_cfg (dict or list[dict], optional): Initialization config. With
            ``type='Pretrained'``, the file must contain every weight, see
            ``check_pretrained``. Defaults to None, Kaiming initialization.
        out_indices (Sequence[int]): Stages whose features are returned, in
            ascending order, from 0 to 4. Defaults to (4, ).

    Raises:
        InputError: If ``frozen_stages`` or ``out_indices`` is out of range.
    """

    def __init__(self,
                 frozen_stages: int = -1,
                 init_cfg: dict | list[dict] | None = None,
                 out_indices: Sequence[int] = (NUM_STAGES - 1, )) -> None:
        super().__init__(init_cfg or dict(type='Kaiming', layer='Conv2d'))
        check_frozen(frozen_stages, NUM_STAGES)
        check_levels(out_indices, NUM_STAGES)
        self.features = make_features()
        pools = [index for index, layer in enumerate(self.features)
                 if isinstance(layer, nn.MaxPool2d)]
        # Each stage ends at its pool; the last one has none.
        ends = [*pools, len(self.features) + 1]
        *self.levels, last = (ends[index] for index in out_indices)
        self.length = last - 1  # without the ReLU
        frozen = ends[frozen_stages - 1] if frozen_stages > 0 else 0
        self.features.requires_grad_(False)
        self.features[frozen:self.length].requires_grad_(True)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Encode images.

        Args:
            x (Tensor): Images (N, 3, H, W).

        Returns:
            tuple[Tensor, ...]: One level for each of ``out_indices``, by
            default the features (N, 512, H / 8, W / 8), with sizes rounded
            up.
        """
        levels = []
        for index, layer in enumerate([*self.features][:self.length]):
            if index in self.levels:
                levels.append(x)
            x = layer(x)
        return (*levels, x)

    def init_weights(self) -> None:
        """Initialize the weights, and check that pretrained ones fit.

        Raises:
            InputError: If the file in ``init_cfg`` has other weights.
        """
        check_pretrained(self, f'{type(self).__name__} (VGG-16)')
        with safe_loading(), without_lines(
                f'{WEIGHT_ORIGINS}|{OTHER_WEIGHTS}'):
            super().init_weights()
