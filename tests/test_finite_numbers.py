"""No input that the data can give makes a nan, in any method."""
from operator import itemgetter

import pytest
import torch
from flat_episodes import random_episodes

from mmseg_panet.models import PANetHead
from mmseg_panet.models.edge_filter import EdgeFilter
from mmseg_panet.models.logit_map import LogitMap
from mmseg_panet.models.statistics import stack
from mmseg_panet.models.temperature import calibrate

CLASSIFIERS = {
    'cosine': dict(type='PrototypeClassifier'),
    'squared Euclidean': dict(
        type='PrototypeClassifier', distance='squared_euclidean'),
    'discriminant': dict(type='DiscriminantClassifier'),
    'two axes': dict(type='DiscriminantClassifier', rank=2),
    'refined prototypes': dict(
        type='QueryRefinement', start=dict(type='PrototypeClassifier')),
    'refined discriminant': dict(type='QueryRefinement'),
    'presence': dict(type='QueryRefinement', presence=0.0),
    'auto': dict(type='AutoClassifier'),
}


def labels_of(samples, role):
    return [sample.gt_sem_seg.data for sample in samples
            if sample.role == role]


def zero_features(features, samples):
    features[:] = 0


def equal_features(features, samples):
    features[:] = features[:1, :, :1, :1]


def largest_half(features, samples):
    features[:] = 6e4 * features.sign()


def zero_query(features, samples):
    features[-1] = 0


def void_query(features, samples):
    for labels in labels_of(samples, 'query'):
        labels[:] = 255


def background_query(features, samples):
    for labels in labels_of(samples, 'query'):
        labels[:] = 0


def void_around_one_pixel(features, samples):
    for sample in samples:
        if sample.role == 'support':
            labels = sample.gt_sem_seg.data
            labels[:] = 255
            labels[:, 0, 0] = sample.way


def no_background(features, samples):
    for sample in samples:
        if sample.role == 'support':
            sample.gt_sem_seg.data[:] = sample.way


def nothing(features, samples):
    """The random episode itself."""


SPOILS = [
    nothing, zero_features, equal_features, largest_half, zero_query,
    void_query, background_query, void_around_one_pixel, no_background]
SHAPES = {  # ways, shots, size of the feature map, size of the image
    '1-way 1-shot': (1, 1, (5, 6), (33, 42)),
    '2-way 2-shot': (2, 2, (5, 6), (33, 42)),
    'one cell': (1, 2, (1, 1), (8, 8)),
    'one pixel': (2, 1, (1, 1), (1, 1)),
}


def spoiled_episode(spoil, shape):
    """Make an episode in float32 in which each support has its way."""
    ways, shots, size, image = SHAPES[shape]
    features, samples = random_episodes(
        1, ways, shots, 1, size=size, image=image)
    features = features.float()
    for sample in samples:
        if sample.role == 'support':
            sample.gt_sem_seg.data[:, -1, -1] = sample.way
    spoil(features, samples)
    return features, samples, [shots] * ways


@pytest.mark.parametrize('classifier', CLASSIFIERS)
@pytest.mark.parametrize('spoil', SPOILS)
@pytest.mark.parametrize('shape', SHAPES)
def test_losses_and_gradients_are_finite(shape, spoil, classifier):
    features, samples, _ = spoiled_episode(spoil, shape)
    for mask_source in ('prediction', 'true'):
        head = PANetHead(
            8, classifier=CLASSIFIERS[classifier], loss_align=dict(
                type='PrototypeAlignmentLoss', mask_source=mask_source))
        leaf = features.clone().requires_grad_()
        losses = head.train().loss([leaf], samples)
        gradient, = torch.autograd.grad(
            losses['loss_seg'] + losses['loss_align'], leaf)
        assert all(one.isfinite() for one in losses.values())
        assert gradient.isfinite().all()


@torch.no_grad()
@pytest.mark.parametrize('classifier', CLASSIFIERS)
@pytest.mark.parametrize('spoil', SPOILS)
@pytest.mark.parametrize('shape', SHAPES)
def test_predictions_are_finite_in_every_step(shape, spoil, classifier):
    features, samples, shots = spoiled_episode(spoil, shape)
    head = PANetHead(8, classifier=CLASSIFIERS[classifier]).eval()
    assert head.predict_episodes([features], samples).isfinite().all()
    head.fit([features[:-1]], samples[:-1])
    assert head([features]).isfinite().all()
    # The test loop adds up the statistics of classes, in float64.
    supports, labels = features[:-1], head.labels(samples[:-1])
    tables = head.class_statistics(supports, labels, len(shots))
    pairs = stack([
        tables.each(itemgetter(i)).masks([0, *(
            way for way in range(1, 1 + len(shots)) if way != sample.way),
            sample.way]).pair()
        for i, sample in enumerate(samples[:-1])])
    pairs = pairs.each(lambda one: one[None].float())
    fitted = head.classifier.fit(pairs, shots)
    calibrate(
        fitted, pairs.class_means(shots), head.classifier.unit_cells)
    logits = head.match(features[-1:], fitted)
    assert logits.isfinite().all()
    # A photograph of one colour, and one of noise.
    size = samples[-1].img_shape
    metainfo = dict(img_shape=size, ori_shape=size)
    for image in (torch.zeros(3, *size), torch.rand(3, *size)):
        filtered = EdgeFilter()(logits[0], image, metainfo)
        assert filtered.cells.isfinite().all()
    probabilities = LogitMap.from_cells(logits[0], metainfo).rows().softmax(0)
    assert (probabilities.sum(0) - 1).abs().max() < 1e-5


@torch.no_grad()
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('levels', [
    dict(in_channels=8), dict(in_channels=[8, 8], in_index=[0, 1])])
@pytest.mark.parametrize('classifier', CLASSIFIERS)
def test_sums_of_the_largest_half_values_do_not_overflow(
        classifier, levels, dtype):
    # 65504 is the largest float16: one square or two cells are beyond it.
    features, samples, _ = spoiled_episode(largest_half, '2-way 2-shot')
    half = features.to(dtype)
    assert half.isfinite().all() and (half * half).isinf().any() == (
        dtype == torch.float16)
    head = PANetHead(**levels, classifier=CLASSIFIERS[classifier])
    outcomes = []
    for inputs, enabled in (([half] * 2, True), ([half.double()] * 2, False)):
        with torch.autocast('cpu', dtype=torch.bfloat16, enabled=enabled):
            losses = head.train().loss(inputs, samples)
            logits = head.eval().predict_episodes(inputs, samples)
            head.fit([one[:-1] for one in inputs], samples[:-1])
            outcomes.append([
                losses['loss_seg'], losses['loss_align'], logits,
                head(inputs)])
    for found, exact in zip(*outcomes, strict=True):
        assert found.dtype == torch.float32
        torch.testing.assert_close(
            found.double(), exact, rtol=1e-3,
            atol=1e-3 * float(exact.abs().max()))
