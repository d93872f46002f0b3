"""The losses of heads that are trained with other classifiers."""

import plain_panet
import pytest
import torch
import torch.nn.functional as F
from flat_episodes import random_episodes
from largest_tensor import LargestTensor

from mmseg_panet.config.config_file import read_config
from mmseg_panet.errors import InputError
from mmseg_panet.models import DiscriminantClassifier, PANetHead

DISCRIMINANT = dict(type='DiscriminantClassifier', shrinkage=0.5, scale=0.7)
PROTOTYPES = dict(type='PrototypeClassifier', scale=10.0)
CASES = {  # episodes, ways, shots, queries
    '1-way 1-shot': (1, 1, 1, 1),
    'batch of 2 2-way 3-shot, 2 queries': (2, 2, 3, 2),
}
ALIGNMENTS = {
    'without': None,
    'by the classifier of the head': dict(),
    'by another discriminant': dict(
        mask_source='true',
        classifier=dict(type='DiscriminantClassifier', shrinkage=2.0)),
    'by prototypes': dict(classifier=PROTOTYPES),
    'by prototypes, true masks': dict(
        mask_source='true', classifier=PROTOTYPES),
}
TRAINED = [
    DISCRIMINANT,
    dict(type='QueryRefinement'),
    dict(type='QueryRefinement', start=PROTOTYPES),
    'auto',
]


def alignment(settings):
    return settings if settings is None else dict(
        type='PrototypeAlignmentLoss') | settings


def rows(features):
    """Convert features (C, h, w) to unit cells (h*w, C)."""
    return F.normalize(features, dim=0).flatten(1).T


def cell_weights(mask, size):
    """Compute the pixels (h*w,) of a mask (H, W) that each cell covers."""
    cells = torch.zeros(1, *size, dtype=torch.float64, requires_grad=True)
    pooled = (plain_panet.up(cells, mask.shape) * mask).sum()
    return torch.autograd.grad(pooled, cells)[0].flatten()


def plain_logits(queries, classes, settings):
    """Compute logits (K, h, w) of queries.

    ``classes`` has a list of (cells, weights) for each class.
    """
    settings = dict(shrinkage=1.0, scale=1.0) | settings
    means, scatter = [], 0
    for shots in classes:
        parts = [(w @ u / w.sum(), u.T @ (w[:, None] * u) / w.sum())
                 for u, w in shots]
        mean = sum(p for p, _ in parts) / len(parts)
        means.append(mean)
        scatter = scatter + (sum(m for _, m in parts) / len(parts)
                             - torch.outer(mean, mean)) / len(classes)
    means = torch.stack(means)
    if settings['type'] == 'PrototypeClassifier':
        weight, bias = F.normalize(means, dim=1), torch.zeros(len(means))
    else:
        eye = torch.eye(len(scatter), dtype=torch.float64)
        ridge = settings['shrinkage'] * scatter.trace() / len(scatter)
        weight = means @ torch.linalg.inv(scatter + ridge * eye)
        bias = -(weight * means).sum(1) / 2
    return [
        settings['scale'] * (weight @ rows(query).T + bias[:, None]).view(
            -1, *query.shape[1:]) for query in queries]


def plain_losses(features, samples, case, align):
    """Compute the losses of a batch, episode by episode."""
    episodes, ways, shots, queries = case
    size = features.shape[2:]
    labels = torch.stack([s.gt_sem_seg.data[0] for s in samples])
    length, number = ways * shots + queries, ways * shots
    all_logits, all_labels, total = [], [], torch.zeros(())
    for start in range(0, episodes * length, length):
        found, targets = (one[start:start + length]
                          for one in (features, labels))
        parts = [[(rows(found[i]), cell_weights(targets[i] == k, size))
                  for k in (0, 1 + i // shots)] for i in range(number)]
        classes = [[background for background, _ in parts]] + [
            [own for _, own in parts[w * shots:(w + 1) * shots]]
            for w in range(ways)]
        logits = plain_logits(found[number:], classes, DISCRIMINANT)
        all_logits += logits
        all_labels.append(targets[number:])
        if align is None:
            continue
        cells = torch.cat([rows(query) for query in found[number:]])

        def query_part(
                k, cells=cells, targets=targets[number:], logits=logits):
            return cells, torch.cat([
                cell_weights(target == k, size)
                if align.get('mask_source') == 'true'
                else (one.argmax(0) == k).double().flatten()
                for target, one in zip(targets, logits, strict=True)])

        for i in range(number):
            way = 1 + i // shots
            if query_part(way)[1].sum() == 0:
                continue
            back = plain_logits(
                found[i:i + 1], [[query_part(0)], [query_part(way)]],
                align.get('classifier', DISCRIMINANT))
            target = torch.full_like(targets[i], 255)
            target[targets[i] == 0] = 0
            target[targets[i] == way] = 1
            total = total + plain_panet.segmentation_loss(
                back, target[None]) / number / episodes
    return plain_panet.segmentation_loss(
        all_logits, torch.cat(all_labels)), total


@pytest.mark.parametrize('align', ALIGNMENTS)
@pytest.mark.parametrize('case', CASES)
def test_losses_and_gradients_equal_the_plain_equations(case, align):
    case, align = CASES[case], ALIGNMENTS[align]
    head = PANetHead(
        4, classifier=DISCRIMINANT, loss_align=alignment(align))
    features, samples = random_episodes(*case, channels=4)
    features.requires_grad_()
    losses = head.loss([features], samples)
    seg, expected = plain_losses(features, samples, case, align)
    torch.testing.assert_close(losses['loss_seg'], seg)
    found = losses.get('loss_align', torch.zeros(()))
    torch.testing.assert_close(found, expected.to(found))
    assert (found > 0) == (align is not None)
    torch.testing.assert_close(
        *(torch.autograd.grad(one, features)[0]
          for one in (losses['loss_seg'] + found, seg + expected)))


def test_prototypes_use_raw_cells_in_the_alignment_as_well():
    features, samples = random_episodes(1, 1, 2, 1)
    expected, given = (
        PANetHead(8, scale=10.0, loss_align=alignment(settings)).loss(
            [features], samples)
        for settings in ({}, dict(classifier=PROTOTYPES)))
    assert given['loss_align'].item() == expected['loss_align'].item()


def test_prototypes_of_the_head_fit_a_discriminant_in_the_alignment():
    """The discriminant uses unit cells, so their length has no effect."""
    features, samples = random_episodes(1, 1, 2, 1)
    head = PANetHead(8, loss_align=alignment(
        dict(mask_source='true', classifier=DISCRIMINANT)))
    lengths = 1 + torch.arange(30, dtype=torch.float64).view(5, 6)
    torch.testing.assert_close(*(
        head.loss([one], samples)['loss_align']
        for one in (features, features * lengths)))


def test_an_invalid_classifier_of_the_alignment_raises_an_error():
    with pytest.raises(InputError, match='subclass of Classifier'):
        PANetHead(8, loss_align=alignment(
            dict(classifier=dict(type='DilatedResNet', depth=18))))


@pytest.mark.parametrize('classifier', TRAINED)
def test_gradients_are_those_of_finite_differences(classifier):
    """The cells that a refinement selects do not change."""
    features, samples = random_episodes(
        1, 2, 2, 1, channels=3, size=(3, 4), image=(9, 12))
    head = PANetHead(3, classifier=classifier)

    def loss(features):
        losses = head.loss([features], samples)
        return losses['loss_seg'], losses['loss_align']

    assert torch.autograd.gradcheck(
        loss, features.requires_grad_(), eps=1e-7, atol=1e-4, fast_mode=True)


def equal_cells(features, samples):
    features[:] = features[:1, :, :1, :1]


def one_cell(features, samples):
    """Ignore all pixels of the supports except two."""
    for sample in samples[:-1]:
        sample.gt_sem_seg.data[:] = 255
        sample.gt_sem_seg.data[:, 16, 20] = sample.way
        sample.gt_sem_seg.data[:, 3, 3] = 0


def no_background(features, samples):
    for sample in samples[:-1]:
        sample.gt_sem_seg.data[:] = sample.way


def nothing_in_the_query(features, samples):
    samples[-1].gt_sem_seg.data[:] = 0


@pytest.mark.parametrize('classifier', TRAINED)
@pytest.mark.parametrize('mask_source', ['prediction', 'true'])
@pytest.mark.parametrize('spoil', [
    equal_cells, one_cell, no_background, nothing_in_the_query])
def test_gradients_of_degenerate_supports_are_finite(
        spoil, mask_source, classifier):
    features, samples = random_episodes(1, 2, 2, 1)
    features = features.float()
    spoil(features, samples)
    head = PANetHead(8, classifier=classifier, loss_align=alignment(
        dict(mask_source=mask_source)))
    losses = head.loss([features.requires_grad_()], samples)
    gradient, = torch.autograd.grad(
        losses['loss_seg'] + losses['loss_align'], features)
    assert torch.isfinite(gradient).all()
    assert gradient.abs().max() < 1e3


class OfMoments(DiscriminantClassifier):
    train_needs = None


def test_cells_in_training_give_the_same_losses_as_moments():
    features, samples = random_episodes(2, 2, 2, 2)
    features.requires_grad_()
    gradients = []
    for kind in (DiscriminantClassifier, OfMoments):
        losses = PANetHead(8, classifier=dict(type=kind)).loss(
            [features], samples)
        gradients += torch.autograd.grad(
            losses['loss_seg'] + losses['loss_align'], features)
    torch.testing.assert_close(*gradients)


def test_training_allocates_no_moments_per_support():
    features, samples = random_episodes(1, 3, 3, 1, channels=64)
    with LargestTensor() as largest:
        losses = PANetHead(64, classifier=DISCRIMINANT).loss(
            [features.requires_grad_()], samples)
        (losses['loss_seg'] + losses['loss_align']).backward()
    # The largest are the two logits of 9 supports at the size of the labels.
    assert largest.values == 9 * 2 * 33 * 42 < 9 * 2 * 64 * 64


@pytest.mark.parametrize(('name', 'base'), [
    ('discriminant_r18-d8_1xb4-400iters_msrc7i-225x225',
     'panet_r18-d8_1xb4-600iters_msrc7i-225x225'),
    ('discriminant_r50-d8_1xb4-6k_pascal5i-473x473',
     'panet_r50-d8-no-align_1xb4-6k_pascal5i-473x473')])
def test_the_configs_train_on_5_shots_and_are_otherwise_panets(
        name, base):
    config, base = (
        read_config(one) for one in (name, base))
    head = PANetHead(**{
        key: value for key, value in config.model.decode_head.items()
        if key != 'type'})
    # The base's factor of cosines is not passed to the discriminant.
    assert head.classifier.settings() == dict(
        type='DiscriminantClassifier', shrinkage=1.0, scale=0.3, rank=64)
    if name == 'discriminant_r18-d8_1xb4-400iters_msrc7i-225x225':
        # These were chosen on base classes: alignment by prototypes, and
        # fewer iterations.
        assert head.loss_align.classifier.settings() == dict(
            type='PrototypeClassifier', distance='cosine', scale=10.0)
        assert config.train_cfg.max_iters == config.param_scheduler[1].end
        config.train_cfg = base.train_cfg
        config.param_scheduler[1].end = base.param_scheduler[1].end
    else:
        assert head.loss_align is None
    assert config.train_dataloader.dataset.num_shots == 5
    config.train_dataloader.dataset.num_shots = 1
    for part in ('train_dataloader', 'val_dataloader', 'test_dataloader',
                 'train_cfg', 'optim_wrapper', 'param_scheduler'):
        assert config[part] == base[part], part
