"""docs/equations.md has the equations that the code computes.

Each section has a test, which writes its equations in numpy.
"""
import importlib
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from flat_episodes import random_episodes
from markdown_pages import REPO
from numpy.linalg import norm
from plain_panet import up

from mmseg_panet.inference.results.prediction import predict_classes
from mmseg_panet.models import PANetHead, SupportStatistics
from mmseg_panet.models.adapted import weigh_adapted
from mmseg_panet.models.classifiers import (
    DiscriminantClassifier,
    PrototypeClassifier,
    QueryRefinement,
)
from mmseg_panet.models.classifiers.discriminant import discriminant
from mmseg_panet.models.classifiers.presence import reach
from mmseg_panet.models.classifiers.query_refinement import class_shares
from mmseg_panet.models.classifiers.refined_discriminant import (
    added_query,
    mixed_scatter,
)
from mmseg_panet.models.guided_filter import guided_filter
from mmseg_panet.models.logit_map import LogitMap
from mmseg_panet.models.negatives import add_negatives
from mmseg_panet.models.resize import pooling, size_metainfo
from mmseg_panet.models.scatter import class_scatter
from mmseg_panet.models.segmentation_loss import SegmentationLoss
from mmseg_panet.models.temperature import calibrated_scale

PAGE = (REPO / 'docs/equations.md').read_text(encoding='utf-8')
SIZE, IMAGE = (3, 4), (9, 10)
TESTED = {
    'Prototypes': 2, 'Pooling without resized features': 3, 'Matching': 3,
    'Training': 3, 'Discriminant': 3, 'Refinement by the query': 2,
    'Shares of the classes': 1, 'Presence': 1, 'Negatives and adaptation': 1,
    'Edges': 1, 'Temperature': 1}
"""How many equations of each section a test below has."""


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def tensor(values):
    return torch.from_numpy(np.array(values))


def equal(found, expected):
    np.testing.assert_allclose(np.asarray(found), expected, atol=1e-10)


def softmax(logits, axis=0):
    powers = np.exp(logits)
    return powers / powers.sum(axis, keepdims=True)


def two_supports(rng):
    """Features (2, 5, h, w), labels (2, H, W) and the statistics of a way."""
    features = rng.normal(size=(2, 5, *SIZE))
    labels = rng.integers(0, 2, (2, *IMAGE))
    labels[:, 0] = 255
    resize = pooling(SIZE, size_metainfo(IMAGE), like=tensor(features))
    weights = resize.adjoint(tensor(np.stack(
        [labels == 0, labels == 1], 1).astype(float)))
    return features, labels, weights.numpy()


def statistics(features, weights, **settings):
    return SupportStatistics.from_weights(
        tensor(features), tensor(weights), **settings)


def moments(features, weights):
    """Means (K, C) and moments (K, C, C) of unit cells, shots alike."""
    u = (features / norm(features, axis=1, keepdims=True)).reshape(2, 5, -1)
    share = weights.reshape(2, 2, -1)
    share = share / share.sum(-1, keepdims=True)
    return (np.einsum('ncm,nkm->nkc', u, share).mean(0),
            np.einsum('ncm,ndm,nkm->nkcd', u, u, share).mean(0))


def test_every_equation_has_a_test():
    found = {
        section.split('\n')[0]: section.count('\n$$\n') // 2
        for section in PAGE.split('\n## ')[1:]}
    assert found == TESTED


def test_the_code_beside_each_equation_exists():
    links = re.findall(r'\[`([\w.]+)`\]\(\.\./([\w/]+)\.py\)', PAGE)
    assert len(links) == 25
    for name, path in links:
        found = importlib.import_module(path.replace('/', '.'))
        for part in name.split('.'):
            found = getattr(found, part)
        assert found.__doc__
    for section in PAGE.split('\n## ')[1:]:
        assert '\nCode: [`' in section


def test_the_pictures_are_small():
    names = re.findall(r'\]\((\w+\.(?:jpg|png))\)', PAGE)
    assert len(names) == 5
    files = [Path(REPO, 'docs', name) for name in names]
    assert sum(file.stat().st_size for file in files) < 450_000


def test_prototypes(rng):
    features, labels, weights = two_supports(rng)
    eps = 1e-5

    def pool(k):
        return [
            (up(tensor(f), IMAGE).numpy() * (label == k)).sum((1, 2))
            / (eps + (label == k).sum())
            for f, label in zip(features, labels, strict=True)]

    found = statistics(features, weights)
    equal(found.means()[:, 1], pool(1))
    equal(found.class_means([2]), [np.mean(pool(0), 0), np.mean(pool(1), 0)])
    # Two ways of a shot each: the background is the mean over both ways.
    equal(found.class_means([1, 1]), [np.mean(pool(0), 0), *pool(1)])


def test_pooling_without_resized_features(rng):
    features, mask = rng.normal(size=SIZE), rng.integers(0, 2, IMAGE) * 1.0
    resize = pooling(SIZE, size_metainfo(IMAGE), like=tensor(features))
    r, q = resize.rows.numpy(), resize.columns.numpy()
    assert r.shape == (9, 3) and q.shape == (10, 4)
    equal(resize(tensor(features)), r @ features @ q.T)
    equal(up(tensor(features)[None], IMAGE)[0], r @ features @ q.T)
    equal(resize.adjoint(tensor(mask)), r.T @ mask @ q)
    equal(((r @ features @ q.T) * mask).sum(),
          (features * (r.T @ mask @ q)).sum())


def test_matching(rng):
    features, _, weights = two_supports(rng)
    supports = statistics(features, weights).each(lambda one: one[None])
    p = supports.class_means([2])[0].numpy()
    f = rng.normal(size=5)
    query = tensor(f)[None, :, None, None]
    alpha = 20
    fitted = PrototypeClassifier().fit(supports, [2])
    equal(fitted(query).flatten(),
          alpha * (p @ f) / (norm(f) * norm(p, axis=1)))
    fitted = PrototypeClassifier('squared_euclidean', alpha).fit(
        supports, [2])
    squares = np.array([-alpha * norm(f - one)**2 for one in p])
    equal(squares, alpha * (2 * p @ f - (p**2).sum(1)) - alpha * f @ f)
    equal(fitted(query).flatten() - alpha * f @ f, squares)

    y = rng.normal(size=(2, *SIZE))
    logits = LogitMap.from_cells(tensor(y), size_metainfo(IMAGE))
    resized = up(tensor(y), IMAGE).numpy()
    found = predict_classes([logits], ('way',), keep_probabilities=True)
    equal(found.probabilities, softmax(resized))
    equal(logits.labels(), resized.argmax(0))


def test_training(rng):
    y = rng.normal(size=(1, 3, *IMAGE))
    labels = rng.integers(0, 3, IMAGE)
    labels[:2] = 255
    p, valid = softmax(y[0]), labels != 255
    of_label = np.take_along_axis(p, np.where(valid, labels, 0)[None], 0)[0]
    equal(SegmentationLoss()(tensor(y), tensor(labels)[None]),
          -np.log(of_label[valid]).sum() / valid.sum())

    ways, shots = 2, 1
    features, samples = random_episodes(1, ways, shots, 2)
    head = PANetHead(8)
    found = head.loss([features], samples)['loss_align']
    logits = head.predict_episodes([features], samples).numpy()
    predicted = logits.argmax(1)  # (Q, h, w)
    cells, loss = features.numpy(), 0
    for k in range(1, 1 + ways):
        q = []
        for c in (0, k):
            chosen = (predicted == c)[:, None]
            q.append((cells[ways * shots:] * chosen).sum((0, 2, 3))
                     / (1e-5 + chosen.sum()))
        support = cells[k - 1]
        cosines = 20 * np.einsum('kc,chw->khw', q, support) / (
            norm(q, axis=1)[:, None, None] * norm(support, axis=0))
        labels = samples[k - 1].gt_sem_seg.data[0].numpy()
        log_p = np.log(softmax(up(tensor(cosines), labels.shape).numpy()))
        loss -= (log_p[0][labels == 0].sum() + log_p[1][labels == k].sum()
                 ) / np.isin(labels, (0, k)).sum()
    equal(found, loss / (ways * shots))


def test_discriminant(rng):
    features, _, weights = two_supports(rng)
    p, m = moments(features, weights)
    sigma = np.mean([m[k] - np.outer(p[k], p[k]) for k in (0, 1)], 0)
    supports = statistics(features, weights, needs=['moments'], unit=True)
    means, scatter, complete = class_scatter(supports, [2])
    equal(means, p)
    equal(scatter, sigma)
    shrunk = sigma + 1.0 * np.trace(sigma) / 5 * np.eye(5)
    v = np.linalg.inv(shrunk) @ p.T  # (C, K)
    equal(discriminant(means, scatter, complete)[0], v.T)
    f = rng.normal(size=5)
    fitted = DiscriminantClassifier().fit(
        supports.each(lambda one: one[None]), [2])
    equal(fitted(tensor(f)[None, :, None, None]).flatten(),
          v.T @ (f / norm(f)) - (v.T * p).sum(1) / 2)


def test_refinement_by_the_query(rng):
    features, _, weights = two_supports(rng)
    supports = statistics(features, weights, needs=['moments'], unit=True)
    means, scatter, _ = class_scatter(supports, [2])
    p, sigma, beta = means.numpy(), scatter.numpy(), 0.2
    u = rng.normal(size=(6, 5))
    u /= norm(u, axis=1, keepdims=True)
    # The background has four certain cells, and the way has none.
    in_a = np.array([[1, 1, 0, 1, 1, 0], [0] * 6]) / 4
    added = added_query(
        means[None], tensor(u)[None], tensor(in_a)[None], beta)
    a = in_a[0] @ u
    equal(added.means[0], [(1 - beta) * p[0] + beta * a, p[1]])
    d, second = a - p[0], np.einsum('m,mi,mj->ij', in_a[0], u, u)
    equal(mixed_scatter(scatter[None], added)[0],
          (1 - beta) * sigma + beta / 1 * (
              second - np.outer(a, a) + (1 - beta) * np.outer(d, d)))
    settings = QueryRefinement()
    assert (settings.keep, settings.share, settings.rounds) == (0.3, 0.2, 3)
    assert settings.shrinkage == 1


def test_shares_of_the_classes(rng):
    y = rng.normal(size=(3, 20))
    share = np.full(3, 1 / 3)
    for _ in range(10):
        share = softmax(y + np.log(share)[:, None]).mean(1)
    equal(class_shares(tensor(y)[None])[0, :, 0], share)


def test_presence(rng):
    u = rng.normal(size=(500, 4))
    p = rng.normal(size=(2, 4))
    v = p * [1, 2, 3, 4]
    bias = -(p * v).sum(1) / 2
    margins = (v[1] - v[0]) @ u.T + bias[1] - bias[0]
    largest = np.sort(margins)[-5:]  # 1% of 500
    equal(reach(*(tensor(one)[None] for one in (u, p, v, bias))),
          [[2 / 5 * largest.sum() / ((v[1] - v[0]) @ (p[1] - p[0]))]])


def test_negatives_and_adaptation(rng):
    features, _, weights = two_supports(rng)
    supports = statistics(features, weights)
    one, other = (supports.each(lambda t, i=i: t[i]) for i in (0, 1))
    negative = other.masks(slice(1))
    equal(add_negatives([one], [negative]).class_means([1]),
          [0.9 * one.means()[0] + 0.1 * negative.means()[0],
           one.means()[1]])
    # The second one is an image without labels.
    equal(weigh_adapted(supports, [False, True], [2]).class_means([2]),
          (0.5 * one.means() + 0.5 * other.means()))


def test_edges(rng):
    z, guide = rng.normal(size=(7, 8)), rng.random((7, 8))
    radius, eps = 2, 1e-3

    def mean(values):
        return np.array([[values[
            max(0, i - radius):i + radius + 1,
            max(0, j - radius):j + radius + 1].mean() for j in range(8)]
            for i in range(7)])

    a = (mean(guide * z) - mean(guide) * mean(z)) / (
        mean(guide**2) - mean(guide)**2 + eps)
    b = mean(z) - a * mean(guide)
    equal(guided_filter(tensor(z), tensor(guide), radius, eps),
          mean(a) * guide + mean(b))


def test_temperature(rng):
    p = rng.normal(size=(3, 4))
    v = 2 * p
    d = np.mean([(v[k] - v[0]) @ (p[k] - p[0]) for k in (1, 2)])
    equal(calibrated_scale(tensor(v), tensor(p)), 5 / d)
