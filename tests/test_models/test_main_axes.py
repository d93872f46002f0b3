import pytest
import torch
import torch.nn.functional as F

from mmseg_panet.errors import InputError
from mmseg_panet.models.main_axes import check_rank, main_axes


def photograph(cells=200, channels=24, seed=0):
    """Create unit cells (1, m, C) that are large in few directions.

    The largest direction is that of their mean, as for features after a
    ReLU.
    """
    generator = torch.Generator().manual_seed(seed)
    sizes = 0.7**torch.arange(channels, dtype=torch.float64)
    some = torch.randn(
        1, cells, channels, generator=generator, dtype=torch.float64)
    turn, _ = torch.linalg.qr(torch.randn(
        channels, channels, generator=generator, dtype=torch.float64))
    some[..., 0] += 3
    return F.normalize((some * sizes) @ turn, dim=2)


def kept(cells, weights, axes):
    """Compute the fraction of the cells' squares that the axes keep."""
    along = cells @ axes.to(cells).transpose(1, 2)
    return (weights[..., None] * along.square()).sum() / (
        weights[..., None] * cells.square()).sum()


def test_the_axis_of_cells_on_a_line_by_hand():
    """The cells are multiples of (3, 4) / 5, and one without a weight."""
    cells = torch.tensor([[[3., 4], [-6, -8], [9, 9]]])
    axis, = main_axes(cells, torch.tensor([[1., 2, 0]]), 1)[0].double()
    # The tolerance is that of float16.
    torch.testing.assert_close(
        axis * axis.sign(), torch.tensor([.6, .8]).double(), rtol=1e-3,
        atol=0)


def test_a_weight_is_equivalent_to_as_many_cells():
    """A weight of ten on one axis is less than fifty cells on another."""
    cells = torch.eye(3)[[0] + [1] * 50][None]
    weights = torch.tensor([[10.] + [1] * 50])
    axis, = main_axes(cells, weights, 1)[0].double()
    torch.testing.assert_close(
        axis.abs(), torch.tensor([0, 1., 0]).double(), rtol=0, atol=0.01)


@pytest.mark.parametrize('rank', [1, 4, 12])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_main_axes_keep_nearly_as_much_as_the_eigenvectors(rank, dtype):
    cells = photograph()
    weights = torch.rand(
        1, 200, generator=torch.Generator().manual_seed(1)).double()
    axes = main_axes(cells.to(dtype), weights.to(dtype), rank)
    assert axes.shape == (1, rank, 24) and axes.dtype == torch.float16
    moments = cells.mT @ (weights[..., None] * cells)
    values = torch.linalg.eigvalsh(moments[0])
    best = values[-rank:].sum() / values.sum()
    assert best - 5e-3 < kept(cells, weights, axes) < best + 1e-3
    gram = axes.double() @ axes.double().mT
    torch.testing.assert_close(
        gram, torch.eye(rank)[None].double(), rtol=0, atol=1e-3)


def test_the_same_cells_give_the_same_axes_in_any_batch():
    cells = torch.cat([photograph(seed=seed) for seed in range(3)])
    weights = torch.ones(3, 200).double()
    together = main_axes(cells, weights, 5)
    for i in range(3):
        assert torch.equal(
            main_axes(cells[i:i + 1], weights[i:i + 1], 5)[0], together[i])


def test_cells_that_span_fewer_directions_are_kept_completely():
    cells = photograph(cells=3)
    axes = main_axes(cells, torch.ones(1, 3).double(), 6)
    torch.testing.assert_close(
        cells @ axes.double().mT @ axes.double(), cells, rtol=0, atol=2e-3)


@pytest.mark.parametrize(('cells', 'weights'), [(0, 1), (1, 0)])
def test_zero_cells_or_weights_give_axes_without_nan(cells, weights):
    axes = main_axes(
        cells * photograph(), weights * torch.ones(1, 200).double(), 4)
    assert axes.isfinite().all()


def test_main_axes_have_no_gradient():
    axes = main_axes(
        photograph().requires_grad_(), torch.ones(1, 200).double(), 4)
    assert not axes.requires_grad


def test_a_rank_is_none_or_a_positive_integer():
    for rank in (None, 1, 64):
        check_rank(rank)
    for rank in (0, -1, 1.0, '64', True):
        with pytest.raises(
                InputError, match='expected rank as an integer at least'):
            check_rank(rank)
