import torch

from mmseg_panet.models.classifiers.presence import reach, suppress


def test_the_reach_is_minus_1_at_the_background_and_1_at_the_way():
    """With S' = I, the weights are the means.

    The background is at (1, 0) and the way at (0, 1). The margin of a cell
    (u, v) is v - u, and that of the mean of both classes is 0.
    """
    means = torch.tensor([[[1., 0], [0, 1]]])
    bias = torch.full((1, 2), -0.5)
    for cell, expected in (
            ((1, 0), -1), ((0, 1), 1), ((.5, .5), 0), ((.6, .8), .2)):
        cells = torch.tensor([[cell]]).float()
        torch.testing.assert_close(
            reach(cells, means, means, bias), torch.tensor([[expected]]),
            check_dtype=False)


def test_the_reach_uses_one_percent_of_cells_and_at_least_four():
    means = torch.tensor([[[1., 0], [0, 1]]])
    bias = torch.full((1, 2), -0.5)
    for number, judged in ((3, 3), (100, 4), (1000, 10)):
        # One cell is of the way, and the others are background.
        cells = torch.tensor([[0., 1]] + [[1, 0]] * (number - 1))[None]
        torch.testing.assert_close(
            reach(cells, means, means, bias),
            torch.tensor([[(1 - (judged - 1)) / judged]]))


def test_the_reach_does_not_depend_on_the_size_of_the_scatter():
    generator = torch.Generator().manual_seed(0)
    means, weight = torch.randn(2, 3, 4, 5, generator=generator)
    cells = torch.randn(1, 30, 5, generator=generator)
    bias = torch.randn(3, 4, generator=generator)
    found = reach(cells, means, weight, bias)
    assert found.shape == (3, 3)
    torch.testing.assert_close(
        reach(cells, means, 8 * weight, 8 * bias), found)


def test_equal_classes_have_a_finite_reach():
    ones = torch.ones(1, 2, 3)
    assert reach(ones, ones, ones, torch.zeros(1, 2)).tolist() == [[0]]


def test_absent_ways_are_suppressed_below_the_background():
    logits = torch.tensor([[[1., 5], [4, -40], [2, 3]]])
    found = suppress(logits, torch.tensor([[True, False]]))
    assert found.tolist() == [[[1, 5], [-19, -40], [2, 3]]]
