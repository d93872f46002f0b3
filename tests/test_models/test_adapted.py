"""Adaptations, compared with their plain equations."""
from operator import itemgetter

import plain_discriminant as plain
import pytest
import torch
from support_parts import NEEDS, case, parts_of

from mmseg_panet.models import (
    AutoClassifier,
    DiscriminantClassifier,
    QueryRefinement,
)
from mmseg_panet.models.adapted import (
    CertainCellFinder,
    certain_statistics,
    weigh_adapted,
)
from mmseg_panet.models.negatives import add_negatives
from mmseg_panet.models.scatter import class_scatter
from mmseg_panet.models.statistics import stack

NUMBERS = [3, 4]
"""Rows of two ways: a support and two images, three supports and an image."""
IS_ADAPTED = [False, True, True, False, False, False, True]


def rows():
    """Create seven rows; one image has no background, another is large."""
    features, weights = case(7, 2, seed=3)
    weights[1, 0] = 0
    weights[2] *= 1000
    return features, weights


def mean_of(pairs):
    return tuple(sum(one) / len(pairs) for one in zip(*pairs, strict=True))


def plainly(share, negative_share=None):
    """Compute means and moments of the classes by the equation."""
    found = [
        [plain.moments_of(plain.unit(one), mask.flatten()) for mask in masks]
        for one, masks in zip(*rows(), strict=True)]

    def mixed(mask, chosen):
        supports = [found[i][mask] for i in chosen if not IS_ADAPTED[i]]
        images = [found[i][mask] for i in chosen
                  if IS_ADAPTED[i] and (i, mask) != (1, 0)]
        return [(1 - share) * one + share * other for one, other in zip(
            mean_of(supports), mean_of(images), strict=True)]

    classes = [mixed(0, range(7)), mixed(1, range(3)), mixed(1, range(3, 7))]
    if negative_share is not None:
        features, weights = case(2, 1, seed=4)
        none = mean_of([
            plain.moments_of(plain.unit(one), every.flatten())
            for one, every in zip(features, weights, strict=True)])
        classes[0] = [
            (1 - negative_share) * one + negative_share * other
            for one, other in zip(classes[0], none, strict=True)]
    return map(list, zip(*classes, strict=True))


@pytest.mark.parametrize('needs', NEEDS)
@pytest.mark.parametrize('share', [0.2, 0.5, 1.0])
@pytest.mark.parametrize('negative_share', [None, 0.3])
def test_classes_are_the_mixtures_of_the_equation(
        needs, share, negative_share):
    negatives = [] if negative_share is None else parts_of(
        *case(2, 1, seed=4), needs)
    weighed = weigh_adapted(
        add_negatives(
            parts_of(*rows(), needs), negatives, negative_share or 0),
        IS_ADAPTED, NUMBERS, share)
    means, scatter, complete = class_scatter(weighed, NUMBERS)
    expected, moments = plainly(share, negative_share)
    assert complete
    torch.testing.assert_close(means, torch.stack(expected))
    torch.testing.assert_close(scatter, plain.scatter_of(expected, moments))
    # Prototypes add 1e-5 to an area.
    torch.testing.assert_close(
        weighed.class_means(NUMBERS), means, rtol=1e-4, atol=1e-5)


def test_the_default_share_is_half_of_a_class():
    weighed = weigh_adapted(stack(parts_of(*rows())), IS_ADAPTED, NUMBERS)
    torch.testing.assert_close(
        class_scatter(weighed, NUMBERS)[0],
        torch.stack(list(plainly(0.5))[0]))


def test_a_way_without_images_keeps_its_supports():
    is_adapted = [False, True, True, False, False, False, False]
    statistics = stack(parts_of(*rows()))
    found = class_scatter(
        weigh_adapted(statistics, is_adapted, NUMBERS), NUMBERS)[0]
    torch.testing.assert_close(
        found[2], class_scatter(statistics, NUMBERS)[0][2])
    assert weigh_adapted(statistics, [False] * 7, NUMBERS) is statistics


@pytest.mark.parametrize('classifier', [
    DiscriminantClassifier(), QueryRefinement(), AutoClassifier()],
    ids=lambda one: type(one).__name__)
def test_every_classifier_finds_more_of_a_class_after_adaptation(classifier):
    """There is a single support, so that the images have a large effect."""
    features, weights = case(4, 2, seed=6)
    parts = parts_of(features, weights)

    def own(share):
        weighed = weigh_adapted(
            stack(parts), [False, True, True, True], [4], share)
        fitted = classifier.fit(weighed.each(itemgetter(None)), [4])
        logits = fitted(features[1:])
        return ((logits[:, 1] - logits[:, 0])
                * (weights[1:, 1] - weights[1:, 0])).mean()

    assert own(0) < own(0.5)


def test_the_most_certain_third_of_each_class_is_selected():
    """Cells are selected by the margins of the logits, without padding.

    6 of the way's 21 cells are kept, and 4, the minimum, of the background's
    8 cells.
    """
    ways = torch.zeros(5, 6, dtype=torch.float64)
    ways.view(-1)[:21] = torch.arange(21).double() % 7 + 1
    ways.view(-1)[21:29] = -torch.arange(1, 9).double()
    ways.view(-1)[29] = 99
    valid = torch.ones(5, 6, dtype=torch.bool)
    valid[4, 5] = False
    features, weights = case(2, 2, seed=7, size=(5, 6))
    finder = CertainCellFinder(stack(parts_of(features, weights)), [2])
    found, = finder.find(
        features[0], torch.stack([torch.zeros_like(ways), ways]), valid)
    background, way = found.weights.flatten(1)
    # The cells with the logits 7 and 6.
    assert way.nonzero().flatten().tolist() == [5, 6, 12, 13, 19, 20]
    assert background.nonzero().flatten().tolist() == [25, 26, 27, 28]
    assert found.way == 0


def test_the_reach_is_one_at_the_mean_of_the_class():
    """It is -1 at the mean of the background."""
    corners = torch.tensor([[0., 1, 0], [1, 0, 0]]).double()
    features = corners.T[:, None].repeat(1, 2, 4)  # (3, 2, 8)
    features = features + 1e-3 * torch.rand(
        features.shape, generator=torch.Generator().manual_seed(0))
    weights = (torch.arange(8) % 2 == torch.tensor([[0], [1]])).double()
    weights = weights[:, None].repeat(1, 2, 1)
    statistics = stack(parts_of(features[None], weights[None]))
    finder = CertainCellFinder(statistics, [1])
    valid = torch.ones(2, 8, dtype=torch.bool)
    for logits, expected in ((weights, 1), (weights.flip(0), -1)):
        found, = finder.find(features, logits, valid)
        assert found.reach == pytest.approx(expected, abs=0.05)


def test_an_image_is_used_for_ways_about_as_large_as_its_largest():
    """The ways have 10, 8, 7 and 3 cells, of which 3 are always too few."""
    labels = torch.tensor([1] * 10 + [2] * 8 + [3] * 7 + [4] * 3).view(4, 7)
    logits = torch.nn.functional.one_hot(labels, 5).permute(2, 0, 1).double()
    features, weights = case(4, 2, seed=8, size=(4, 7))
    finder = CertainCellFinder(
        stack(parts_of(features, weights)), [1, 1, 1, 1])
    valid = torch.ones(4, 7, dtype=torch.bool)
    found = list(finder.find(features[0], logits, valid))
    assert [one.way for one in found] == [0, 1]
    assert [one.weights.sum((1, 2)).tolist() for one in found] == [[0, 4]] * 2
    few = logits.where(labels == 4, 0)
    few[0] += labels != 4
    assert not list(finder.find(features[0], few, valid))


def test_certain_cells_have_the_statistics_of_supports():
    features, weights = case(1, 2, seed=9)
    mask = (weights[0] > 0.5).double()
    found = certain_statistics(
        DiscriminantClassifier(rank=None), features[0], mask)
    for k in range(2):
        cells = torch.stack(plain.unit(features[0]))[mask[k].flatten() > 0]
        assert found.areas[k] == len(cells)
        torch.testing.assert_close(found.sums[k], cells.sum(0))
        torch.testing.assert_close(found.moments[k], cells.T @ cells)
