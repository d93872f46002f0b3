"""The segmentation loss, and what several processes make of it."""
import copy

import pytest
import torch
import torch.nn.functional as F
from flat_episodes import random_episodes
from mmengine.dist import get_dist_info
from process_runs import in_processes
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from mmseg_panet.models import PANetHead, SegmentationLoss


def labels_with_void():
    """Labels (4, 6, 6) whose images have 36, 30, 1 and 0 valid pixels."""
    labels = torch.randint(
        0, 2, (4, 6, 6), generator=torch.Generator().manual_seed(0))
    labels[1, 0] = labels[2] = labels[3] = 255
    labels[2, 3, 3] = 1
    return labels


def random_logits():
    return torch.randn(
        4, 2, 6, 6, dtype=torch.float64,
        generator=torch.Generator().manual_seed(1))


def test_the_loss_is_the_mean_over_the_valid_pixels():
    logits, labels = random_logits(), labels_with_void()
    torch.testing.assert_close(
        SegmentationLoss(loss_weight=3.)(logits, labels),
        3 * F.cross_entropy(logits, labels, ignore_index=255))


def test_the_loss_is_0_without_a_valid_pixel():
    logits = random_logits().requires_grad_()
    loss = SegmentationLoss()(logits, torch.full((4, 6, 6), 255))
    loss.backward()
    assert loss == 0
    assert not logits.grad.any()


def share_of_the_loss(images):
    rank, number = get_dist_info()
    return SegmentationLoss()(
        random_logits()[images][rank::number],
        labels_with_void()[images][rank::number])


@pytest.mark.parametrize('images', [
    [0, 1, 2, 3], [2, 3], [3, 3]], ids=['some void', 'one pixel', 'all void'])
def test_the_mean_loss_of_two_processes_is_that_of_one(images):
    one = share_of_the_loss(images)
    two = torch.stack(in_processes(2, share_of_the_loss, images))
    torch.testing.assert_close(two.mean(), one)
    assert one.isfinite()


class Network(nn.Module):
    """A convolution before the head, so that there is a gradient."""

    def __init__(self, **settings):
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 1, dtype=torch.float64)
        with torch.no_grad():
            for one in self.parameters():
                one.copy_(torch.linspace(-1, 1, one.numel()).view(one.shape))
        self.head = PANetHead(8, **settings)

    def forward(self, features, samples):
        losses = self.head.loss([self.conv(features)], samples)
        return losses['loss_seg'] + losses['loss_align']


def gradients_of_share(settings):
    """Train on this process's share of 12 episodes, each of 3 images."""
    rank, number = get_dist_info()
    features, samples = random_episodes(12, 2, 1, 1)
    for i, one in enumerate(samples):
        # The episodes have different numbers of valid pixels.
        one.gt_sem_seg.data[..., :i % 7 * 5] = torch.where(
            one.gt_sem_seg.data[..., :i % 7 * 5] == one.get('way', 0),
            one.gt_sem_seg.data[..., :i % 7 * 5], 255)
    mine = [i for i in range(len(samples)) if i // 3 % number == rank]
    network = Network(**settings)
    wrapped = DistributedDataParallel(network) if number > 1 else network
    wrapped(features[mine], [copy.copy(samples[i]) for i in mine]).backward()
    return [one.grad for one in network.parameters()]


@pytest.mark.parametrize('number', [
    2, pytest.param(3, marks=pytest.mark.slow),
    pytest.param(4, marks=pytest.mark.slow)])
@pytest.mark.parametrize('source', ['prediction', 'true'])
def test_the_gradients_of_several_processes_are_those_of_one(number, source):
    settings = dict(loss_align=dict(
        type='PrototypeAlignmentLoss', mask_source=source))
    expected = gradients_of_share(settings)
    for found in in_processes(number, gradients_of_share, settings):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-9)


def test_the_division_by_own_pixels_would_be_found():
    """Without a common number of pixels, the gradients differ."""
    settings = dict(loss_decode=dict(
        type='CrossEntropyLoss', avg_non_ignore=True))
    expected = gradients_of_share(settings)
    found, _ = in_processes(2, gradients_of_share, settings)
    with pytest.raises(AssertionError):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-9)


def compiled_share():
    logits = random_logits().requires_grad_()
    rank, number = get_dist_info()
    torch.compile(SegmentationLoss(), backend='eager')(
        logits[rank::number], labels_with_void()[rank::number]).backward()
    return logits.grad


def test_the_loss_of_two_processes_can_be_compiled():
    one = compiled_share()
    two = torch.stack(in_processes(2, compiled_share))
    torch.testing.assert_close(two.mean(0), one)
