import pytest
import torch

from mmseg_panet.models import SupportStatistics
from mmseg_panet.models.classifiers import QueryRefinement
from mmseg_panet.models.classifiers.refined_discriminant import (
    added_query,
    mixed_scatter,
)


def test_a_query_with_a_share_is_the_mixture_of_both_by_hand():
    """The query has one class in two dimensions.

    Its cells (1, 0) and (0, 1) have the same weight, so that their mean is
    (.5, .5) and their scatter [[.25, -.25], [-.25, .25]]. The mean of the
    support is (.5, 0) and its scatter diag(.1, .1). With equal weights, the
    mean is (.5, .25), and the scatter is half of both plus diag(0, .0625),
    as the two means are (0, .25) away from the common one.
    """
    added = added_query(
        torch.tensor([[[.5, 0]]]), torch.eye(2)[None],
        torch.tensor([[[.5, .5]]]), 0.5)
    scatter = mixed_scatter(.1 * torch.eye(2)[None], added)
    torch.testing.assert_close(added.means, torch.tensor([[[.5, .25]]]))
    torch.testing.assert_close(scatter, torch.tensor(
        [[[.175, -.125], [-.125, .175 + .0625]]]))


def test_a_class_that_is_not_refined_keeps_its_mean():
    means = torch.tensor([[[.5, 0], [.1, .3]], [[1, 2], [3, 4.]]])
    scatter = torch.eye(2).expand(2, 2, 2)
    weights = torch.tensor([[[0., 0], [1, 0]], [[0, 0], [0, 0]]])
    added = added_query(means, torch.eye(2).expand(2, 2, 2), weights, 0.2)
    found, mixed = added.means, mixed_scatter(scatter, added)
    assert torch.equal(found[0, 0], means[0, 0])
    assert not torch.equal(found[0, 1], means[0, 1])
    # An episode without any cell also keeps its scatter.
    assert torch.equal(found[1], means[1])
    assert torch.equal(mixed[1], scatter[1])


def statistics_of(shots, episodes, channels=12, dtype=torch.float64):
    """Create statistics of supports that show their way in one half."""
    generator = torch.Generator().manual_seed(0)
    number = sum(shots) * episodes
    features = torch.randn(
        number, channels, 4, 5, generator=generator, dtype=dtype)
    way = torch.zeros(number, 4, 5, dtype=dtype)
    way[:, :2] = 1
    for i in range(number):
        features[i, 1 + i % len(shots), :2] += 2
    return SupportStatistics.from_weights(
        features, torch.stack([1 - way, way], 1), ('moments',), True).each(
            lambda one: one.unflatten(0, (episodes, -1)))


@pytest.fixture
def by_steps(monkeypatch):
    """A function that sets the minimum channels of conjugate gradients."""
    def solve(channels):
        monkeypatch.setattr(
            'mmseg_panet.models.classifiers.refined_discriminant.'
            '_MANY_CHANNELS', channels)
    return solve


@pytest.mark.parametrize('settings', [
    dict(), dict(shrinkage=0.3, share=0.7), dict(present=0.0, prior=0.0),
    dict(start=dict(type='PrototypeClassifier'))])
@pytest.mark.parametrize('shots', [[3], [2, 1, 2]])
def test_conjugate_gradients_and_factors_give_the_same_logits(
        shots, settings, by_steps):
    """There are several episodes with several queries each."""
    statistics = statistics_of(shots, 2)
    queries = torch.randn(
        4, 12, 6, 7, generator=torch.Generator().manual_seed(1),
        dtype=torch.float64)
    queries[:, 1, :3] += 2
    queries[3] = queries[3, :, :1, :1]  # one class gets all of its cells
    found = []
    for channels in (13, 12):
        by_steps(channels)
        fitted = QueryRefinement(**settings).fit(statistics, shots)
        assert (fitted.solver.inverse is None) == (channels == 13)
        found.append(fitted(queries))
        one = fitted(queries[:1])
        torch.testing.assert_close(one[0], found[-1][0])
    torch.testing.assert_close(found[1], found[0], rtol=1e-9, atol=1e-9)


def test_prototypes_replace_a_class_without_a_cell(by_steps):
    by_steps(1)
    statistics = statistics_of([1], 2)
    statistics.areas[0, :, 1] = 0
    statistics.sums[0, :, 1] = 0
    statistics.moments[0, :, 1] = 0
    queries = torch.randn(2, 12, 4, 4, dtype=torch.float64)
    fitted = QueryRefinement().fit(statistics, [1])
    by_steps(13)
    expected = QueryRefinement().fit(statistics, [1])
    for found, other in ((fitted(queries), expected(queries)),
                         (fitted.start(queries), expected.start(queries))):
        assert found.isfinite().all()
        torch.testing.assert_close(found, other)


def test_a_gradient_uses_the_factor(by_steps):
    by_steps(1)
    statistics = statistics_of([2], 1).each(
        lambda one: one.requires_grad_())
    fitted = QueryRefinement().fit(statistics, [2])
    assert fitted.solver.inverse is None
    fitted(torch.randn(1, 12, 4, 4, dtype=torch.float64)).sum().backward()
    assert statistics.moments.grad.abs().sum() > 0


def test_a_small_shrinkage_uses_the_factor(by_steps):
    by_steps(1)
    for shrinkage, steps in ((0.1, True), (0.09, False)):
        solver = QueryRefinement(shrinkage=shrinkage).fit(
            statistics_of([2], 1), [2]).solver
        assert (solver.inverse is not None) == steps
