import plain_discriminant as plain
import pytest
import torch
import torch.nn.functional as F

from mmseg_panet.models import LinearClassifier, SupportStatistics
from mmseg_panet.models.classifiers import (
    AutoClassifier,
    Classifier,
    DiscriminantClassifier,
    PrototypeClassifier,
    QueryRefinement,
)
from mmseg_panet.models.temperature import (
    SEPARATION,
    calibrate,
    calibrated_scale,
    separation,
)

CLASSIFIERS = [
    PrototypeClassifier(scale=3.0),
    PrototypeClassifier('squared_euclidean', scale=3.0),
    DiscriminantClassifier(scale=3.0),
    QueryRefinement(scale=3.0),
    QueryRefinement(rounds=0, scale=3.0),
    QueryRefinement(rounds=0, prior=0, scale=3.0),
    QueryRefinement(dict(type='PrototypeClassifier'), prior=0, scale=3.0),
    AutoClassifier(scale=3.0),
]


def random_supports(classifier, shots, episodes=1, factor=1.0, seed=0):
    """Create statistics (B, N) of random features, and queries."""
    generator = torch.Generator().manual_seed(seed)
    features, queries = (
        factor * torch.randn(
            number, 6, 3, 4, generator=generator, dtype=torch.float64)
        for number in (episodes * sum(shots), 2 * episodes))
    weights = torch.rand(
        len(features), 2, 3, 4, generator=generator, dtype=torch.float64)
    found = SupportStatistics.from_weights(
        features, weights, classifier.needs, classifier.unit_cells)
    return found.each(lambda one: one.unflatten(0, (episodes, -1))), queries


def calibrated(classifier, supports, shots):
    fitted = classifier.fit(supports, shots)
    calibrate(fitted, supports.class_means(shots), classifier.unit_cells)
    return fitted


def test_the_expected_cross_entropy_of_normal_margins_is_least():
    """Cells are sampled from two classes with the same covariance S.

    Their means have a squared distance of 5. The discriminant is the
    logarithm of the ratio of their densities, so its factor is 1, and that
    of seven times the discriminant is 1/7.
    """
    generator = torch.Generator().manual_seed(0)
    root = torch.randn(4, 4, generator=generator, dtype=torch.float64)
    scatter = root @ root.T + torch.eye(4)
    step = torch.randn(4, generator=generator, dtype=torch.float64)
    step *= (5 / (step @ scatter.inverse() @ step)).sqrt()
    means = torch.stack([torch.ones(4), torch.ones(4) + step])
    weight = 7 * means @ scatter.inverse()
    scale = calibrated_scale(weight, means)
    torch.testing.assert_close(scale, torch.tensor(1 / 7).double())

    cells = means[:, None] + torch.randn(
        2, 20_000, 4, generator=generator,
        dtype=torch.float64) @ torch.linalg.cholesky(scatter).T
    logits = cells @ weight.T - (weight * means).sum(-1) / 2  # (2, n, 2)
    label = torch.arange(2)[:, None].expand(logits.shape[:2]).flatten()
    entropies = {
        factor: F.cross_entropy(
            factor * scale * logits.flatten(0, 1), label).item()
        for factor in (0.5, 0.7, 0.85, 1, 1.2, 1.4, 2)}
    assert min(entropies, key=entropies.get) == 1


def test_the_separation_is_the_gain_of_the_margins_between_the_means():
    weight = torch.tensor([[1., 0.], [0., 2.], [3., 1.]])
    means = torch.tensor([[1., 1.], [0., 3.], [1., 2.]])
    # (-1, 2) . (-1, 2) = 5 and (2, 1) . (0, 1) = 1.
    assert separation(weight, means).tolist() == [5, 1]
    # 5 / ((5 + 1) / 2).
    assert calibrated_scale(weight, means).item() == pytest.approx(5 / 3)


@pytest.mark.parametrize('shots', [[1], [4], [1, 3]])
@pytest.mark.parametrize('classifier', CLASSIFIERS)
def test_calibration_keeps_labels_and_undoes_factors_of_logits(
        classifier, shots):
    supports, queries = random_supports(classifier, shots)
    before = classifier.fit(supports, shots)(queries)
    after = calibrated(classifier, supports, shots)(queries)
    assert torch.equal(before.argmax(1), after.argmax(1))
    # There is one factor per image, which replaces the scale of 3.
    factors = (after / before).flatten(1)
    torch.testing.assert_close(
        factors, factors[:, :1].expand_as(factors))
    assert (factors > 0).all() and not torch.allclose(
        factors, torch.ones_like(factors))
    classifier = type(classifier)(
        **{key: value for key, value in classifier.settings().items()
           if key not in ('type', 'scale')}, scale=0.2)
    torch.testing.assert_close(
        calibrated(classifier, supports, shots)(queries), after)


@pytest.mark.parametrize('classifier', CLASSIFIERS)
def test_a_batch_of_episodes_is_calibrated_like_each_alone(classifier):
    shots = [2, 1]
    supports, queries = random_supports(classifier, shots, episodes=3)
    together = calibrated(classifier, supports, shots)
    of_one_image = together(queries[:1])
    logits = together(queries)
    for i in range(3):
        alone = calibrated(
            classifier, supports.each(lambda one, i=i: one[i:i + 1]), shots)
        torch.testing.assert_close(
            logits[2 * i:2 * i + 2], alone(queries[2 * i:2 * i + 2]))
        torch.testing.assert_close(of_one_image[i:i + 1], alone(queries[:1]))


@pytest.mark.parametrize('shots', [[1], [3, 2]])
def test_the_scale_of_prototypes_depends_on_their_directions(shots):
    """It is 8 / |p1 / |p1| - p0 / |p0||^2 for features of any length."""
    classifier = PrototypeClassifier()
    supports, queries = random_supports(classifier, shots)
    fitted = calibrated(classifier, supports, shots)
    means = F.normalize(supports.class_means(shots)[0], dim=-1)
    apart = (means[1:] - means[:1]).square().sum(-1).mean()
    torch.testing.assert_close(fitted.weight[0], 8 / apart * means)
    assert fitted.scale == 1
    longer, queries = random_supports(classifier, shots, factor=30)
    torch.testing.assert_close(
        calibrated(classifier, longer, shots)(queries), fitted(queries))


def test_the_weight_and_bias_of_a_linear_classifier_are_scaled():
    for classifier in CLASSIFIERS[1:3]:
        supports, _ = random_supports(classifier, [2, 3], episodes=2)
        fitted = calibrated(classifier, supports, [2, 3])
        found = separation(
            fitted.weight, supports.class_means([2, 3]))
        torch.testing.assert_close(
            found.mean(-1), torch.full((2,), SEPARATION).double())
        before = classifier.fit(supports, [2, 3])
        torch.testing.assert_close(
            fitted.bias / before.bias,
            (fitted.weight / before.weight)[..., 0])


def test_without_rounds_the_factor_of_the_start_is_also_undone():
    logits = []
    for scale in (3.0, 7.0):
        classifier = QueryRefinement(
            dict(type='PrototypeClassifier', scale=scale), rounds=0, prior=0)
        supports, queries = random_supports(classifier, [2, 3])
        logits.append(calibrated(classifier, supports, [2, 3])(queries))
    torch.testing.assert_close(*logits)


def test_each_query_has_the_scale_of_its_refined_classes():
    """One round is compared with the plain equations."""
    generator = torch.Generator().manual_seed(3)
    features = torch.randn(2, 4, 3, 4, generator=generator).double()
    weights = torch.rand(2, 2, 3, 4, generator=generator).double()
    queries = torch.randn(2, 4, 5, 5, generator=generator).double()
    method = QueryRefinement(rounds=1, prior=0)
    supports = SupportStatistics.from_weights(
        features, weights, ('moments',), True).each(lambda one: one[None])
    before = method.fit(supports, [2])(queries)
    after = calibrated(method, supports, [2])(queries)
    means, moments = plain.classes_of([
        (plain.unit(one), back.flatten(), way.flatten())
        for one, (back, way) in zip(features, weights, strict=True)], [2])
    start = plain.fit(means, moments)
    for i, query in enumerate(queries):
        cells = plain.unit(query)
        kept = plain.certain_cells(plain.logits_of(cells, *start), 0.3)
        assert all(kept)
        parts = [plain.moments_of([cells[m] for m in some], [1] * len(some))
                 for some in kept]
        mixed = [[0.8 * a + 0.2 * part[j] for a, part in zip(
            of_supports, parts, strict=True)]
            for j, of_supports in enumerate((means, moments))]
        weight, _ = plain.fit(*mixed)
        gain = (weight[1] - weight[0]) @ (mixed[0][1] - mixed[0][0])
        torch.testing.assert_close(after[i], 5 / gain * before[i])


def test_means_that_differ_by_rounding_give_equal_probabilities():
    means = torch.ones(1, 2, 4) / 2
    means[0, 1, 0] += 1e-7
    fitted = LinearClassifier(F.normalize(means, dim=-1), normalise=True)
    calibrate(fitted, means, True)
    probability = fitted(torch.randn(1, 4, 9, 9)).softmax(1)
    assert (probability - 0.5).abs().max() < 1e-3
    fitted = LinearClassifier(torch.zeros(1, 2, 4))
    calibrate(fitted, torch.zeros(1, 2, 4), False)
    assert (fitted(torch.randn(1, 4, 2, 2)) == 0).all()


@pytest.mark.parametrize('classifier', CLASSIFIERS)
def test_calibration_is_idempotent_and_can_be_moved(
        classifier):
    supports, queries = random_supports(classifier, [2])
    fitted = calibrated(classifier, supports, [2])
    once = fitted(queries)
    calibrate(fitted, supports.class_means([2]), classifier.unit_cells)
    torch.testing.assert_close(fitted(queries), once)
    moved = fitted.to('meta')(queries.to('meta'))
    assert moved.is_meta and moved.shape == once.shape


def test_classes_without_a_temperature_keep_their_logits():
    class Other(Classifier):
        def logits(self, features, supports, shots):
            return features[:, :2]

    supports, queries = random_supports(Other(), [2])
    assert torch.equal(
        calibrated(Other(), supports, [2])(queries), queries[:, :2])
