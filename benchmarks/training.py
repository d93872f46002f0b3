"""Training steps: ours, the peer's, and the backbone's part."""
from collections.abc import Callable

import torch
from mmengine.optim import OptimWrapper
from torch import nn

from . import peer
from .case import Case, build_model, noise_batch, sgd
from .row import Row
from .timing import default_rounds, in_turn, medians, ratio_of, timed

Call = Callable[[], object]


def our_step(model: nn.Module, batch: dict,
             wrapper: type[OptimWrapper] = OptimWrapper,
             **settings: object) -> Call:
    """Run ``train_step`` on a batch as the data loader gives it."""
    optim_wrapper = wrapper(optimizer=sgd(model), **settings)
    return lambda: model.train_step(batch, optim_wrapper)


def peer_step(model: nn.Module, batch: dict, case: Case) -> Call:
    """Run the peer's step, with our backbone and normalised images."""
    images, labels = prepared(model, batch)
    return peer.training_step(
        model.backbone, sgd(model.backbone), images, labels, case)


def prepared(model: nn.Module,
             batch: dict) -> tuple[torch.Tensor, torch.Tensor]:
    """Return normalised images (N, 3, H, W) and labels (N, H, W)."""
    data = model.data_preprocessor(batch, training=True)
    return data['inputs'], torch.stack([
        sample.gt_sem_seg.data[0] for sample in data['data_samples']])


def backbone_alone(model: nn.Module, images: torch.Tensor,
                   amp: torch.dtype | None = None) -> Call:
    """Run the backbone forward, and backward from a gradient of ones."""

    def call() -> None:
        with torch.autocast(
                images.device.type, amp, enabled=amp is not None):
            features = model.extract_feat(images)[-1]
        features.backward(torch.ones_like(features))
        model.zero_grad()

    return call


def measure(case: Case, device: torch.device, required: bool) -> list[Row]:
    """Time our step in both memory formats, the peer's, and the backbone.

    The ratios to the peer have a requirement at some sizes only.
    """
    batch = noise_batch(case)
    model, shipped = (
        build_model(case, channels_last, device)
        for channels_last in (False, None))
    rounds = default_rounds(device)
    seconds = in_turn({
        'peer': timed(peer_step(model, batch, case), device),
        'ours, contiguous': timed(our_step(model, batch), device),
        'ours': timed(our_step(shipped, batch), device),
        'backbone': timed(
            backbone_alone(shipped, prepared(shipped, batch)[0]), device),
    }, rounds)
    middle = medians(seconds)

    def against_peer(name: str, ours: str, least: float) -> Row:
        return Row(
            f'training step, {name}', str(case), 'peer / ours',
            *ratio_of(seconds['peer'], seconds[ours]), rounds,
            at_least=least if required else None,
            seconds={key: middle[key] for key in ('peer', ours)})

    share, high, low = (
        100 * (1 - part)
        for part in ratio_of(seconds['backbone'], seconds['ours']))
    return [
        against_peer('same memory format', 'ours, contiguous', 1.4),
        against_peer('settings as shipped', 'ours', 1.8),
        Row('all but the backbone in a training step', str(case),
            '(step - backbone) / step', share, low, high, rounds, '%',
            under=5,
            seconds={key: middle[key] for key in ('ours', 'backbone')}),
    ]


def measure_size(case: Case, device: torch.device,
                 limit: float | None = None) -> list[Row]:
    """Time our step as shipped and the peer's; see `in_turn` for limit."""
    batch = noise_batch(case)
    rounds = default_rounds(device)
    seconds = in_turn({
        'peer': timed(peer_step(
            build_model(case, False, device), batch, case), device),
        'ours': timed(our_step(
            build_model(case, None, device), batch), device),
    }, rounds, limit)
    return [Row(
        'training step', str(case), 'peer / ours',
        *ratio_of(seconds['peer'], seconds['ours']), rounds,
        seconds=medians(seconds))]
