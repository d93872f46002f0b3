from dataclasses import replace
from operator import itemgetter

import plain_discriminant as plain
import pytest
import torch
from support_parts import NEEDS, case, parts_of

from mmseg_panet.errors import InputError
from mmseg_panet.models import (
    AutoClassifier,
    Classifier,
    DiscriminantClassifier,
    PrototypeClassifier,
    QueryRefinement,
    SupportStatistics,
)
from mmseg_panet.models.negatives import add_negatives
from mmseg_panet.models.scatter import class_scatter
from mmseg_panet.models.statistics import stack

SHOTS = [2, 3]


def supports():
    """Create five supports, one without background and one without way."""
    features, weights = case(5, 2, seed=0)
    weights[1, 1] = weights[3, 0] = 0
    return features, weights


def negatives():
    """Create three negatives, of which one is a large photograph."""
    features, weights = case(3, 1, seed=1)
    weights[2] *= 1000
    return features, weights


def plainly(share):
    """Compute means and moments of the classes by the equation."""
    means, moments = plain.classes_of([
        (plain.unit(one), background.flatten(), way.flatten())
        for one, (background, way) in zip(*supports(), strict=True)], SHOTS)
    found = [
        plain.moments_of(plain.unit(one), every.flatten())
        for one, every in zip(*negatives(), strict=True)]
    mean, moment = (sum(one) / 3 for one in zip(*found, strict=True))
    means[0] = (1 - share) * means[0] + share * mean
    moments[0] = (1 - share) * moments[0] + share * moment
    return means, moments


@pytest.mark.parametrize('needs', NEEDS)
@pytest.mark.parametrize('share', [0.1, 0.6, 1.0])
def test_the_background_is_the_mixture_of_the_equation(needs, share):
    added = add_negatives(
        parts_of(*supports(), needs), parts_of(*negatives(), needs), share)
    means, scatter, complete = class_scatter(added, SHOTS)
    expected, moments = plainly(share)
    assert complete
    torch.testing.assert_close(means, torch.stack(expected))
    torch.testing.assert_close(scatter, plain.scatter_of(expected, moments))


def test_the_default_share_is_a_tenth_of_the_background():
    added = add_negatives(parts_of(*supports()), parts_of(*negatives()))
    torch.testing.assert_close(
        class_scatter(added, SHOTS)[0], torch.stack(plainly(0.1)[0]))


def test_prototypes_have_the_same_background():
    """Prototypes add 1e-5 to an area."""
    added = add_negatives(
        parts_of(*supports(), ()), parts_of(*negatives(), ()), 0.3)
    torch.testing.assert_close(
        added.class_means(SHOTS)[0], plainly(0.3)[0][0], rtol=1e-4, atol=1e-5)
    without = stack(parts_of(*supports(), ()))
    assert torch.equal(
        added.class_means(SHOTS)[1:], without.class_means(SHOTS)[1:])


def test_main_axes_of_negatives_lose_nothing_but_scatter():
    added, exact = (
        class_scatter(add_negatives(
            parts_of(*supports(), rank=rank),
            parts_of(*negatives(), rank=rank), 0.3), SHOTS)
        for rank in (5, None))
    assert torch.equal(added[0], exact[0])
    assert 0.9 * exact[1].trace() < added[1].trace() < exact[1].trace()


def test_leading_dimensions_are_those_of_episodes():
    added = add_negatives(parts_of(*supports()), parts_of(*negatives()))
    alone = class_scatter(added, SHOTS)
    for one, other in zip(class_scatter(added.each(
            lambda one: torch.stack([one] * 2)), SHOTS), alone, strict=True):
        torch.testing.assert_close(one, torch.stack([other] * 2))


def test_without_negatives_statistics_are_those_of_the_supports():
    expected = stack(parts_of(*supports())).tensors()
    found = add_negatives(parts_of(*supports()), []).tensors()
    assert found.keys() == expected.keys() and 'shares' not in found
    for name, one in found.items():
        assert torch.equal(one, expected[name])


def test_a_share_of_zero_changes_nothing():
    expected = class_scatter(stack(parts_of(*supports())), SHOTS)
    for one, other in zip(class_scatter(add_negatives(
            parts_of(*supports()), parts_of(*negatives()), 0), SHOTS),
            expected, strict=True):
        torch.testing.assert_close(one, other)


def test_negatives_replace_a_missing_background_of_supports():
    features, weights = supports()
    weights[:, 0] = 0
    added = add_negatives(
        parts_of(features, weights), parts_of(*negatives()), 0.1)
    means, scatter, complete = class_scatter(added, SHOTS)
    assert complete and scatter.isfinite().all()
    torch.testing.assert_close(means[0], plainly(1.0)[0][0])
    torch.testing.assert_close(
        added.class_means(SHOTS)[0], means[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('classifier', [
    PrototypeClassifier(), DiscriminantClassifier(), QueryRefinement(),
    AutoClassifier()], ids=lambda one: type(one).__name__)
@pytest.mark.parametrize('shots', [[1], [2, 3]])
def test_every_classifier_finds_more_background_in_a_negative(
        classifier, shots):
    of_supports = parts_of(*supports())[:sum(shots)]
    of_negatives = parts_of(*negatives())
    query = negatives()[0][:1]

    def background(share):
        fitted = classifier.fit(add_negatives(
            of_supports, of_negatives, share).each(itemgetter(None)), shots)
        return fitted(query).softmax(1)[:, 0].mean()

    assert background(0) < background(0.6) - 0.01


def test_a_method_with_logits_does_not_support_negatives():
    class Reader(Classifier):
        def logits(self, features, supports, shots):
            return features[:, :2]

    supports = SupportStatistics(torch.ones(1, 2, 2), torch.ones(1, 2, 2, 3))
    assert Reader().fit(supports, [2]) is not None
    with pytest.raises(InputError, match='does not support negatives'):
        Reader().fit(replace(supports, shares=torch.ones(1, 2)), [1])
