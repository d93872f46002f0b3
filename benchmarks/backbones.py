"""The time of each backbone of configs/backbones for an image."""
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmseg_panet.config.bundled_configs import config_files
from mmseg_panet.config.config_file import read_config
from mmseg_panet.config.settings import leave_timm_out

from .row import Row
from .timing import in_turn, medians, ratio_of

REFERENCE = 'panet_r18-d8_1xb4-600iters_msrc7i-225x225'
"""ResNet-18 as in most configs of this project."""


def measure(rounds: int = 5) -> list[Row]:
    """Time the features of one image at the size of each config.

    It is the processor time on one core, which other processes hardly
    change. All weights are random, as they do not matter.
    """
    torch.set_num_threads(1)
    init_default_scope('mmseg')
    reference, *_ = _build(REFERENCE)
    rows = []
    for name, path in config_files().items():
        if path.parent.name != 'backbones' or '_imagenet-' in name:
            continue
        model, size, parameters = _build(name)
        seconds = in_turn({
            'backbone': _processor_time(model),
            'ResNet-18': _processor_time(reference)}, rounds)
        rows.append(Row(
            f'features by {name.split("_")[1]}',
            f'{size}x{size}, 1 image, {parameters / 1e6:.1f} M parameters',
            'backbone / ResNet-18 at 225x225',
            *ratio_of(*seconds.values()), rounds, seconds=medians(seconds),
            remark='processor time on one core'))
    return rows


def _processor_time(call: Callable[[], object]) -> Callable[[], float]:
    def seconds() -> float:
        start = time.process_time()
        call()
        return time.process_time() - start

    return seconds


def _build(name: str) -> tuple[Callable[[], object], int, int]:
    """Return a call for the features, the size and the parameters."""
    cfg = read_config(name).model
    cfg.backbone.init_cfg = None
    leave_timm_out(cfg.backbone)
    model = MODELS.build(cfg).eval()
    height, width = cfg.data_preprocessor.size
    image = torch.rand(1, 3, height, width)
    return (partial(_features, model, image), height,
            sum(one.numel() for one in model.parameters()))


@torch.no_grad()
def _features(model: Any, image: torch.Tensor) -> torch.Tensor:
    return model.decode_head.features(model.extract_feat(image))
