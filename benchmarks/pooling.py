"""Masked average pooling against upsample-and-pool."""
from functools import partial

import torch
from plain_panet import pool

from mmseg_panet.models import PANetHead

from .row import Row
from .timing import default_rounds, in_turn, medians, ratio_of, timed


def measure(device: torch.device, channels: int = 512, cells: int = 53,
            size: int = 417, images: int = 10) -> list[Row]:
    """Time both ways of equation 1, without and with gradients."""
    features = torch.randn(images, channels, cells, cells, device=device)
    masks = torch.rand(images, size, size, device=device) < 0.3
    gradient = torch.randn(images, channels, device=device)
    head = PANetHead(channels)

    def plain(features: torch.Tensor) -> torch.Tensor:
        return torch.stack([
            pool(image, mask)
            for image, mask in zip(features, masks, strict=True)])

    def ours(features: torch.Tensor) -> torch.Tensor:
        return head.mask_statistics(features, masks[:, None]).means()[:, 0]

    def forward(pooled_by: object) -> None:
        with torch.no_grad():
            pooled_by(features)

    def backward(pooled_by: object) -> None:
        leaf = features.detach().requires_grad_()
        torch.autograd.grad(pooled_by(leaf), leaf, gradient)

    rows, rounds = [], default_rounds(device)
    for name, work in (('forward', forward),
                       ('forward + backward', backward)):
        seconds = in_turn({
            'upsampled': timed(partial(work, plain), device),
            'ours': timed(partial(work, ours), device),
        }, rounds)
        rows.append(Row(
            f'masked average pooling, {name}',
            f'C={channels}, {cells}x{cells} cells, {size}x{size}, '
            f'{images} images', 'upsample and pool / ours',
            *ratio_of(seconds['upsampled'], seconds['ours']), rounds,
            at_least=50, seconds=medians(seconds)))
    return rows
