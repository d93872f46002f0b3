from dataclasses import replace

import pytest
import torch

from mmseg_panet.models import SupportStatistics
from mmseg_panet.models.bank.plausibility import fault_of


def measured(rank=None, unit=False, needs=('moments', 'cells')):
    """Measure an image of 12 cells with a class, another class and a rest."""
    generator = torch.Generator().manual_seed(0)
    weights = torch.rand(1, 3, 3, 4, generator=generator).double()
    weights[:, 0] += weights[:, 1:].sum(1)
    return SupportStatistics.from_weights(
        torch.randn(1, 6, 3, 4, generator=generator).double(), weights,
        needs, unit, rank).each(lambda one: one[0])


@pytest.mark.parametrize('unit', [False, True])
@pytest.mark.parametrize('rank', [None, 3])
@pytest.mark.parametrize('needs', [(), ('moments',), ('moments', 'cells')])
def test_what_was_measured_is_plausible(rank, unit, needs):
    one = measured(rank, unit, needs)
    assert fault_of(one, unit) == ''
    if 'moments' in needs:
        assert fault_of(replace(one, moments=one.moments.float())) == ''


def test_an_image_of_one_colour_is_plausible():
    """The moments have rank 1: their matrix is on the border."""
    statistics = SupportStatistics.from_weights(
        torch.full((1, 6, 3, 4), 1e4).double(),
        torch.full((1, 2, 3, 4), 8.).double(), ('moments',))
    one = statistics.each(lambda tensor: tensor[0])
    assert fault_of(replace(one, moments=one.moments.float())) == ''


def test_an_image_without_features_is_plausible():
    one = measured().each(torch.zeros_like)
    assert fault_of(replace(one, areas=torch.tensor([9., 4., 0.]),
                            weights=None, cells=None)) == ''


def changed(name, change):
    one = measured()
    tensor = getattr(one, name).clone()
    change(tensor)
    return replace(one, **{name: tensor})


@pytest.mark.parametrize(('name', 'change', 'words'), [
    ('areas', lambda areas: areas[0].zero_(), 'area above 0'),
    ('areas', lambda areas: areas[1].zero_(), 'area above 0'),
    ('areas', lambda areas: areas[1].add_(areas[0]), 'within the total'),
    ('areas', lambda areas: areas[2].zero_(), 'no sums without pixels'),
    ('areas', lambda areas: areas[2].mul_(.9), 'of the areas and sums'),
    ('sums', lambda sums: sums[2, 3].add_(.1), 'weights and cells'),
    ('weights', lambda weights: weights[1, 3].add_(.1), 'weights and cells'),
    ('cells', lambda cells: cells[5, 3].add_(.1), 'weights and cells'),
    ('moments', lambda moments: moments[1].fill_(.1), 'expected moments'),
    ('moments', lambda moments: moments[1].neg_(), 'expected moments'),
    ('moments', lambda moments: moments[1].mul_(.05), 'expected moments'),
    ('moments', lambda moments: moments[1].mul_(100), 'expected moments'),
    ('moments', lambda moments: moments[0].zero_(), 'expected moments')])
def test_what_no_image_has_is_named(name, change, words):
    assert words in fault_of(changed(name, change))


def test_sums_of_unit_cells_are_at_most_the_area():
    one = measured(unit=True, needs=())
    longer = replace(one, sums=one.sums * 20)
    assert fault_of(longer) == ''
    assert 'cells of length 1' in fault_of(longer, unit=True)
