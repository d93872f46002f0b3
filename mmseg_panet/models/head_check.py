"""Checks of a head of another method, before it is trained or used."""
from copy import deepcopy
from itertools import chain
from pathlib import Path
from traceback import extract_tb
from typing import Any

import torch
from mmengine.structures import PixelData
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ..errors import InputError, abbreviate
from ..overrides import overridden
from ..wording import counted
from .few_shot_head import BYPASSED, FewShotHead
from .generalized_head import GeneralizedHead

_CELLS, _STRIDE = 16, 8
"""Side of the feature maps of a rehearsal, and pixels of a cell."""
_PAGE = 'docs/another_method.md describes it'


def check_head(head: FewShotHead, trains: bool = False) -> None:
    """Let a head of another method rehearse two episodes.

    What is wrong in a method would otherwise be found in the first iteration,
    or in the first test, which classifies many episodes at once. The heads
    and classifiers of this package are not rehearsed, and neither is a
    :class:`GeneralizedHead`, which does not classify episodes.

    Args:
        head (FewShotHead): The head.
        trains (bool): Whether it is to be trained. Defaults to False.

    Raises:
        InputError: If the head is to be trained, but has no loss or gives
            none; if its features have other channels than ``channels``; or
            if the classifier fails, gives logits of another shape, or gives
            other logits for two episodes at once than for each one alone.
    """
    name = type(head).__name__
    if trains and type(head).loss is BaseDecodeHead.loss:
        raise InputError(
            f'expected {name} to define loss(inputs, batch_data_samples, '
            'train_cfg), as it is trained, got the loss of a closed set of '
            f'classes; define it, or make {name} a subclass of PANetHead')
    is_own = all(type(one).__module__.startswith('mmseg_panet.')
                 for one in (head, head.classifier))
    if isinstance(head, GeneralizedHead) or (
            is_own and head.channels == head.levels.channels):
        return
    try:
        with torch.random.fork_rng(devices=[]):
            for is_trained in (False, True)[:1 + trains]:
                with torch.set_grad_enabled(is_trained):
                    _rehearse(deepcopy(head).train(is_trained))
    except InputError:
        raise
    # The code of a method can raise any error.
    except Exception as error:
        last = extract_tb(error.__traceback__)[-1]
        raise InputError(
            f'expected {name} with {type(head.classifier).__name__} to '
            f'work on two episodes of 2 ways, got {type(error).__name__}: '
            f'{abbreviate(error)} (raised in {Path(last.filename).name}, line '
            f'{last.lineno}); correct the method, {_PAGE}') from error


def _rehearse(head: FewShotHead) -> None:
    """Classify the queries of two episodes together, and one by one."""
    maps = _random_maps(head)
    if head.training:
        for one in maps:
            one.requires_grad_()
        _check_loss(head, head.loss(maps, _samples(maps), None))
    features = head.features(maps)
    if features.dim() != 4 or features.shape[:2] != (6, head.channels):
        raise InputError(
            f'expected features of {type(head).__name__} with the shape '
            f'(6, {head.channels}, h, w), as it has channels={head.channels}, '
            f'got {tuple(features.shape)}; give it the number of channels as '
            f'channels, {_PAGE}')
    if overridden(head, FewShotHead, BYPASSED):
        return
    supports, queries = features.split((4, 2))
    fitted = _fit(head, supports)
    each = [_fit(head, some) for some in supports.split(2)]
    name = type(head.classifier).__name__
    for images in (queries, queries[:1]):
        # A single image is classified by both episodes.
        found = head.match(images, fitted)
        alone = torch.cat([
            head.match(one, by) for one, by in zip(
                images.expand(2, -1, -1, -1).split(1), each, strict=True)])
        expected = (2, 3, *features.shape[2:])
        if found.shape != expected:
            raise InputError(
                f'expected logits of {name} with the shape {expected} for '
                f"{counted(len(images), 'image')} of 2 episodes with 2 ways, "
                f'got {tuple(found.shape)}; {_PAGE}')
        scale = alone.abs().max().clamp_min(1)
        # Training may be random.
        if not head.training and not torch.allclose(
                found / scale, alone / scale, atol=1e-3):
            raise InputError(
                f'expected the same logits of {name} for two episodes at once '
                'as for each one alone, got others; fit a classifier for each '
                f'episode of the leading dimension B, {_PAGE}')


def _check_loss(head: FewShotHead, losses: Any) -> None:
    named = losses if isinstance(losses, dict) else {}
    if not any('loss' in name and isinstance(value, Tensor)
               for name, value in named.items()):
        raise InputError(
            f'expected the loss of {type(head).__name__} as a dict of tensors '
            "with a name that contains 'loss', such as loss_seg, got "
            f'{list(named) if named else losses!r}; {_PAGE}')
    if not any('loss' in name and isinstance(value, Tensor)
               and value.requires_grad for name, value in named.items()):
        raise InputError(
            f'expected the loss of {type(head).__name__} with a gradient of '
            f'the features, got none; {type(head.classifier).__name__} may '
            f'call detach, argmax or no_grad, {_PAGE}')


def _random_maps(head: FewShotHead) -> list[Tensor]:
    """Make the outputs of a backbone for 6 images."""
    levels = head.levels.levels
    # Negative positions count from the end.
    number = max(1 + index for index, _ in [*levels, (-1, 0)]) + max(
        -index for index, _ in [*levels, (0, 0)])
    generator = torch.Generator().manual_seed(0)
    device = next(chain(
        head.parameters(), head.buffers()), torch.empty(0)).device
    maps = [torch.empty(0, device=device)] * number
    for index, channels in levels:
        maps[index] = torch.randn(
            6, channels, _CELLS, _CELLS, generator=generator).to(device)
    return maps


def _support_labels(episodes: int, device: torch.device) -> Tensor:
    """Make the labels (B * 2, H, W) of 2 ways of 1 shot."""
    side = _STRIDE * _CELLS
    labels = torch.zeros(
        episodes * 2, side, side, dtype=torch.long, device=device)
    part = slice(side // 4, side // 2)
    labels[0::2, part, :] = 1
    labels[1::2, :, part] = 2
    return labels


def _samples(maps: list[Tensor]) -> list[SegDataSample]:
    """Make the samples of 2 episodes: a support of each way, and a query."""
    labels = _support_labels(1, maps[-1].device)
    parts = [dict(role='support', way=1), dict(role='support', way=2),
             dict(role='query', way=1)]
    return [
        SegDataSample(
            metainfo=part | dict(
                run=0, episode=episode, shot=0, class_ids=[0, 1],
                class_names=['first', 'second'], ori_shape=label.shape,
                img_shape=label.shape),
            gt_sem_seg=PixelData(data=label[None]))
        for episode in range(2)
        for part, label in zip(parts, labels[[0, 1, 0]], strict=True)]


def _fit(head: FewShotHead, supports: Tensor) -> nn.Module:
    """Fit B episodes to supports (B * 2, C, h, w), of 2 ways and 1 shot."""
    episodes = len(supports) // 2
    statistics = head.support_statistics(
        supports, _support_labels(episodes, supports.device),
        [1, 2] * episodes)
    fitted = head.classifier.fit(
        statistics.each(lambda one: one.unflatten(0, (episodes, 2))), [1, 1])
    if not isinstance(fitted, nn.Module):
        raise InputError(
            f'expected fit of {type(head.classifier).__name__} to return an '
            f'nn.Module, got {fitted!r}; {_PAGE}')
    return fitted
