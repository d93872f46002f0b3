import plain_discriminant as plain
import pytest
import torch
import torch.nn.functional as F

from mmseg_panet.models import SupportStatistics
from mmseg_panet.models.scatter import class_scatter

SHOTS = [2, 3]


def case(channels=6, size=(3, 4), dtype=torch.float64, seed=0):
    """Create five supports, one without background and one without way."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(
        5, channels, *size, generator=generator, dtype=torch.float64)
    weights = torch.rand(
        5, 2, *size, generator=generator, dtype=torch.float64)
    weights[1, 1] = weights[3, 0] = 0
    return features.to(dtype), weights.to(dtype)


def statistics_of(features, weights, rank=None, valid=None):
    return SupportStatistics.from_weights(
        features, weights, ('moments',), True, rank, valid)


def smooth(size=(16, 16), channels=48):
    """Create features and weights with cells in few directions."""
    features, weights = case(channels, size)
    decay = 0.8**torch.arange(channels).double()
    turn, _ = torch.linalg.qr(torch.randn(
        channels, channels, generator=torch.Generator().manual_seed(9),
        dtype=torch.float64))
    means = 2 * torch.rand(
        5, channels, 1, 1, generator=torch.Generator().manual_seed(8))
    features = features * decay[:, None, None]
    return torch.einsum('ij,njhw->nihw', turn, features) + means, weights


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_means_and_scatter_equal_the_plain_equations(dtype):
    features, weights = case(dtype=dtype)
    means, scatter, complete = class_scatter(
        statistics_of(features, weights), SHOTS)
    expected = plain.classes_of([
        (plain.unit(one), back.flatten(), way.flatten())
        for one, (back, way) in zip(features, weights, strict=True)], SHOTS)
    assert means.dtype == scatter.dtype == dtype and complete
    tolerance = 1e-6 if dtype == torch.float32 else 1e-12
    for found, plainly in (
            (means, torch.stack(expected[0])),
            (scatter, plain.scatter_of(*expected))):
        torch.testing.assert_close(
            found.double(), plainly, rtol=tolerance, atol=tolerance)


def test_leading_dimensions_are_those_of_episodes():
    features, weights = case()
    statistics = statistics_of(features, weights)
    batch = statistics.each(lambda one: torch.stack([one, one.flip(0)]))
    together = class_scatter(batch, SHOTS)
    for i, order in enumerate((slice(None), [4, 3, 2, 1, 0])):
        alone = class_scatter(
            statistics.each(lambda one, o=order: one[o]), SHOTS)
        for one, other in zip(together, alone, strict=True):
            torch.testing.assert_close(one[i], other)


@pytest.mark.parametrize('area', [1e-10, 1e-4, 1e6])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_the_area_of_a_mask_does_not_matter(area, dtype):
    """It may be that of a corner of a cell, or of a photograph."""
    features, weights = case(dtype=dtype)
    expected = class_scatter(statistics_of(features, weights), SHOTS)
    weights[:, 1] *= area
    weights[2, 0] *= area
    found = class_scatter(statistics_of(features, weights), SHOTS)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('mask', [0, 1])
def test_a_class_without_a_pixel_is_reported(mask):
    features, weights = case()
    weights[:, mask] = 0
    means, scatter, complete = class_scatter(
        statistics_of(features, weights), SHOTS)
    assert not complete
    assert not means[slice(1) if mask == 0 else slice(1, None)].any()
    assert scatter.isfinite().all()


@pytest.mark.parametrize('rank', [6, 7])
def test_as_many_axes_as_channels_are_the_channels(rank):
    features, weights = case()
    statistics = statistics_of(features, weights, rank)
    assert statistics.axes is None
    for one, other in zip(
            class_scatter(statistics, SHOTS),
            class_scatter(statistics_of(features, weights), SHOTS),
            strict=True):
        assert torch.equal(one, other)


def test_as_many_axes_as_cells_lose_only_half_precision():
    features, weights = case(channels=9, size=(2, 2))
    statistics = statistics_of(features, weights, 4)
    assert statistics.moments.shape == (5, 2, 4, 4)
    means, scatter, _ = class_scatter(statistics, SHOTS)
    expected = class_scatter(statistics_of(features, weights), SHOTS)
    assert torch.equal(means, expected[0])
    torch.testing.assert_close(scatter, expected[1], rtol=0, atol=3e-4)


@pytest.mark.parametrize(('rank', 'lost'), [(8, 0.2), (16, 0.05)])
def test_main_axes_keep_most_of_the_scatter_and_all_of_the_means(rank, lost):
    features, weights = smooth()
    means, scatter, _ = class_scatter(
        statistics_of(features, weights, rank), SHOTS)
    exact = class_scatter(statistics_of(features, weights), SHOTS)
    assert torch.equal(means, exact[0])
    assert (1 - lost) * exact[1].trace() < scatter.trace() < exact[1].trace()
    # Only scatter is lost: nothing is added, and nothing is negative.
    assert torch.linalg.eigvalsh(scatter).min() > -1e-12
    assert torch.linalg.eigvalsh(exact[1] - scatter).min() > (
        -1e-3 * exact[1].trace())
    assert torch.linalg.matrix_norm(exact[1] - scatter, 2) < (
        lost * torch.linalg.matrix_norm(exact[1], 2))


def test_the_order_of_the_shots_of_a_way_does_not_matter():
    features, weights = smooth((4, 4), 12)
    order = [1, 0, 4, 2, 3]
    for rank in (None, 4):
        for one, other in zip(
                class_scatter(statistics_of(features, weights, rank), SHOTS),
                class_scatter(statistics_of(
                    features[order], weights[order], rank), SHOTS),
                strict=True):
            torch.testing.assert_close(one, other)


def test_statistics_without_moments_are_named():
    statistics = SupportStatistics(torch.ones(1, 2), torch.ones(1, 2, 3))
    with pytest.raises(ValueError, match="add 'moments' to the needs"):
        class_scatter(statistics, [1])


def test_a_gradient_is_that_of_the_plain_equations():
    features, weights = case(channels=3, size=(1, 2))
    weights[1, 1] = 0.5  # gradcheck requires a gradient of every support

    def scatter(features):
        means, found, _ = class_scatter(
            statistics_of(features, weights), SHOTS)
        return means, found

    assert torch.autograd.gradcheck(scatter, features.requires_grad_())
    unit = F.normalize(features, dim=1).detach()
    assert scatter(features)[1].trace() < unit.square().sum()
